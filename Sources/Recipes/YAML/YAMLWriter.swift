/// Writes nodes as block YAML that reads back equal: keys sorted, numbers in their shortest exact form.
package enum YAMLWriter {
  /// - Parameter comment: what to write after the value at a key path such as `training.epochs`; nil for nothing.
  package static func document(_ node: YAMLNode, comment: (String) -> String? = { _ in nil }) -> String {
    guard let entries = node.entries, !entries.isEmpty else { return inline(node) + "\n" }
    var text = ""
    write(entries, path: "", indent: "", comment: comment, into: &text)
    return text
  }

  private static func write(
    _ entries: [YAMLEntry], path: String, indent: String, comment: (String) -> String?, into text: inout String
  ) {
    for entry in entries.sorted(by: { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }) {
      let path = path.isEmpty ? entry.key : "\(path).\(entry.key)"
      text += "\(indent)\(plainOrQuoted(entry.key)):"
      if let inner = entry.value.entries, !inner.isEmpty {
        text += "\n"
        write(inner, path: path, indent: indent + "  ", comment: comment, into: &text)
      } else {
        text += " \(inline(entry.value))"
        if let comment = comment(path) { text += "  # \(comment)" }
        text += "\n"
      }
    }
  }

  /// A value on one line, in flow style where it is a collection.
  package static func inline(_ node: YAMLNode) -> String {
    switch node.content {
    case .null: "null"
    case .boolean(let value): "\(value)"
    case .integer(let value): "\(value)"
    case .number(let value): number(value)
    case .text(let value): plainOrQuoted(value)
    case .list(let items): "[" + items.map(inline).joined(separator: ", ") + "]"
    case .mapping(let entries):
      "{"
        + entries.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
        .map { "\(plainOrQuoted($0.key)): \(inline($0.value))" }.joined(separator: ", ") + "}"
    }
  }

  /// The shortest decimal that reads back to the same double.
  private static func number(_ value: Double) -> String {
    if value.isNaN { return ".nan" }
    if value.isInfinite { return value < 0 ? "-.inf" : ".inf" }
    return "\(value)"
  }

  private static func plainOrQuoted(_ text: String) -> String {
    let isWord =
      text.utf8.allSatisfy {
        (0x61...0x7A).contains($0) || (0x41...0x5A).contains($0) || (0x30...0x39).contains($0)
          || "_-./".utf8.contains($0)
      } && text.first.map { $0 != "-" && $0 != "." } == true
    if isWord, case .value(.text) = YAMLScalar.resolve(text) { return text }
    return quoted(text)
  }
}
