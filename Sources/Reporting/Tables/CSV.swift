/// Comma-separated values (RFC 4180), lines ended by a line feed.
enum CSV {
  static func text(_ lines: [[String]]) -> String {
    lines.map { $0.map(field).joined(separator: ",") + "\n" }.joined()
  }

  private static func field(_ text: String) -> String {
    guard text.contains(where: { $0 == "," || $0 == "\"" || $0.isNewline }) else { return text }
    return "\"" + text.replacing("\"", with: "\"\"") + "\""
  }

  /// The fields of every line that is not empty. Any text is read: a quotation mark that is never closed takes the rest.
  static func lines(_ text: String) -> [[String]] {
    let (quote, comma, lineFeed, carriageReturn) = (UInt8(0x22), UInt8(0x2C), UInt8(0x0A), UInt8(0x0D))
    var lines: [[String]] = []
    var line: [String] = []
    var field: [UInt8] = []
    var isQuoted = false
    func taken() -> String {
      defer { field.removeAll(keepingCapacity: true) }
      return String(decoding: field, as: UTF8.self)
    }
    let bytes = Array(text.utf8)
    var at = 0
    while at < bytes.count {
      let byte = bytes[at]
      at += 1
      if isQuoted {
        if byte != quote {
          field.append(byte)
        } else if at < bytes.count, bytes[at] == quote {
          field.append(quote)
          at += 1
        } else {
          isQuoted = false
        }
      } else if byte == quote, field.isEmpty {
        isQuoted = true
      } else if byte == comma {
        line.append(taken())
      } else if byte == lineFeed {
        if field.last == carriageReturn { field.removeLast() }
        if !line.isEmpty || !field.isEmpty { lines.append(line + [taken()]) }
        line = []
      } else {
        field.append(byte)
      }
    }
    if !line.isEmpty || !field.isEmpty { lines.append(line + [taken()]) }
    return lines
  }
}
