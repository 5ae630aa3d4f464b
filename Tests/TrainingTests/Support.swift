import Files
import Foundation
import Tensors
import Testing

/// The peers' values by file: see Benchmarks/peers/fixtures/training.py and regions.py.
let peers: [String: [String: StoredTensor]] = {
  let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
  let files = ["training", "regions"].map {
    ($0, try! Safetensors.read(folder.appendingPathComponent("Fixtures/\($0).safetensors")))
  }
  return Dictionary(uniqueKeysWithValues: files)
}()

/// A peer's array as a tensor, float32 or int32.
func peer(_ name: String, _ file: String = "training") throws -> Tensor {
  let stored = try #require(peers[file]?[name], "no \(name) in the fixture")
  if let floats = stored.floats() { return Tensor(floats, shape: stored.shape) }
  let integers = stored.data.withUnsafeBytes { bytes in
    (0..<(bytes.count / 4)).map { bytes.loadUnaligned(fromByteOffset: 4 * $0, as: Int32.self) }
  }
  return Tensor(integers, shape: stored.shape)
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
  let folder = FileManager.default.temporaryDirectory.appendingPathComponent("segbench-training-\(UUID().uuidString)")
  try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(at: folder) }
  return try body(folder)
}
