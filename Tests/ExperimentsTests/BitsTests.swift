import Datasets
import Evaluation
import Experiments
import Files
import Foundation
import Recipes
import Tensors
import TestSupport
import Testing

/// The bits of one short run of each method and of the three stages of pretraining, beside those that were committed
/// (`Fixtures/bits.json`): the same on every machine, whatever its processor and its number of threads.
///
/// `SEGBENCH_RECORD_BITS=1` writes them. Do that only where results may change, with the reason in the commit.
@Suite(.serialized) struct BitsTests {
  private static let file = fixture("bits.json")

  /// Table 3's last row takes the three stages with it.
  private static let rows = [
    "table2/amos22-nnu-net", "table2/lits-segformer", "table2/btcv-dino-u-net", "table3/4-stages-1-2-3",
  ]

  /// On three threads, behind memory that the host cannot address: what trains and predicts reaches it through the backend alone.
  @Test(arguments: rows) func aShortRunOnAGuardedDeviceHasTheCommittedBits(row: String) throws {
    let expected = try JSONValue.read(Self.file)[row]
    let device = Device(GuardedBackend())
    let found = try #require(try Compute.with(threads: 3) { try device { try Self.digests(row) } })
    for (name, digest) in found { #expect(expected?[name] == .string(digest), "\(row): \(name)") }
  }

  @Test(arguments: rows) func aShortRunHasTheCommittedBits(row: String) throws {
    let found = try Self.digests(row)
    if ProcessInfo.processInfo.environment["SEGBENCH_RECORD_BITS"] != nil {
      guard case .object(var members) = try JSONValue.read(Self.file) else { return }
      members.removeAll { $0.key == row }
      members.append(.init(row, .object(found.map { .init($0.name, .string($0.digest)) })))
      members.sort { $0.key < $1.key }
      try AtomicFile.write(Data((JSONValue.object(members).text() + "\n").utf8), to: Self.file)
      return
    }
    let expected = try JSONValue.read(Self.file)[row]
    for (name, digest) in found { #expect(expected?[name] == .string(digest), "\(row): \(name)") }
  }

  /// On another instruction set than this processor's best.
  @Test func aShortRunHasTheCommittedBitsOnAnotherInstructionSet() throws {
    guard Compute.instructionSet == .avx512 else { return }
    let expected = try JSONValue.read(Self.file)
    for row in Self.rows {
      let found = try #require(try Compute.with(.avx2) { try Self.digests(row) })
      for (name, digest) in found { #expect(expected[row]?[name] == .string(digest), "\(row): \(name)") }
    }
  }

  /// Runs a row at a fraction of the quick profile and returns the digests of its prepared cases, weights, curve, predictions
  /// and scores, and the weights of the pretrainings it started from.
  private static func digests(_ row: String) throws -> [(name: String, digest: String)] {
    let place = try TemporaryWorkspace()
    let recipe = try RecipeLibrary(root: place.workspace.recipes).resolve(
      "meddinov3/\(row)", profile: "quick",
      overrides: ["training.steps_per_epoch=2", "training.epochs=2", "dataset.phantom.size=[64, 64, 8]"])
    let record = try Runner(workspace: place.workspace).run(recipe, seed: 0)
    let metrics = try #require(record.metrics)
    var prepared: [String] = []
    for path in try place.preparedCases().keys.sorted() {
      let file = try CaseFile(place.workspace.prepared.appendingPathComponent("cases/\(path)"))
      for z in 0..<file.properties.shape[0] {
        prepared.append(try file.imageSlice(z).withUnsafeBytes { Digest.sha256(of: $0) })
        prepared.append(Digest.sha256(of: try file.labelSlice(z).map(String.init).joined(separator: ",")))
      }
    }
    func table(_ value: (ClassMetrics) -> Double?) -> [[Double]] {
      metrics.measured.map { $0.classes.map { value($0) ?? .nan } }
    }
    func joined(_ values: [[Double]]) -> String { Digest.sha256(of: values.map { "\($0)" }.joined(separator: "\n")) }
    return [
      ("prepared cases", Digest.sha256(of: prepared.joined())),
      ("weights", record.description.weightsDigest),
      ("pretraining", Digest.sha256(of: record.description.initialWeightsDigest)),
      ("curves", Self.digest(record.curves)),
      ("predictions", Digest.sha256(of: metrics.predictionDigests.joined())),
      ("scores", joined(table(\.dsc) + table(\.nsd) + table(\.hd95))),
    ]
  }

  /// Of the columns but the clock's.
  private static func digest(_ curves: RunCurves) -> String {
    let lines = curves.columns.filter { $0.name != "seconds" }.map { name, values in
      "[\(values.map { "\($0)" }.joined(separator: ", "))]"
    }
    return Digest.sha256(of: lines.joined(separator: "\n"))
  }
}
