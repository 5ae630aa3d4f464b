/// A version of the engine, such as 0.4.0.
public struct EngineVersion: Sendable, Hashable, Comparable, CustomStringConvertible, ExpressibleByStringLiteral {
  private let numbers: [Int]

  public init(stringLiteral text: String) {
    numbers = text.split(separator: ".", omittingEmptySubsequences: false).map { Int($0) ?? -1 }
    precondition(numbers.count == 3 && numbers.allSatisfy { $0 >= 0 }, "\(text) is no version such as 0.4.0")
  }

  /// The version whose keys are all in a run's identity. A key of a later one is only where it has another value than its
  /// default, so that what it is added to keeps its name.
  public static let ofIdentities: EngineVersion = "0.4.0"

  public static func < (a: Self, b: Self) -> Bool { a.numbers.lexicographicallyPrecedes(b.numbers) }

  public var description: String { numbers.map(String.init).joined(separator: ".") }
}
