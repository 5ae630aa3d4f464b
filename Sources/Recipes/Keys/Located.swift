/// A value with the place where it is written, for messages about it that need more than its file.
struct Located<Value: KeyValue>: KeyValue {
  let value: Value
  private let reader: SectionReader

  static func shape(_ rule: Value.Rule, _ networks: [any NetworkKind.Type]) -> Shape { Value.shape(rule, networks) }

  static func read(_ value: SectionReader) throws -> Self { Self(value: try Value.read(value), reader: value) }

  var origin: Origin { reader.node.origin }

  /// For a value that is right alone but not beside others.
  func contradiction(_ problem: String) -> RecipeError { reader.contradiction(nil, problem) }

  /// The same for the value of a key below this one.
  func contradiction(_ key: String, _ problem: String) -> RecipeError { reader.contradiction(key, problem) }

  static func == (a: Self, b: Self) -> Bool { a.value == b.value }

  var content: YAMLNode.Content { value.content }
}

/// A mapping whose keys are free, in the order in which they were written.
struct FreeKeys<Value: KeyValue>: KeyValue {
  struct Entry: Sendable, Equatable {
    let key: String
    let keyOrigin: Origin
    let content: Located<Value>

    var value: Value { content.value }
    var origin: Origin { content.origin }
  }

  let entries: [Entry]

  /// A mapping without keys.
  static var empty: Self { Self(entries: []) }

  static func shape(_ rule: Value.Rule, _ networks: [any NetworkKind.Type]) -> Shape {
    .mapping(of: Value.shape(rule, networks))
  }

  static func read(_ value: SectionReader) throws -> Self {
    Self(
      entries: try value.members.map { Entry(key: $0.key, keyOrigin: $0.keyOrigin, content: try .read($0.value)) })
  }

  var content: YAMLNode.Content {
    .mapping(
      entries.map {
        YAMLEntry(key: $0.key, keyOrigin: $0.keyOrigin, value: YAMLNode($0.value.content, at: .schemaDefault))
      })
  }
}
