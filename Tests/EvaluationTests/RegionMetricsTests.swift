import Evaluation
import Files
import Foundation
import Imaging
import TestSupport
import Testing

/// Dice of regions with an ignore label, against nnU-Net's `compute_metrics`: see Benchmarks/peers/fixtures/regions.py.
struct RegionMetricsTests {
  private static let peers = try! Safetensors.read(
    fixture("regions.safetensors"))

  private func values<Value>(_ name: String, as: Value.Type) throws -> [Value] {
    let stored = try #require(Self.peers[name], "no \(name) in the fixture")
    let size = MemoryLayout<Value>.size
    return stored.data.withUnsafeBytes { bytes in
      (0..<(bytes.count / size)).map { bytes.loadUnaligned(fromByteOffset: size * $0, as: Value.self) }
    }
  }

  private func volume(_ name: String) throws -> Volume<Int16> {
    let shape = try #require(Self.peers[name]).shape
    return Volume(
      shape: shape, voxels: try values(name, as: Int32.self).map { Int16($0) },
      header: NIfTIHeader(shape: shape, spacing: [1, 1, 1]))
  }

  private static let regions = [
    EvaluationClass(name: "kidney", labels: [1, 2, 3]), EvaluationClass(name: "masses", labels: [2, 3]),
    EvaluationClass(name: "tumor", labels: [2]),
  ]
  private static let labels = (1...3).map { EvaluationClass(name: "\($0)", labels: [$0]) }

  @Test(arguments: [("regions", regions, 4), ("labels", labels, 4), ("all", regions, nil)])
  func diceIsNNUNets(name: String, classes: [EvaluationClass], ignoreLabel: Int16?) throws {
    let (reference, prediction) = (try volume("reference"), try volume("prediction"))
    let evaluator = Evaluator(classes: classes, ignoreLabel: ignoreLabel)
    let metrics = try evaluator.evaluate(reference: reference, prediction: prediction, classes: classes)
    let counts = try values("\(name).voxels", as: Int32.self).map(Int.init)
    for (index, expected) in try values("\(name).dice", as: Double.self).enumerated() {
      #expect(abs(try #require(metrics[index].dsc) - expected) < 1e-12)
      #expect(metrics[index].referenceVoxels == counts[2 * index])
      #expect(metrics[index].predictionVoxels == counts[2 * index + 1])
    }
  }

  @Test func foldersAreEvaluatedWithoutWhatNobodyAnnotated() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("segbench-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    for name in ["reference", "prediction"] {
      let url = folder.appendingPathComponent(name)
      try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
      try NIfTI.write(try volume(name), to: url.appendingPathComponent("a.nii.gz"))
    }
    func evaluate(_ ignoreLabel: Int16?) throws -> EvaluationReport {
      try Evaluator(classes: Self.regions, ignoreLabel: ignoreLabel).evaluate(
        references: folder.appendingPathComponent("reference"),
        predictions: folder.appendingPathComponent("prediction"))
    }
    let expected = try values("regions.dice", as: Double.self)
    let found = try evaluate(4)
    for (index, dice) in expected.enumerated() {
      #expect(abs(try #require(found.cases[0].classes[index].dsc) - dice) < 1e-12)
    }
    // NSD and HD95 are of the annotated voxels, too: a prediction that errs only elsewhere is perfect.
    var perfect = try volume("reference")
    for voxel in perfect.voxels.indices where perfect.voxels[voxel] == 4 { perfect.voxels[voxel] = Int16(voxel % 4) }
    try NIfTI.write(perfect, to: folder.appendingPathComponent("prediction/a.nii.gz"))
    let all = try evaluate(4).cases[0].classes
    #expect(all.allSatisfy { $0.dsc == 1 && $0.nsd == 1 && $0.hd95 == 0 })
    // Without the ignore label's number its voxels belong to no class.
    #expect(throws: EvaluationError.self) { try evaluate(nil) }
  }
}
