import Files
import Foundation
import Tensors

/// Which array of a file belongs to which parameter of a network.
///
/// Reading is strict: every array that the layout has must be there with its shape, and none besides, but those that the
/// caller names as dropped.
public struct WeightMapping {
  /// What an array of the file is to the network.
  enum Content {
    /// The parameter's values, in the same order.
    case parameter(String)
    /// Equal parts along the first axis, one parameter each; nil: rows that the network does not have, zero when written.
    case stacked([String?])
    /// Values that the network's form fixes; another file's must agree within 1 %, the rounding of bfloat16.
    case constant([Float])
    /// Something that segmentation does not use, zero when written.
    case unused
    /// Something that some files have and segmentation does not use, never written.
    case ignored
  }

  struct Entry {
    let key: String
    let shape: [Int]
    let content: Content
  }

  /// What errors call it.
  let name: String
  let entries: [Entry]
  /// Only keys that begin so are looked at.
  let scope: String
  /// Whether a key within the scope belongs to something else that the file may hold beside the network.
  let isForeign: @Sendable (String) -> Bool

  init(
    name: String, entries: [Entry], scope: String = "", isForeign: @escaping @Sendable (String) -> Bool = { _ in false }
  ) {
    self.name = name
    self.entries = entries
    self.scope = scope
    self.isForeign = isForeign
  }

  /// The same keys below a prefix, such as "network_weights."; what does not begin so is not looked at.
  func below(_ prefix: String) -> WeightMapping {
    WeightMapping(
      name: name,
      entries: entries.map { Entry(key: prefix + $0.key, shape: $0.shape, content: $0.content) },
      scope: prefix + scope, isForeign: isForeign)
  }

  /// Sets the parameters that the layout names to the file's values.
  /// - Parameters:
  ///   - parameters: all or more than those that the layout names.
  ///   - dropping: keys of the file that are ignored; a `*` stands for one part between dots, as in
  ///     "blocks.*.attn.qkv.bias_mask".
  ///   - keeping: names of parameters that stay as they are where the file has no array for them.
  /// - Throws: `WeightFileError.mismatch` with every missing, unexpected and wrong key; then no parameter has changed.
  public func load(_ file: WeightFile, into parameters: [Parameter], dropping: [String] = [], keeping: Set<String> = [])
    throws
  {
    let byName = Dictionary(uniqueKeysWithValues: parameters.map { ($0.name, $0) })
    var rest = file.tensors.filter { key, _ in
      key.hasPrefix(scope) && !isForeign(key)
        && !dropping.contains { Self.matches($0, String(key.dropFirst(scope.count))) }
    }
    var missing: [String] = []
    var wrong: [String] = []
    var values: [(Parameter, ArraySlice<Float>)] = []
    for entry in entries {
      guard let stored = rest.removeValue(forKey: entry.key) else {
        switch entry.content {
        case .parameter(let name) where keeping.contains(name): break
        case .parameter, .stacked: missing.append(entry.key)
        case .constant, .unused, .ignored: break
        }
        continue
      }
      guard stored.shape == entry.shape else {
        wrong.append("\(entry.key) has the shape \(stored.shape) instead of \(entry.shape)")
        continue
      }
      switch entry.content {
      case .unused, .ignored: continue
      case .parameter, .stacked, .constant: break
      }
      guard let floats = stored.floats() else {
        wrong.append("\(entry.key) holds \(stored.elementType.rawValue) instead of floating-point numbers")
        continue
      }
      guard floats.allSatisfy(\.isFinite) else {
        wrong.append("\(entry.key) holds a value that is not finite")
        continue
      }
      switch entry.content {
      case .parameter(let name): values.append((byName[name]!, floats[...]))
      case .stacked(let names):
        let part = floats.count / names.count
        for (index, name) in names.enumerated() {
          if let name { values.append((byName[name]!, floats[(index * part)..<((index + 1) * part)])) }
        }
      case .constant(let expected):
        if zip(floats, expected).contains(where: { abs($0 - $1) > 0.01 * max(1, abs($1)) }) {
          wrong.append("\(entry.key) holds other values than this network's form implies")
        }
      case .unused, .ignored: break
      }
    }
    guard missing.isEmpty, wrong.isEmpty, rest.isEmpty else {
      throw WeightFileError.mismatch(
        path: file.path, layout: name, missing: missing, unexpected: rest.keys.sorted(), wrong: wrong)
    }
    for (parameter, floats) in values {
      parameter.set(Tensor(Array(floats), shape: parameter.shape))
    }
  }

  /// The parameters' values under the layout's keys, for `Safetensors.write`.
  public func arrays(of parameters: [Parameter]) -> [String: StoredTensor] {
    let byName = Dictionary(uniqueKeysWithValues: parameters.map { ($0.name, $0) })
    func floats(_ name: String) -> [Float] { byName[name]!.value.converted(to: .float32).values() }
    var arrays: [String: StoredTensor] = [:]
    for entry in entries {
      let count = entry.shape.reduce(1, *)
      let values: [Float]
      switch entry.content {
      case .parameter(let name): values = floats(name)
      case .stacked(let names):
        values = names.flatMap { $0.map(floats) ?? [Float](repeating: 0, count: count / names.count) }
      case .constant(let constant): values = constant
      case .unused: values = [Float](repeating: 0, count: count)
      case .ignored: continue
      }
      arrays[entry.key] = StoredTensor(shape: entry.shape, floats: values)
    }
    return arrays
  }

  static func matches(_ pattern: String, _ key: String) -> Bool {
    let (pattern, key) = (pattern.split(separator: "."), key.split(separator: "."))
    return pattern.count == key.count && zip(pattern, key).allSatisfy { $0 == "*" || $0 == $1 }
  }
}
