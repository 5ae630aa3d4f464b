/// The core schema of YAML 1.2 (section 10.3.2): what a plain scalar means.
enum YAMLScalar {
  enum Outcome {
    case value(YAMLNode.Content)
    /// An integer beyond 64 bits or a finite decimal beyond a double.
    case tooLarge
  }

  static func resolve(_ text: String) -> Outcome {
    switch text {
    case "", "~", "null", "Null", "NULL": return .value(.null)
    case "true", "True", "TRUE": return .value(.boolean(true))
    case "false", "False", "FALSE": return .value(.boolean(false))
    case ".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF": return .value(.number(.infinity))
    case "-.inf", "-.Inf", "-.INF": return .value(.number(-.infinity))
    case ".nan", ".NaN", ".NAN": return .value(.number(.nan))
    default: break
    }
    let bytes = Array(text.utf8)
    if let radix = radix(of: bytes) {
      guard let value = Int(text.dropFirst(2), radix: radix) else { return .tooLarge }
      return .value(.integer(value))
    }
    switch numberForm(of: bytes) {
    case .integer:
      guard let value = Int(text) else { return .tooLarge }
      return .value(.integer(value))
    case .decimal:
      guard let value = Double(text), value.isFinite else { return .tooLarge }
      return .value(.number(value == 0 ? 0 : value))
    case nil:
      return .value(.text(text))
    }
  }

  private enum NumberForm { case integer, decimal }

  /// `[-+]?[0-9]+` is an integer, `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?` a decimal.
  private static func numberForm(of bytes: [UInt8]) -> NumberForm? {
    var index = 0
    func digits() -> Int {
      let start = index
      while index < bytes.count, isDigit(bytes[index]) { index += 1 }
      return index - start
    }
    func skip(_ accepted: String) -> Bool {
      guard index < bytes.count, accepted.utf8.contains(bytes[index]) else { return false }
      index += 1
      return true
    }
    _ = skip("+-")
    let whole = digits()
    if index == bytes.count { return whole > 0 ? .integer : nil }
    var fraction = 0
    if skip(".") { fraction = digits() }
    guard whole + fraction > 0 else { return nil }
    if skip("eE") {
      _ = skip("+-")
      guard digits() > 0 else { return nil }
    }
    return index == bytes.count ? .decimal : nil
  }

  private static func radix(of bytes: [UInt8]) -> Int? {
    guard bytes.count > 2, bytes[0] == UInt8(ascii: "0") else { return nil }
    let digits = bytes.dropFirst(2)
    if bytes[1] == UInt8(ascii: "o") {
      return digits.allSatisfy { (0x30...0x37).contains($0) } ? 8 : nil
    }
    if bytes[1] == UInt8(ascii: "x") {
      return digits.allSatisfy { isDigit($0) || (0x41...0x46).contains($0) || (0x61...0x66).contains($0) } ? 16 : nil
    }
    return nil
  }

  private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }
}
