import Files
import Foundation
import Tensors

/// The arrays of a safetensors file, float32 or int32, as tensors.
package func tensors(_ url: URL) throws -> [String: Tensor] { try Safetensors.read(url).mapValues(tensor) }

/// A stored array, float32 or int32, as a tensor.
package func tensor(_ stored: StoredTensor) -> Tensor {
  if let floats = stored.floats() { return Tensor(floats, shape: stored.shape) }
  let integers = stored.data.withUnsafeBytes { bytes in
    (0..<(bytes.count / 4)).map { bytes.loadUnaligned(fromByteOffset: 4 * $0, as: Int32.self) }
  }
  return Tensor(integers, shape: stored.shape)
}

/// The greatest difference of two arrays as a part of the greatest value of the second; infinite where a value isn't finite.
package func relativeDifference(_ a: Tensor, _ b: Tensor) -> Double {
  precondition(a.shape == b.shape, "\(a.shape) compared with \(b.shape)")
  let (a, b) = (a.values(as: Float.self), b.values(as: Float.self))
  guard a.allSatisfy(\.isFinite) else { return .infinity }
  let scale = b.map { abs($0) }.max() ?? 0
  return Double(zip(a, b).map { abs($0 - $1) }.max() ?? 0) / Double(max(scale, .leastNormalMagnitude))
}
