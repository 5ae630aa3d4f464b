import Datasets
import Evaluation
import Files
import Foundation
import Imaging
import TestSupport
import Testing

/// Five cases of boxes in which classes are missed and invented, with what MONAI and nnU-Net make of them;
/// Benchmarks/peers/fixtures/absent_classes.py wrote them.
@Suite("Absent and missed classes, against MONAI and nnU-Net") struct AveragingTests {
  private let peer: JSONValue

  init() throws { peer = try JSONValue.read(fixture("absent_classes.json")) }

  private func report(_ averaging: Averaging) throws -> EvaluationReport {
    let spacing = try #require(peer["spacing"]?.doubles)
    let classes = (1...5).map { EvaluationClass(name: "\($0)", labels: [Int16($0)]) }
    let evaluator = Evaluator(classes: classes)
    let cases = try #require(peer["cases"]?.array).map { item in
      let shape = item["shape"]!.ints!
      let header = NIfTIHeader(shape: shape, spacing: spacing)
      func volume(_ key: String) -> Volume<Int16> {
        Volume(shape: shape, voxels: item[key]!.ints!.map { Int16($0) }, header: header)
      }
      let reference = volume("reference")
      return CaseMetrics(
        name: item["name"]!.string!,
        classes: try evaluator.evaluate(reference: reference, prediction: volume("prediction"), classes: classes),
        diagonal: reference.diagonal)
    }
    return EvaluationReport(classes: classes, cases: cases, averaging: averaging)
  }

  private func expect(_ found: [Double?], _ rule: String, _ metric: String) throws {
    let expected = try #require(peer[rule]?[metric]?.array)
    #expect(found.count == expected.count)
    for (index, (mine, theirs)) in zip(found, expected).enumerated() {
      guard let theirs = theirs.double else {
        #expect(mine == nil, "\(rule) \(metric) of class \(index + 1): \(mine.map { "\($0)" } ?? "nil"), not defined")
        continue
      }
      #expect(mine.map { abs($0 - theirs) < 1e-6 } == true, "\(rule) \(metric) of class \(index + 1): \(mine ?? .nan)")
    }
  }

  @Test func excludeIsMONAIs() throws {
    let report = try report(Averaging())
    try expect(report.classMeans.map(\.dsc), "exclude", "dice")
    try expect(report.classMeans.map(\.nsd), "exclude", "surface_dice")
    try expect(report.classMeans.map(\.hd95), "exclude", "hd95")
    #expect(report.classCounts.map(\.counted) == [5, 2, 3, 0, 0])
  }

  @Test func zeroIsNNUNets() throws {
    let report = try report(Averaging(absent: .zero))
    try expect(report.classMeans.map(\.dsc), "zero", "dice")
    try expect(report.classMeans.map(\.nsd), "zero", "surface_dice")
    #expect(report.classCounts.map(\.counted) == [5, 3, 3, 2, 0])
    // A false positive has no distance, whatever it counts in DSC.
    #expect(report.classCounts.map(\.distances) == [5, 1, 1, 0, 0])
    // Case b: class 1's own Dice, and two false positives.
    let first = try #require(report.cases[1].classes[0].dsc)
    #expect(report.caseMeans[1].dsc == first / 3)
  }

  @Test func voxelsAndCountsAreNNUNets() throws {
    let report = try report(Averaging())
    #expect(
      report.cases.map { $0.classes.map(\.referenceVoxels) } == peer["reference_voxels"]!.array!.map { $0.ints! })
    #expect(
      report.cases.map { $0.classes.map(\.predictionVoxels) } == peer["prediction_voxels"]!.array!.map { $0.ints! })
    #expect(report.classCounts.map(\.present) == [5, 2, 3, 0, 0])
    #expect(report.classCounts.map(\.falsePositives) == [0, 1, 0, 2, 0])
    #expect(report.classCounts.map(\.missed) == [0, 1, 2, 0, 0])
    #expect(report.classCounts.map(\.distances) == [5, 1, 1, 0, 0])
  }

  /// A missed organ counts the image's diagonal: √((4 · 2.5)² + (7 · 0.75)² + (6 · 1.25)²) mm.
  @Test func aMissedOrganCountsTheDiagonal() throws {
    let diagonal = try #require(peer["diagonal"]?.double)
    let exclude = try report(Averaging())
    let found = try report(Averaging(missingDistance: .diagonal))
    #expect(exclude.cases.allSatisfy { abs($0.diagonal - diagonal) < 1e-6 })
    let (one, all) = (try #require(exclude.classMeans[1].hd95), try #require(found.classMeans[1].hd95))
    #expect(abs(all - (one + diagonal) / 2) < 1e-6)
    let third = try #require(exclude.classMeans[2].hd95)
    #expect(abs(found.classMeans[2].hd95! - (third + 2 * diagonal) / 3) < 1e-6)
    // Not for a case that does not count, unless the false positive does.
    #expect(found.classMeans[3].hd95 == nil && found.classCounts.map(\.distances) == [5, 2, 3, 0, 0])
    let both = try report(Averaging(absent: .zero, missingDistance: .diagonal))
    #expect(abs(both.classMeans[3].hd95! - diagonal) < 1e-6 && both.classCounts[3].distances == 2)
    // DSC does not know of it.
    #expect(found.classMeans.map(\.dsc) == exclude.classMeans.map(\.dsc))
  }

  @Test func theJSONNamesTheRulesAndTheCounts() throws {
    let json = try JSONSerialization.jsonObject(with: report(Averaging(absent: .zero)).json()) as? [String: Any]
    #expect(json?["absent"] as? String == "zero" && json?["hd95_missing"] as? String == "exclude")
    let second = (json?["classes"] as? [String: [String: Any]])?["2"]
    #expect(second?["counted_cases"] as? Int == 3 && second?["cases_with_class"] as? Int == 2)
    #expect(second?["false_positives"] as? Int == 1 && second?["missed"] as? Int == 1)
    #expect(second?["hd95_cases"] as? Int == 1)
  }
}
