/// Reads a section that has been checked and completed into Swift values. It remembers what was asked for, so that a
/// key of the schema that no structure reads is noticed.
public final class SectionReader {
  private let node: YAMLNode
  private let path: String
  private var asked: Set<String> = []
  private var sections: [SectionReader] = []

  init(_ node: YAMLNode, path: String = "") {
    self.node = node
    self.path = path
  }

  public func has(_ key: String) -> Bool { node[key] != nil }

  func origin(_ key: String) -> Origin { node[key]?.origin ?? node.origin }

  public func boolean(_ key: String) -> Bool {
    guard case .boolean(let value) = value(key) else { mistyped(key) }
    return value
  }

  public func integer(_ key: String) -> Int {
    guard case .integer(let value) = value(key) else { mistyped(key) }
    return value
  }

  public func number(_ key: String) -> Double {
    guard case .number(let value) = value(key) else { mistyped(key) }
    return value
  }

  public func text(_ key: String) -> String {
    guard case .text(let value) = value(key) else { mistyped(key) }
    return value
  }

  public func choice<Choice: RawRepresentable>(_ key: String, _ type: Choice.Type) -> Choice
  where Choice.RawValue == String {
    guard let value = Choice(rawValue: text(key)) else { mistyped(key) }
    return value
  }

  public func integers(_ key: String) -> [Int] {
    list(key).map { if case .integer(let value) = $0.content { value } else { mistyped(key) } }
  }

  public func numbers(_ key: String) -> [Double] {
    list(key).map { if case .number(let value) = $0.content { value } else { mistyped(key) } }
  }

  /// A pair such as `[first, last]`.
  public func pair(_ key: String) -> (Double, Double) {
    let values = numbers(key)
    guard values.count == 2 else { mistyped(key) }
    return (values[0], values[1])
  }

  func span(_ key: String) -> Span {
    let (first, last) = pair(key)
    return Span(first: first, last: last)
  }

  /// A pair `[smallest, largest]`.
  /// - Throws: `RecipeError.contradiction` when they are the wrong way round.
  public func range(_ key: String) throws -> ClosedRange<Double> {
    let (smallest, largest) = pair(key)
    guard smallest <= largest else {
      throw contradiction(key, "begins with \(smallest), above its end of \(largest)")
    }
    return smallest...largest
  }

  func list(_ key: String) -> [YAMLNode] {
    guard case .list(let items) = value(key) else { mistyped(key) }
    return items
  }

  public func section(_ key: String) -> SectionReader {
    guard case .mapping = value(key), let inner = node[key] else { mistyped(key) }
    return adopt(inner, path: join(path, key))
  }

  /// The sections that a list holds, in order.
  public func sections(_ key: String) -> [SectionReader] {
    list(key).enumerated().map { adopt($0.element, path: "\(join(path, key))[\($0.offset)]") }
  }

  /// The sections of a mapping with free keys, in the order they were written.
  func mapping(_ key: String) -> [(key: String, section: SectionReader)] {
    guard case .mapping(let entries) = value(key) else { mistyped(key) }
    return entries.map { ($0.key, adopt($0.value, path: join(join(path, key), $0.key))) }
  }

  /// The numbers of a mapping with free keys, in the order they were written.
  func numbersByKey(_ key: String) -> [(key: String, number: Double, origin: Origin)] {
    guard case .mapping(let entries) = value(key) else { mistyped(key) }
    return entries.map { entry in
      guard case .number(let number) = entry.value.content else { mistyped(key) }
      return (entry.key, number, entry.value.origin)
    }
  }

  /// The texts of a list.
  public func textItems(_ key: String) -> [String] {
    list(key).map { if case .text(let text) = $0.content { text } else { mistyped(key) } }
  }

  /// The texts of a mapping with free keys, in the order they were written.
  func texts(_ key: String) -> [(key: String, text: String, origin: Origin)] {
    guard case .mapping(let entries) = value(key) else { mistyped(key) }
    return entries.map { entry in
      guard case .text(let text) = entry.value.content else { mistyped(key) }
      return (entry.key, text, entry.value.origin)
    }
  }

  /// A value that is right alone but not beside others.
  public func contradiction(_ key: String, _ problem: String) -> RecipeError {
    .contradiction(at: origin(key), key: join(path, key), problem: problem)
  }

  /// Keys below here that nothing has asked for.
  var unread: [String] {
    (node.entries ?? []).map(\.key).filter { !asked.contains($0) }.map { join(path, $0) }
      + sections.flatMap(\.unread)
  }

  private func adopt(_ node: YAMLNode, path: String) -> SectionReader {
    let reader = SectionReader(node, path: path)
    sections.append(reader)
    return reader
  }

  private func value(_ key: String) -> YAMLNode.Content {
    asked.insert(key)
    guard let node = node[key] else { preconditionFailure("the schema does not promise \(join(path, key))") }
    return node.content
  }

  private func mistyped(_ key: String) -> Never {
    preconditionFailure("the schema gives \(join(path, key)) another type than its reader expects")
  }
}
