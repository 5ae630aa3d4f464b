import Files
import Foundation
import Networks
import Tensors

/// A committed file under Fixtures.
func fixture(_ name: String) -> URL {
  URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Fixtures/\(name)")
}

/// The arrays of a safetensors fixture as tensors.
func tensors(_ url: URL) throws -> [String: Tensor] {
  try Safetensors.read(url).mapValues { Tensor($0.floats()!, shape: $0.shape) }
}

/// max |a - b| / max |b|
func relativeError(_ a: Tensor, _ b: Tensor) -> Double {
  precondition(a.shape == b.shape, "\(a.shape) compared with \(b.shape)")
  let (a, b) = (a.values(as: Float.self), b.values(as: Float.self))
  var difference: Float = 0
  var size: Float = 0
  for (x, y) in zip(a, b) {
    guard x.isFinite else { return .infinity }
    difference = max(difference, abs(x - y))
    size = max(size, abs(y))
  }
  return Double(difference / size)
}

/// Over the last axis's rows, the largest ‖a - b‖ / ‖b‖.
func worstRowError(_ a: Tensor, _ b: Tensor) -> Double {
  precondition(a.shape == b.shape, "\(a.shape) compared with \(b.shape)")
  let width = a.shape.last!
  let (a, b) = (a.values(as: Float.self), b.values(as: Float.self))
  var worst = 0.0
  for row in stride(from: 0, to: a.count, by: width) {
    var difference = 0.0
    var size = 0.0
    for index in row..<(row + width) {
      difference += pow(Double(a[index]) - Double(b[index]), 2)
      size += pow(Double(b[index]), 2)
    }
    guard difference.isFinite else { return .infinity }
    worst = max(worst, (difference / size).squareRoot())
  }
  return worst
}

/// Runs `body` with a new folder that is removed afterwards.
func withTemporaryFolder<Result>(_ body: (URL) throws -> Result) throws -> Result {
  let folder = FileManager.default.temporaryDirectory.appendingPathComponent("segbench-networks-\(UUID().uuidString)")
  try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(at: folder) }
  return try body(folder)
}

/// The description of the error that `body` throws; empty when it throws none.
func errorText(_ body: () throws -> Void) -> String {
  do {
    try body()
    return ""
  } catch {
    return "\(error)"
  }
}
