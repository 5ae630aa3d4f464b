import Files
import Foundation
import Tensors
import Testing

/// The peer's values: see Benchmarks/peers/fixtures/self_distillation.py.
let peers: [String: StoredTensor] = {
  let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
  return try! Safetensors.read(folder.appendingPathComponent("Fixtures/self_distillation.safetensors"))
}()

func peer(_ name: String) throws -> Tensor {
  let stored = try #require(peers[name], "no \(name) in the fixture")
  return Tensor(try #require(stored.floats()), shape: stored.shape)
}

/// The greatest difference of two arrays as a part of the greatest value of the second.
func relativeDifference(_ a: Tensor, _ b: Tensor) -> Double {
  #expect(a.shape == b.shape)
  let (a, b) = (a.values(as: Float.self), b.values(as: Float.self))
  let scale = b.map { abs($0) }.max() ?? 0
  return Double(zip(a, b).map { abs($0 - $1) }.max() ?? 0) / Double(max(scale, .leastNormalMagnitude))
}

/// Runs `body` with a new folder that is removed afterwards.
func withTemporaryFolder<Result>(_ body: (URL) throws -> Result) throws -> Result {
  let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
    "segbench-pretraining-\(UUID().uuidString)")
  try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(at: folder) }
  return try body(folder)
}
