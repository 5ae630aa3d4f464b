import Files
import Foundation
import Networks
import Tensors

/// How far a network is from its peer: what the script makes a row of.
struct Comparison: Encodable {
  /// Of the output that differs most: its largest difference over the peer's largest value.
  var logits = 0.0
  /// The same of the gradient that differs most.
  var gradient = 0.0
  /// The parameter whose gradient that is.
  var parameter = ""
  var parameters = 0

  /// - Parameters:
  ///   - ours: takes the peer's weights.
  ///   - theirs: the same network once more, which takes the peer's gradients as if they were weights: so they get our names.
  ///   - folder: what the peer wrote.
  /// - Throws: `WeightFileError`, `MissingArray` and what reading files throws.
  init(_ ours: Candidate, _ theirs: Candidate, _ folder: URL) throws {
    try ours.mapping.load(
      WeightFile(contentsOf: folder.appendingPathComponent("weights.safetensors")), into: ours.parameters)
    try theirs.mapping.load(
      WeightFile(contentsOf: folder.appendingPathComponent("gradients.safetensors")), into: theirs.parameters)
    let peer = try PeerValues(folder.appendingPathComponent("outputs.safetensors"))
    let images = try peer("images")
    var outputs: [Tensor] = []
    let (_, gradients) = try Tape.gradients {
      let found = ours.outputs(images)
      outputs = found.map(\.detached)
      return try found.enumerated().map { ($1 * (try peer("weights.\($0)"))).sum() }.reduce(Tensor(zeros: [])) {
        $0 + $1
      }
    }
    for (index, output) in outputs.enumerated() {
      let error = Self.difference(output, try peer("logits.\(index)"))
      logits = max(logits, error.most / error.size)
    }
    var found: [(name: String, most: Double, size: Double)] = []
    for (own, other) in zip(ours.parameters, theirs.parameters) {
      parameters += own.count
      guard own.isTrainable else { continue }
      let error = Self.difference(gradients[own] ?? Tensor(zeros: own.shape), other.value)
      found.append((own.name, error.most, error.size))
    }
    // A bias before a normalisation has no effect: its gradient is rounding, measured against a hundredth of the largest of
    // all.
    let least = 1e-2 * (found.map(\.size).max() ?? 0)
    for (name, most, size) in found {
      let error = most / max(size, least)
      if error >= gradient { (gradient, parameter) = (error, name) }
    }
  }

  /// max |a - b| and max |b|; infinity and 1 where a is not finite.
  static func difference(_ a: Tensor, _ b: Tensor) -> (most: Double, size: Double) {
    precondition(a.shape == b.shape, "\(a.shape) compared with \(b.shape)")
    var (most, size) = (0.0, 0.0)
    for (x, y) in zip(a.values(as: Float.self), b.values(as: Float.self)) {
      guard x.isFinite else { return (.infinity, 1) }
      most = max(most, Double(abs(x - y)))
      size = max(size, Double(abs(y)))
    }
    return (most, size)
  }
}
