import Files
import Foundation
import Testing

private let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
  .deletingLastPathComponent()

/// A pretraining of a very small network, in a workspace of its own.
private struct Workspace {
  let home: URL

  init() throws {
    home = FileManager.default.temporaryDirectory.appendingPathComponent("segbench-killed-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: home, withIntermediateDirectories: true)
    try FileManager.default.copyItem(
      at: repository.appendingPathComponent("Recipes"), to: home.appendingPathComponent("Recipes"))
  }

  func start() throws -> Process {
    let settings = [
      "network.vit={width: 16, depth: 1, heads: 2}", "images.count=4", "images.size=32",
      "self_distillation.iterations=150", "self_distillation.batch_size=4", "self_distillation.images_at_once=2",
      "self_distillation.crops.sizes=[{global: 16, local: 8}]", "self_distillation.snapshots=[40, 110]",
      "self_distillation.head={prototypes: 16, hidden_width: 16, bottleneck_width: 8}",
    ]
    let process = Process()
    process.executableURL = repository.appendingPathComponent(".build/release/segbench")
    process.arguments =
      ["run", "Recipes/meddinov3/pretraining/natural-images.yaml", "--profile", "quick"]
      + settings.flatMap { ["--set", $0] }
    process.currentDirectoryURL = home
    process.environment = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("SEGBENCH_") }
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    try process.run()
    return process
  }

  /// What the run left, by path; records with wall times in them are left out.
  func digests() throws -> [String: String] {
    let names = try #require(FileManager.default.enumerator(atPath: home.path)).compactMap { $0 as? String }
    let kept = names.filter { $0.hasSuffix(".safetensors") || $0.hasSuffix("latest.h5") }
    return Dictionary(
      uniqueKeysWithValues: try kept.map { ($0, try Digest.sha256(ofFileAt: home.appendingPathComponent($0))) })
  }
}

/// Killed by signal 9 at several moments, a pretraining goes on from what is on disk and ends with the same bytes.
@Test func aKilledPretrainingEndsWithTheSameBytes() throws {
  let (whole, killed) = (try Workspace(), try Workspace())
  defer { for home in [whole.home, killed.home] { try? FileManager.default.removeItem(at: home) } }
  let start = ContinuousClock.now
  let undisturbed = try whole.start()
  undisturbed.waitUntilExit()
  try #require(undisturbed.terminationStatus == 0)
  let seconds = (ContinuousClock.now - start) / .seconds(1)
  var kills = 0
  for part in [0.35, 0.5, 0.65] {
    let process = try killed.start()
    Thread.sleep(forTimeInterval: seconds * part)
    if process.isRunning { kills += 1 }
    kill(process.processIdentifier, SIGKILL)
    process.waitUntilExit()
  }
  let last = try killed.start()
  last.waitUntilExit()
  #expect(last.terminationStatus == 0 && kills > 0)
  let expected = try whole.digests()
  // The weights, the teacher with its heads, two snapshots and the checkpoint.
  #expect(expected.count == 5)
  try #expect(killed.digests() == expected)
}
