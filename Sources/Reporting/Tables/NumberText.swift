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
}
