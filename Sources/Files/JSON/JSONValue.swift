import Foundation

/// A JSON document that keeps its keys in the order of the file, reads hostile input without harm, and says where it
/// went wrong. `NaN` and `Infinity` are read and written as Python's json module does, since nnU-Net's files may hold
/// them.
public enum JSONValue: Sendable, Equatable {
  case null
  case bool(Bool)
  case integer(Int)
  case number(Double)
  case string(String)
  case array([JSONValue])
  case object([Member])

  /// One key of an object and its value.
  public struct Member: Sendable, Equatable {
    public var key: String
    public var value: JSONValue
    public init(_ key: String, _ value: JSONValue) {
      self.key = key
      self.value = value
    }
  }

  /// The value of a key, or nil when this is no object or lacks the key.
  public subscript(_ key: String) -> JSONValue? {
    get {
      guard case .object(let members) = self else { return nil }
      return members.first { $0.key == key }?.value
    }
    set {
      guard case .object(var members) = self else { return }
      let index = members.firstIndex { $0.key == key }
      switch (index, newValue) {
      case (let index?, let value?): members[index].value = value
      case (let index?, nil): members.remove(at: index)
      case (nil, let value?): members.append(Member(key, value))
      case (nil, nil): break
      }
      self = .object(members)
    }
  }

  /// The number, whether written as an integer or not.
  public var double: Double? {
    switch self {
    case .integer(let value): Double(value)
    case .number(let value): value
    default: nil
    }
  }

  /// The integer; a number without a fraction counts.
  public var int: Int? {
    switch self {
    case .integer(let value): value
    case .number(let value): Int(exactly: value)
    default: nil
    }
  }

  public var bool: Bool? { if case .bool(let value) = self { value } else { nil } }
  public var string: String? { if case .string(let value) = self { value } else { nil } }
  public var array: [JSONValue]? { if case .array(let value) = self { value } else { nil } }
  public var object: [Member]? { if case .object(let value) = self { value } else { nil } }

  /// An array of numbers, or nil when any element is something else.
  public var doubles: [Double]? { array.flatMap { Self.all($0) { $0.double } } }
  /// An array of integers, or nil when any element is something else.
  public var ints: [Int]? { array.flatMap { Self.all($0) { $0.int } } }
  /// An array of strings, or nil when any element is something else.
  public var strings: [String]? { array.flatMap { Self.all($0) { $0.string } } }

  private static func all<T>(_ values: [JSONValue], _ convert: (JSONValue) -> T?) -> [T]? {
    let converted = values.compactMap(convert)
    return converted.count == values.count ? converted : nil
  }

  /// What a message calls this value.
  package var kind: String {
    switch self {
    case .null: "null"
    case .bool: "a boolean"
    case .integer, .number: "a number"
    case .string(let text): "the text \"\(text.prefix(40))\""
    case .array: "a list"
    case .object: "an object"
    }
  }
}

// MARK: - Writing

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral,
  ExpressibleByBooleanLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral, ExpressibleByNilLiteral
{
  public init(stringLiteral value: String) { self = .string(value) }
  public init(integerLiteral value: Int) { self = .integer(value) }
  public init(floatLiteral value: Double) { self = .number(value) }
  public init(booleanLiteral value: Bool) { self = .bool(value) }
  public init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
  public init(dictionaryLiteral elements: (String, JSONValue)...) {
    self = .object(elements.map { Member($0.0, $0.1) })
  }
  public init(nilLiteral: ()) { self = .null }
  public init(_ values: [Double]) { self = .array(values.map { .number($0) }) }
  public init(_ values: [Int]) { self = .array(values.map { .integer($0) }) }
  public init(_ values: [String]) { self = .array(values.map { .string($0) }) }

  /// The document's text, indented by four blanks a level, with a final newline. A double never loses a bit.
  public func text() -> String {
    var out = ""
    write(to: &out, indent: 0)
    return out + "\n"
  }

  private func write(to out: inout String, indent: Int) {
    switch self {
    case .null: out += "null"
    case .bool(let value): out += value ? "true" : "false"
    case .integer(let value): out += String(value)
    case .number(let value):
      out += value.isNaN ? "NaN" : value.isInfinite ? (value < 0 ? "-Infinity" : "Infinity") : value.description
    case .string(let value): Self.quote(value, to: &out)
    case .array(let values):
      Self.writeList(values.map { (nil, $0) }, "[", "]", to: &out, indent: indent)
    case .object(let members):
      Self.writeList(members.map { ($0.key, $0.value) }, "{", "}", to: &out, indent: indent)
    }
  }

  private static func writeList(
    _ items: [(String?, JSONValue)], _ open: String, _ close: String, to out: inout String, indent: Int
  ) {
    guard !items.isEmpty else {
      out += open + close
      return
    }
    out += open
    for (i, item) in items.enumerated() {
      out += (i == 0 ? "\n" : ",\n") + String(repeating: " ", count: 4 * (indent + 1))
      if let key = item.0 {
        quote(key, to: &out)
        out += ": "
      }
      item.1.write(to: &out, indent: indent + 1)
    }
    out += "\n" + String(repeating: " ", count: 4 * indent) + close
  }

  private static func quote(_ text: String, to out: inout String) {
    out += "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": out += "\\\""
      case "\\": out += "\\\\"
      case "\n": out += "\\n"
      case "\t": out += "\\t"
      case "\r": out += "\\r"
      case _ where scalar.value < 0x20:
        let digits = String(scalar.value, radix: 16)
        out += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: out.unicodeScalars.append(scalar)
      }
    }
    out += "\""
  }
}
