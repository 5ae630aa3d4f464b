import Files
import Foundation
import Tensors

/// The arrays that a peer wrote, by name.
struct PeerValues {
  private let arrays: [String: Tensor]
  private let path: String

  /// - Throws: what reading a safetensors file throws.
  init(_ url: URL) throws {
    path = url.path
    arrays = try Safetensors.read(url).compactMapValues { stored in
      stored.floats().map { Tensor($0, shape: stored.shape) }
    }
  }

  /// - Throws: `MissingArray`.
  func callAsFunction(_ name: String) throws -> Tensor {
    guard let found = arrays[name] else { throw MissingArray(name: name, path: path) }
    return found
  }
}

struct MissingArray: Error, CustomStringConvertible {
  let name: String
  let path: String
  var description: String { "\(path) has no array \(name)" }
}
