import Foundation

/// A JSON file that cannot be used: where, what was found, and what would be right.
public struct JSONError: InputError, Equatable {
  public let description: String
  public init(_ description: String) { self.description = description }
}

extension JSONValue {
  /// Files longer than this are refused: a dataset's description is a few kilobytes, a plans file less than a megabyte.
  public static let greatestFileSize = 256 << 20

  /// Reads a JSON file.
  /// - Throws: `JSONError` naming the file, and line and column where its text breaks off.
  public static func read(_ url: URL) throws -> JSONValue {
    let values = try? url.resolvingSymlinksInPath().resourceValues(forKeys: [.fileSizeKey, .isRegularFileKey])
    guard let values, values.isRegularFile == true else {
      throw JSONError("\(url.path): there is no such file; a JSON file is needed here.")
    }
    guard (values.fileSize ?? 0) <= greatestFileSize else {
      throw JSONError(
        "\(url.path): the file has \(values.fileSize ?? 0) bytes; JSON files up to \(greatestFileSize) are read.")
    }
    let data: Data
    do { data = try Data(contentsOf: url) } catch {
      if let failure = DiskFailure(reading: url.path, error) { throw failure }
      throw JSONError("\(url.path): the file cannot be read; check its permissions.")
    }
    return try parse(data, name: url.path)
  }

  /// Parses a JSON document.
  /// - Parameter name: how messages call the document.
  public static func parse(_ data: Data, name: String) throws -> JSONValue {
    var parser = JSONParser(bytes: [UInt8](data), name: name)
    return try parser.document()
  }
}

private struct JSONParser {
  let bytes: [UInt8]
  let name: String
  var at = 0

  static let greatestDepth = 64

  init(bytes: [UInt8], name: String) {
    self.bytes = bytes
    self.name = name
    if bytes.starts(with: [0xef, 0xbb, 0xbf]) { at = 3 }
  }

  mutating func document() throws -> JSONValue {
    let value = try value(depth: 0)
    skipBlanks()
    guard at == bytes.count else { throw error("there is more text after the document's end") }
    return value
  }

  private func error(_ what: String) -> JSONError {
    let before = bytes[..<min(at, bytes.count)]
    let line = before.reduce(1) { $0 + ($1 == 0x0a ? 1 : 0) }
    let column = at - (before.lastIndex(of: 0x0a) ?? -1)
    return JSONError("\(name):\(line):\(column): this is not JSON: \(what).")
  }

  private mutating func skipBlanks() {
    while at < bytes.count, [0x20, 0x0a, 0x0d, 0x09].contains(bytes[at]) { at += 1 }
  }

  private mutating func take(_ word: StaticString) -> Bool {
    let count = word.utf8CodeUnitCount
    guard at + count <= bytes.count else { return false }
    for i in 0..<count where bytes[at + i] != word.utf8Start[i] { return false }
    at += count
    return true
  }

  private mutating func value(depth: Int) throws -> JSONValue {
    guard depth <= Self.greatestDepth else { throw error("it is nested more than \(Self.greatestDepth) levels deep") }
    skipBlanks()
    guard at < bytes.count else { throw error("the text ends where a value should be") }
    switch bytes[at] {
    case UInt8(ascii: "{"): return try object(depth: depth)
    case UInt8(ascii: "["): return try array(depth: depth)
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "t") where take("true"): return .bool(true)
    case UInt8(ascii: "f") where take("false"): return .bool(false)
    case UInt8(ascii: "n") where take("null"): return .null
    case UInt8(ascii: "N") where take("NaN"): return .number(.nan)
    case UInt8(ascii: "I") where take("Infinity"): return .number(.infinity)
    case UInt8(ascii: "-") where take("-Infinity"): return .number(-.infinity)
    default: return try number()
    }
  }

  private mutating func object(depth: Int) throws -> JSONValue {
    var members: [JSONValue.Member] = []
    var seen = Set<String>()
    at += 1
    skipBlanks()
    if take("}") { return .object([]) }
    while true {
      skipBlanks()
      guard at < bytes.count, bytes[at] == UInt8(ascii: "\"") else { throw error("a key in quotes should stand here") }
      let key = try string()
      guard seen.insert(key).inserted else { throw error("the key \"\(key.prefix(40))\" occurs twice in one object") }
      skipBlanks()
      guard take(":") else { throw error("a colon should follow the key \"\(key.prefix(40))\"") }
      members.append(.init(key, try value(depth: depth + 1)))
      skipBlanks()
      if take("}") { return .object(members) }
      guard take(",") else { throw error("a comma or a closing brace should stand here") }
    }
  }

  private mutating func array(depth: Int) throws -> JSONValue {
    var values: [JSONValue] = []
    at += 1
    skipBlanks()
    if take("]") { return .array([]) }
    while true {
      values.append(try value(depth: depth + 1))
      skipBlanks()
      if take("]") { return .array(values) }
      guard take(",") else { throw error("a comma or a closing bracket should stand here") }
    }
  }

  private mutating func number() throws -> JSONValue {
    let start = at
    let allowed = Set("+-0123456789.eE".utf8)
    while at < bytes.count, allowed.contains(bytes[at]) { at += 1 }
    let text = String(decoding: bytes[start..<at], as: UTF8.self)
    if let value = Int(text), !text.hasPrefix("+") { return .integer(value) }
    if let value = Double(text), value.isFinite, text.first != "+", text.first != "." { return .number(value) }
    at = start
    throw error("a value should stand here")
  }

  private mutating func string() throws -> String {
    var out: [UInt8] = []
    at += 1
    while at < bytes.count {
      let byte = bytes[at]
      switch byte {
      case UInt8(ascii: "\""):
        at += 1
        guard let text = String(validating: out, as: UTF8.self) else { throw error("a text is not valid UTF-8") }
        return text
      case UInt8(ascii: "\\"):
        out.append(contentsOf: try escape())
      case 0..<0x20:
        throw error("a text is broken off by a line end or a control character")
      default:
        out.append(byte)
        at += 1
      }
    }
    throw error("the text ends inside quotes")
  }

  private mutating func escape() throws -> [UInt8] {
    guard at + 1 < bytes.count else { throw error("the text ends inside quotes") }
    let letter = bytes[at + 1]
    let simple: [UInt8: UInt8] = [
      UInt8(ascii: "\""): 0x22, UInt8(ascii: "\\"): 0x5c, UInt8(ascii: "/"): 0x2f, UInt8(ascii: "b"): 8,
      UInt8(ascii: "f"): 12, UInt8(ascii: "n"): 10, UInt8(ascii: "r"): 13, UInt8(ascii: "t"): 9,
    ]
    if let byte = simple[letter] {
      at += 2
      return [byte]
    }
    guard letter == UInt8(ascii: "u"), let high = codeUnit(at: at) else { throw error("an unknown escape in a text") }
    at += 6
    var units = [high]
    if UTF16.isLeadSurrogate(high), let low = codeUnit(at: at), UTF16.isTrailSurrogate(low) {
      units.append(low)
      at += 6
    }
    return Array(String(decoding: units, as: UTF16.self).utf8)
  }

  /// The code unit of `\uXXXX` at an offset.
  private func codeUnit(at offset: Int) -> UInt16? {
    guard offset + 6 <= bytes.count, bytes[offset] == UInt8(ascii: "\\"), bytes[offset + 1] == UInt8(ascii: "u") else {
      return nil
    }
    return UInt16(String(decoding: bytes[(offset + 2)..<(offset + 6)], as: UTF8.self), radix: 16)
  }
}
