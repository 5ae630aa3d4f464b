/// What a key of a recipe may fill.
public protocol KeyValue: Sendable, Equatable {
  /// What narrows the values: a range, a form, nothing.
  associatedtype Rule: Sendable

  /// What YAML must have for it.
  /// - Parameter networks: the kinds that `network.kind` may name.
  static func shape(_ rule: Rule, _ networks: [any NetworkKind.Type]) -> Shape

  /// - Parameter value: checked against the shape.
  static func read(_ value: SectionReader) throws -> Self

  /// The value of a key that is not there; nil where it must be.
  static var whenAbsent: Self? { get }

  /// The value as YAML, for a default.
  var content: YAMLNode.Content { get }
}

extension KeyValue {
  public static var whenAbsent: Self? { nil }
}

extension Optional: KeyValue where Wrapped: KeyValue {
  public static var whenAbsent: Self? { .some(nil) }
  public static func shape(_ rule: Wrapped.Rule, _ networks: [any NetworkKind.Type]) -> Shape {
    Wrapped.shape(rule, networks)
  }
  public static func read(_ value: SectionReader) throws -> Self { try Wrapped.read(value) }
  public var content: YAMLNode.Content { self?.content ?? .null }
}

extension Bool: KeyValue {
  public static func shape(_ rule: Void, _ networks: [any NetworkKind.Type]) -> Shape { .boolean }
  public static func read(_ value: SectionReader) -> Bool {
    guard case .boolean(let found) = value.node.content else { value.mistyped() }
    return found
  }
  public var content: YAMLNode.Content { .boolean(self) }
}

extension Int: KeyValue {
  public static func shape(_ range: ClosedRange<Int>, _ networks: [any NetworkKind.Type]) -> Shape { .integer(range) }
  public static func read(_ value: SectionReader) -> Int {
    guard case .integer(let found) = value.node.content else { value.mistyped() }
    return found
  }
  public var content: YAMLNode.Content { .integer(self) }
}

/// A seed.
extension UInt64: KeyValue {
  public static func shape(_ range: ClosedRange<Int>, _ networks: [any NetworkKind.Type]) -> Shape { .integer(range) }
  public static func read(_ value: SectionReader) -> UInt64 { UInt64(Int.read(value)) }
  public var content: YAMLNode.Content { .integer(Int(self)) }
}

extension Double: KeyValue {
  public static func shape(_ range: NumberRange, _ networks: [any NetworkKind.Type]) -> Shape { .number(range) }
  public static func read(_ value: SectionReader) -> Double {
    guard case .number(let found) = value.node.content else { value.mistyped() }
    return found
  }
  public var content: YAMLNode.Content { .number(self) }
}

extension String: KeyValue {
  public static func shape(_ rule: TextRule, _ networks: [any NetworkKind.Type]) -> Shape { .text(rule) }
  public static func read(_ value: SectionReader) -> String {
    guard case .text(let found) = value.node.content else { value.mistyped() }
    return found
  }
  public var content: YAMLNode.Content { .text(self) }
}

/// How many items a list has, and what each must be.
public struct ListRule<Item: Sendable>: Sendable {
  let count: ClosedRange<Int>
  let item: Item

  public static func list(_ count: ClosedRange<Int>, of item: Item) -> ListRule { ListRule(count: count, item: item) }

  /// Exactly so many.
  public static func list(_ count: Int, of item: Item) -> ListRule { ListRule(count: count...count, item: item) }
}

extension ListRule where Item == Void {
  public static func list(_ count: ClosedRange<Int>) -> ListRule { ListRule(count: count, item: ()) }
}

extension Array: KeyValue where Element: KeyValue {
  public static func shape(_ rule: ListRule<Element.Rule>, _ networks: [any NetworkKind.Type]) -> Shape {
    .list(of: Element.shape(rule.item, networks), count: rule.count)
  }
  public static func read(_ value: SectionReader) throws -> [Element] { try value.items.map(Element.read) }
  public var content: YAMLNode.Content { .list(map { YAMLNode($0.content, at: .schemaDefault) }) }
}

/// `[smallest, largest]`.
extension ClosedRange: KeyValue where Bound == Double {
  public static func shape(_ range: NumberRange, _ networks: [any NetworkKind.Type]) -> Shape {
    .list(of: .number(range), count: 2...2)
  }
  public static func read(_ value: SectionReader) throws -> Self {
    let bounds = try [Double].read(value)
    guard bounds[0] <= bounds[1] else {
      throw value.contradiction(nil, "begins with \(bounds[0]), above its end of \(bounds[1])")
    }
    return bounds[0]...bounds[1]
  }
  public var content: YAMLNode.Content { [lowerBound, upperBound].content }
}

/// The first and the last value of something that changes over a training: `[first, last]`.
public struct Span: KeyValue {
  public let first: Double
  public let last: Double

  public static func shape(_ range: NumberRange, _ networks: [any NetworkKind.Type]) -> Shape {
    .list(of: .number(range), count: 2...2)
  }
  public static func read(_ value: SectionReader) throws -> Span {
    let values = try [Double].read(value)
    return Span(first: values[0], last: values[1])
  }
  public var content: YAMLNode.Content { [first, last].content }
}

/// An enumeration whose raw values recipes write.
public protocol KeyChoice: KeyValue, CaseIterable, RawRepresentable where RawValue == String, Rule == Void {}

extension KeyChoice {
  public static func shape(_ rule: Void, _ networks: [any NetworkKind.Type]) -> Shape { .choice(Self.self) }
  public static func read(_ value: SectionReader) -> Self {
    guard let found = Self(rawValue: String.read(value)) else { value.mistyped() }
    return found
  }
  public var content: YAMLNode.Content { .text(rawValue) }
}
