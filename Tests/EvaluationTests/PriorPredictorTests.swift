import Datasets
import Evaluation
import Files
import Foundation
import TestSupport
import Testing

@Suite("Predictors without a network") struct PriorPredictorTests {
  /// NumPy's, from the rules in words; Benchmarks/peers/fixtures/prior_predictors.py wrote them.
  @Test func equalThePeers() throws {
    let peer = try JSONValue.read(fixture("prior_predictors.json"))
    let grid = try #require(peer["grid"]?.ints)
    let labelCount = try #require(peer["labels"]?.int)
    for name in ["with_height", "without_height"] {
      let shape = name == "with_height" ? grid : [1, grid[1], grid[2]]
      var found = PriorStatistics(labelCount: labelCount, features: PriorFeatures(grid: shape))
      for volume in try #require(peer["volumes"]?.array) {
        found.learn(volume["labels"]!.ints!.map { Int16($0) }, shape: volume["shape"]!.ints!)
      }
      let expected = try #require(peer[name])
      #expect(found.majority().prediction(shape: shape).map(Int.init) == expected["majority"]!.ints!, "\(name)")
      #expect(found.thresholded().prediction(shape: shape).map(Int.init) == expected["thresholded"]!.ints!, "\(name)")
      #expect(found.thresholds() == expected["thresholds"]!.array!.dropFirst().map(\.double))
    }
  }

  @Test func theMajorityIsTakenAtEachRelativePosition() {
    var statistics = PriorStatistics(labelCount: 3, features: PriorFeatures(grid: [1, 2, 2]))
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
    var statistics = PriorStatistics(labelCount: 4, features: PriorFeatures(grid: [1, 1, 3]))
    let labels = row(1, 4) + row(1, 3) + row(2, 10)
    statistics.learn(labels, shape: [1, 1, 30])
    #expect(statistics.thresholds() == [0.3, 1, nil])
    let expected = [Int16](repeating: 1, count: 20) + [Int16](repeating: 2, count: 10)
    #expect(statistics.thresholded().prediction(shape: [1, 1, 30]) == expected)
    #expect(
      statistics.majority().prediction(shape: [1, 1, 3]) == [0, 0, 2], "a majority predicts what is common, no more")
  }

  /// Where several labels pass, the share in units of the threshold decides: label 2's 0.4 is all that it ever has, label 1
  /// has 0.5 there and 1 elsewhere.
  @Test func ofSeveralThatPassTheGreatestRatioWins() {
    var statistics = PriorStatistics(labelCount: 3, features: PriorFeatures(grid: [1, 1, 2]))
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
    var statistics = PriorStatistics(labelCount: 3, features: PriorFeatures(grid: [1, 1, 2]))
    // The first place: 6 of 10 kidney, 2 of 10 tumour; the second: 3 and 0.
    statistics.learn([1, 1, 1, 1, 1, 1, 2, 2, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0], shape: [1, 1, 20])
    let classes = [PriorClass(labels: [1, 2], predictedLabel: 1), PriorClass(labels: [2], predictedLabel: 2)]
    // Both places of the kidney: 22 / 31; the first alone: 16 / 21.
    #expect(statistics.thresholds(classes) == [0.8, 0.2])
    #expect(statistics.thresholded(classes).prediction(shape: [1, 1, 2]) == [2, 0])
    #expect(statistics.thresholded(Array(classes.reversed())).prediction(shape: [1, 1, 2]) == [1, 0])
  }

  /// Two labels that lie everywhere, one of them bright: intensity tells them apart, position does not.
  @Test func intensityTellsWhatIsBright() {
    let edges = PriorFeatures.edges(of: [1, 1, 2, 2, 5, 5, 9, 9], parts: 4)
    #expect(edges == [2, 5, 9])
    var statistics = PriorStatistics(labelCount: 3, features: PriorFeatures(edges: edges))
    statistics.learn([1, 0, 2, 0, 2, 1, 0, 2], image: [5, 1, 9, 2, 11, 6, 0, 9], shape: [1, 2, 4])
    #expect(statistics.thresholds() == [1, 1])
    // What is no number lies with the lowest.
    let image: [Float] = [-3, .nan, 4.9, 5, 8.9, 9, .infinity, 1]
    #expect(statistics.thresholded().prediction(shape: [2, 2, 2], image: image) == [0, 0, 0, 1, 1, 2, 2, 0])
    // Places and intensities together: bright on the left is label 1, bright on the right label 2.
    var both = PriorStatistics(labelCount: 3, features: PriorFeatures(grid: [1, 1, 2], edges: [3]))
    both.learn([1, 0, 2, 0], image: [5, 1, 5, 1], shape: [1, 1, 4])
    #expect(both.majority().prediction(shape: [1, 2, 2], image: [5, 5, 1, 5]) == [1, 2, 0, 2])
    #expect(
      PriorFeatures.edges(of: [.nan, 4, 4, 4], parts: 16).isEmpty && PriorFeatures.edges(of: [], parts: 3).isEmpty)
  }

  @Test func volumesSmallerThanTheGridAndLabelsThatAreNone() {
    var learner = PriorLearner(labelCount: 2, intensities: [0, 1, 2, 3])
    learner.learn([1, -1, 7, 0], image: [3, 2, 1, 0], shape: [1, 2, 2])
    #expect(learner.predictors().map(\.rule) == PriorRule.allCases)
    for (rule, predictor) in learner.predictors() {
      #expect(predictor.prediction(shape: [1, 2, 2], image: [3, 2, 1, 0]) == [1, 0, 0, 0], "\(rule.rawValue)")
      #expect(predictor.prediction(shape: [3, 1, 1], image: [0, 1, 2]).count == 3)
    }
    // Nothing learnt, nothing predicted.
    for (_, predictor) in PriorLearner(labelCount: 3, intensities: []).predictors() {
      #expect(predictor.prediction(shape: [2, 2, 2]).allSatisfy { $0 == 0 })
    }
  }
}
