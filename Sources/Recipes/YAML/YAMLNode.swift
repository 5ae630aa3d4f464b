/// Where a value was written: a file with line and column, an option of the command line, or the schema itself.
public struct Origin: Sendable, Hashable, CustomStringConvertible {
  /// Which rule brought the value into a resolved recipe.
  public enum Reason: Sendable, Hashable {
    /// The body of a recipe or of a file it inherits.
    case file
    /// A `fidelities` section of a recipe or of a file it inherits.
    case fidelity(String)
    /// A file of `Recipes/profiles`.
    case profileFile(String)
    /// A `profiles` section of a recipe or of a file it inherits.
    case profileSection(String)
    /// An option such as `--set key=value`.
    case option
    /// The schema's own default.
    case schemaDefault
  }

  /// The file as the user knows it, or the option's text.
  public let source: String
  /// Line, from 1; 0 where the source has no lines (an option, the schema).
  public let line: Int
  /// Column in characters, from 1.
  public let column: Int
  public let reason: Reason

  public init(source: String, line: Int, column: Int, reason: Reason = .file) {
    self.source = source
    self.line = line
    self.column = column
    self.reason = reason
  }

  /// An option of the command line, such as `--set training.epochs=2`.
  static func option(_ text: String) -> Origin {
    Origin(source: text, line: 0, column: 0, reason: .option)
  }

  static let schemaDefault = Origin(source: "schema default", line: 0, column: 0, reason: .schemaDefault)

  /// `file:line:column`, or the source alone where it has no lines.
  public var position: String {
    line > 0 ? "\(source):\(line):\(column)" : source
  }

  /// The position, with the rule that chose it in brackets when it is not simply the file.
  public var description: String {
    switch reason {
    case .fidelity(let name): "\(position) (fidelity \(name))"
    case .profileFile(let name), .profileSection(let name): "\(position) (profile \(name))"
    case .file, .option, .schemaDefault: position
    }
  }

  func with(_ reason: Reason) -> Origin {
    Origin(source: source, line: line, column: column, reason: reason)
  }
}

/// A value of a YAML document that knows where it was written.
public struct YAMLNode: Sendable {
  /// YAML's core schema, and nothing else.
  public indirect enum Content: Sendable {
    case null
    case boolean(Bool)
    case integer(Int)
    case number(Double)
    case text(String)
    case list([YAMLNode])
    case mapping([YAMLEntry])
  }

  public var content: Content
  public var origin: Origin

  public init(_ content: Content, at origin: Origin) {
    self.content = content
    self.origin = origin
  }

  /// The entries of a mapping in the order they were written; nil for every other node.
  public var entries: [YAMLEntry]? {
    if case .mapping(let entries) = content { entries } else { nil }
  }

  /// The value at `key` of a mapping.
  public subscript(key: String) -> YAMLNode? {
    entries?.first { $0.key == key }?.value
  }

  /// The node and everything below it with another reason in their origins.
  func because(_ reason: Origin.Reason) -> YAMLNode {
    var copy = self
    copy.origin = origin.with(reason)
    switch content {
    case .list(let items):
      copy.content = .list(items.map { $0.because(reason) })
    case .mapping(let entries):
      copy.content = .mapping(
        entries.map {
          YAMLEntry(key: $0.key, keyOrigin: $0.keyOrigin.with(reason), value: $0.value.because(reason))
        })
    default: break
    }
    return copy
  }

  /// What an error message calls this value: `the text "abc"`, `a list of 3`.
  var found: String {
    switch content {
    case .null: "nothing (null)"
    case .boolean(let value): "\(value)"
    case .integer(let value): "the whole number \(value)"
    case .number(let value): "the number \(value)"
    case .text(let value): "the text \(quoted(value, limit: 60))"
    case .list(let items): "a list of \(items.count)"
    case .mapping: "a mapping"
    }
  }
}

/// A key of a mapping with its value.
public struct YAMLEntry: Sendable {
  public let key: String
  public let keyOrigin: Origin
  public var value: YAMLNode

  public init(key: String, keyOrigin: Origin, value: YAMLNode) {
    self.key = key
    self.keyOrigin = keyOrigin
    self.value = value
  }
}

extension YAMLNode: Equatable {
  /// Equality of values; where they were written, and the order of a mapping's keys, do not count.
  public static func == (left: YAMLNode, right: YAMLNode) -> Bool {
    switch (left.content, right.content) {
    case (.null, .null): true
    case (.boolean(let a), .boolean(let b)): a == b
    case (.integer(let a), .integer(let b)): a == b
    case (.number(let a), .number(let b)): a == b
    case (.text(let a), .text(let b)): a == b
    case (.list(let a), .list(let b)): a == b
    case (.mapping(let a), .mapping(let b)):
      a.count == b.count && a.allSatisfy { entry in right[entry.key] == entry.value }
    default: false
    }
  }
}

/// `text` in double quotes on one line, control characters escaped, cut after `limit` characters.
func quoted(_ text: String, limit: Int = .max) -> String {
  var result = "\""
  for (count, scalar) in text.unicodeScalars.enumerated() {
    if count == limit { return result + "…\"" }
    switch scalar {
    case "\"": result += "\\\""
    case "\\": result += "\\\\"
    case "\n": result += "\\n"
    case "\t": result += "\\t"
    default:
      if isPlainlyPrintable(scalar) {
        result.unicodeScalars.append(scalar)
      } else {
        let digits = String(scalar.value, radix: 16)
        let width = scalar.value < 0x100 ? 2 : scalar.value < 0x10000 ? 4 : 8
        let letter = width == 2 ? "x" : width == 4 ? "u" : "U"
        result += "\\\(letter)" + String(repeating: "0", count: width - digits.count) + digits
      }
    }
  }
  return result + "\""
}

/// Whether YAML's double quotes may hold the scalar as it is on one line.
private func isPlainlyPrintable(_ scalar: Unicode.Scalar) -> Bool {
  switch scalar.value {
  case 0x20...0x7E, 0xA0...0x2027, 0x202A...0xD7FF, 0xE000...0xFEFE, 0xFF00...0xFFFD: true
  default: false
  }
}
