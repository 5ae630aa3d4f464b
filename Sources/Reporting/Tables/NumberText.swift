import Foundation

/// How reports write numbers: the same text for the same number on every machine, whatever its locale.
enum NumberText {
  /// A fraction as a percentage with the paper's two decimals, such as "78.39".
  static func percent(_ fraction: Double) -> String { decimals(100 * fraction, 2) }

  /// A difference of two fractions in percentage points, with its sign.
  static func points(_ difference: Double) -> String { signed(100 * difference) }

  /// A number with its sign and two decimals, such as "+2.96".
  static func signed(_ value: Double) -> String {
    let text = decimals(abs(value), 2)
    return (value < 0 && text != "0.00" ? "-" : "+") + text
  }

  static func decimals(_ value: Double, _ count: Int) -> String { String(format: "%.\(count)f", value) }

  /// A p-value: three decimals, and "< 0.001" where those would be zeros.
  static func probability(_ value: Double) -> String { value < 0.0005 ? "< 0.001" : decimals(value, 3) }

  /// A duration, such as "41 s", "3 min 12 s" or "2 h 5 min".
  static func duration(_ seconds: Double) -> String {
    guard seconds.isFinite, seconds >= 0, seconds < 1e12 else { return "?" }
    let whole = Int(seconds.rounded())
    if whole < 60 { return "\(whole) s" }
    if whole < 3600 { return "\(whole / 60) min \(whole % 60) s" }
    return "\(whole / 3600) h \(whole % 3600 / 60) min"
  }
}
