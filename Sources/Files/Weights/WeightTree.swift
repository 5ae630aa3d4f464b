import Foundation

/// A file's arrays and texts by their names' parts, for people to read.
public struct WeightTree {
  /// One line for each name or part of one, indented by two blanks a level: an array with its shape and element type, a text
  /// with its value. Numbers among the parts are in their order: block 10 comes after block 9.
  public let lines: [String]

  public init(_ file: WeightFile) {
    let root = Branch()
    for (name, tensor) in file.tensors {
      root.insert(name, "\(tensor.elementType.rawValue) [\(tensor.shape.map(String.init).joined(separator: ", "))]")
    }
    for (name, text) in file.scalars { root.insert(name, "= " + Self.visible(text)) }
    lines = root.lines(indent: 0)
  }

  /// The most levels that are told apart: the parts of a name beyond them stand on one line. A file may nest its names as
  /// deeply as it likes, and the branches hold each other.
  private static let greatestDepth = 64

  /// A text without what could steer a terminal, and not too long.
  private static func visible(_ text: String) -> String {
    let scalars = text.unicodeScalars
    let short = String(String.UnicodeScalarView(scalars.prefix(72))).visible
    return scalars.count > 72 ? short + "…" : short
  }

  private final class Branch {
    private var parts: [String: Branch] = [:]
    private var content: String?

    func insert(_ name: String, _ content: String) {
      var branch = self
      for part in name.split(separator: ".", maxSplits: greatestDepth - 1, omittingEmptySubsequences: false) {
        let part = String(part)
        if branch.parts[part] == nil { branch.parts[part] = Branch() }
        branch = branch.parts[part]!
      }
      branch.content = branch.content.map { "\($0), \(content)" } ?? content
    }

    func lines(indent: Int) -> [String] {
      let inOrder = parts.sorted { a, b in
        switch (Int(a.key), Int(b.key)) {
        case (let x?, let y?) where x != y: x < y
        case (nil, _?): false
        case (_?, nil): true
        default: a.key < b.key
        }
      }
      return inOrder.flatMap { part, branch in
        [String(repeating: "  ", count: indent) + visible(part) + (branch.content.map { "  \($0)" } ?? "")]
          + branch.lines(indent: min(indent + 1, 40))
      }
    }
  }
}
