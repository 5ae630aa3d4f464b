import Datasets
import Evaluation
import Files
import Foundation
import TestSupport
import Testing

@Suite("Predictors that never see the image") struct PositionPredictorTests {
  /// NumPy's, from the rules in words; Benchmarks/peers/fixtures/position_predictors.py wrote them.
  @Test func equalThePeers() throws {
    let peer = try JSONValue.read(fixture("position_predictors.json"))
    let grid = try #require(peer["grid"]?.ints)
    var statistics = PositionStatistics(labelCount: try #require(peer["labels"]?.int), grid: grid)
    for volume in try #require(peer["volumes"]?.array) {
      statistics.learn(volume["labels"]!.ints!.map { Int16($0) }, shape: volume["shape"]!.ints!)
    }
    for (name, found) in [("with_height", statistics), ("without_height", statistics.withoutHeight())] {
      let expected = try #require(peer[name])
      let shape = name == "with_height" ? grid : [1, grid[1], grid[2]]
      #expect(found.majority().prediction(shape: shape).map(Int.init) == expected["majority"]!.ints!, "\(name)")
      #expect(found.thresholded().prediction(shape: shape).map(Int.init) == expected["thresholded"]!.ints!, "\(name)")
      #expect(found.thresholds() == expected["thresholds"]!.array!.dropFirst().map(\.double))
    }
  }

  @Test func theMajorityIsTakenAtEachRelativePosition() {
    var statistics = PositionStatistics(labelCount: 3, grid: [1, 2, 2])
    // Two cases agree on the upper left quarter, disagree on the lower right one, where label 1 comes before label 2.
    statistics.learn([1, 0, 0, 2], shape: [1, 2, 2])
    statistics.learn([1, 0, 0, 1], shape: [1, 2, 2])
    statistics.learn([1, 2, 0, 0], shape: [1, 2, 2])
    #expect(statistics.majority().prediction(shape: [1, 2, 2]) == [1, 0, 0, 0])
    // A larger volume is covered by the same places.
    #expect(
      statistics.majority().prediction(shape: [2, 4, 2]) == [1, 0, 1, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0])
  }

  /// Three places of ten voxels. Label 1 has 4 voxels at the first and 3 at the second: predicting the first alone gives a
  /// Dice of 8 / 17, both 14 / 27, so the threshold is 0.3 and the majority never predicts it.
  @Test func aThresholdIsThatOfTheBestDice() {
    func row(_ label: Int16, _ voxels: Int) -> [Int16] {
      [Int16](repeating: label, count: voxels) + [Int16](repeating: 0, count: 10 - voxels)
    }
    var statistics = PositionStatistics(labelCount: 4, grid: [1, 1, 3])
    let labels = row(1, 4) + row(1, 3) + row(2, 10)
    statistics.learn(labels, shape: [1, 1, 30])
    #expect(statistics.thresholds() == [0.3, 1, nil])
    let expected = [Int16](repeating: 1, count: 20) + [Int16](repeating: 2, count: 10)
    #expect(statistics.thresholded().prediction(shape: [1, 1, 30]) == expected)
    #expect(
      statistics.majority().prediction(shape: [1, 1, 3]) == [0, 0, 2], "a majority predicts what is common, no more")
    #expect(PositionRule.allCases.count == statistics.predictors().count)
  }

  /// Where several labels pass, the share in units of the threshold decides: label 2's 0.4 is all that it ever has, label 1
  /// has 0.5 there and 1 elsewhere.
  @Test func ofSeveralThatPassTheGreatestRatioWins() {
    var statistics = PositionStatistics(labelCount: 3, grid: [1, 1, 2])
    statistics.learn([1, 1, 1, 1, 1, 2, 2, 2, 2, 0] + [Int16](repeating: 1, count: 10), shape: [1, 1, 20])
    #expect(statistics.thresholds() == [0.5, 0.4])
    // Both at their thresholds: the lower label.
    #expect(statistics.thresholded().prediction(shape: [1, 1, 2]) == [1, 1])
    statistics.learn([2, 2, 2, 2, 2, 2, 1, 1, 1, 0] + [Int16](repeating: 1, count: 10), shape: [1, 1, 20])
    #expect(statistics.thresholds()[1] == 0.5)
  }

  /// A kidney of labels 1 and 2, of which 2 is the tumour: the region's threshold is over both labels' voxels, and the tumour
  /// is written over it.
  @Test func regionsAreWrittenInTheirOrder() {
    var statistics = PositionStatistics(labelCount: 3, grid: [1, 1, 2])
    // The first place: 6 of 10 kidney, 2 of 10 tumour; the second: 3 and 0.
    statistics.learn([1, 1, 1, 1, 1, 1, 2, 2, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0], shape: [1, 1, 20])
    let classes = [PositionClass(labels: [1, 2], predictedLabel: 1), PositionClass(labels: [2], predictedLabel: 2)]
    // Both places of the kidney: 22 / 31; the first alone: 16 / 21.
    #expect(statistics.thresholds(classes) == [0.8, 0.2])
    #expect(statistics.thresholded(classes).prediction(shape: [1, 1, 2]) == [2, 0])
    #expect(statistics.thresholded(Array(classes.reversed())).prediction(shape: [1, 1, 2]) == [1, 0])
  }

  @Test func volumesSmallerThanTheGridAndLabelsThatAreNone() {
    var statistics = PositionStatistics(labelCount: 2)
    statistics.learn([1, -1, 7, 0], shape: [1, 2, 2])
    for (rule, predictor) in statistics.predictors() {
      #expect(predictor.prediction(shape: [1, 2, 2]) == [1, 0, 0, 0], "\(rule.rawValue)")
      #expect(predictor.prediction(shape: [3, 1, 1]).count == 3)
    }
    // Nothing learnt, nothing predicted.
    let empty = PositionStatistics(labelCount: 3)
    for (_, predictor) in empty.predictors() { #expect(predictor.prediction(shape: [2, 2, 2]).allSatisfy { $0 == 0 }) }
  }
}
