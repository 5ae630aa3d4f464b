import Files
import Foundation
import Networks
import Tensors

/// What a peer computed: see network_parity.py.
struct PeerFile {
  private let arrays: [String: StoredTensor]
  private let url: URL

  init(_ url: URL) throws {
    self.url = url
    arrays = try Safetensors.read(url)
  }

  /// The numbers under `form.<name>`.
  func form(_ name: String) throws -> [Int] { try tensor("form.\(name)").values(as: Float.self).map { Int($0) } }

  private func tensor(_ name: String) throws -> Tensor {
    guard let stored = arrays[name], let floats = stored.floats() else {
      throw MissingArray(name: name, path: url.path)
    }
    return Tensor(floats, shape: stored.shape)
  }

  /// The arrays whose names begin so, without that beginning.
  private func arrays(under prefix: String) -> [String: StoredTensor] {
    Dictionary(
      uniqueKeysWithValues: arrays.filter { $0.key.hasPrefix(prefix) }.map {
        (String($0.key.dropFirst(prefix.count)), $0.value)
      })
  }

  /// Gives the network the peer's weights and compares logits and gradients: max |ours - theirs| / max |theirs|, for a
  /// gradient over those of its whole layer. (The gradient of a bias before a norm is zero; both sides have noise there.)
  func compare(_ candidate: Candidate) throws -> (logits: Double, gradients: Double, worst: String) {
    let parameters = candidate.network.parameters
    try candidate.mapping.load(WeightFile(contentsOf: url), into: parameters)
    let images = try tensor("images")
    var outputs: [Tensor] = []
    let (_, gradients) = try Tape.gradients {
      let found = candidate.network.logits(images, .evaluation)
      outputs = found.map(\.detached)
      return try found.enumerated().map { ($1 * (try tensor("weights.\($0)"))).sum() }.reduce(Tensor(zeros: [])) {
        $0 + $1
      }
    }
    var logits = 0.0
    for (index, output) in outputs.enumerated() {
      logits = max(logits, difference(output, try tensor("logits.\(index)")))
    }
    // Our gradients under the peer's names: a mapping carries any values that lie as the parameters do.
    let slopes = parameters.filter { gradients[$0] != nil }.map { Parameter($0.name, gradients[$0]!) }
    let zeros = parameters.filter { gradients[$0] == nil }.map { Parameter($0.name, Tensor(zeros: $0.shape)) }
    let ours = candidate.mapping.arrays(of: slopes + zeros)
    var worst = (error: 0.0, name: "none")
    let expected = arrays(under: "gradient.")
    func layer(_ name: String) -> Substring { name[..<(name.lastIndex(of: ".") ?? name.startIndex)] }
    var scales: [Substring: Float] = [:]
    for (name, theirs) in expected {
      scales[layer(name)] = max(scales[layer(name)] ?? 0, theirs.floats()!.map(abs).max() ?? 0)
    }
    for (name, theirs) in expected {
      guard let mine = ours["value.\(name)"] else { throw MissingArray(name: name, path: "our gradients") }
      let error = difference(
        Tensor(mine.floats()!, shape: mine.shape), Tensor(theirs.floats()!, shape: theirs.shape),
        scale: scales[layer(name)])
      if error >= worst.error { worst = (error, name) }
    }
    return (logits, worst.error, worst.name)
  }

  private func difference(_ a: Tensor, _ b: Tensor, scale: Float? = nil) -> Double {
    precondition(a.shape == b.shape, "\(a.shape) compared with \(b.shape)")
    let (a, b) = (a.values(as: Float.self), b.values(as: Float.self))
    let scale = scale ?? b.map(abs).max() ?? 0
    return Double(zip(a, b).map { abs($0 - $1) }.max() ?? 0) / Double(max(scale, .leastNormalMagnitude))
  }
}

struct MissingArray: Error, CustomStringConvertible {
  let name: String
  let path: String
  var description: String { "\(path) has no array \(name)" }
}
