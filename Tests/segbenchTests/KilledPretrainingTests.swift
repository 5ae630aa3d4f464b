import Foundation
import Testing

/// A pretraining of a very small network, begun or gone on with.
private func start(in home: URL) throws -> Process {
  let settings = [
    "network.vit={width: 16, depth: 1, heads: 2}", "images.count=4", "images.size=32",
    "self_distillation.iterations=150", "self_distillation.batch_size=4", "self_distillation.micro_batch_size=2",
    "self_distillation.crops.sizes=[{global: 16, local: 8}]", "self_distillation.snapshots=[40, 110]",
    "self_distillation.head={prototypes: 16, hidden_width: 16, bottleneck_width: 8}",
  ]
  let process = command(
    ["run", "Recipes/meddinov3/pretraining/natural-images.yaml", "--profile", "quick"]
      + settings.flatMap { ["--set", $0] }, home: home)
  process.standardOutput = FileHandle.nullDevice
  process.standardError = FileHandle.nullDevice
  try process.run()
  return process
}

/// What the run left, by path; records with wall times in them are left out.
private func results(_ home: URL) throws -> [String: String] {
  try digests(below: home.appendingPathComponent("runs")) { $0.hasSuffix(".safetensors") || $0.hasSuffix("latest.h5") }
}

/// Killed by signal 9 at several moments, a pretraining goes on from what is on disk and ends with the same bytes.
@Test func aKilledPretrainingEndsWithTheSameBytes() throws {
  try withTemporaryHome { whole in
    try withTemporaryHome { killed in
      try kill(at: [0.08, 0.35, 0.5, 0.65], of: start, in: killed, beside: whole)
      let expected = try results(whole)
      // The weights, teacher and student with their heads, two snapshots and the checkpoint.
      #expect(expected.count == 6)
      try #expect(results(killed) == expected)
    }
  }
}
