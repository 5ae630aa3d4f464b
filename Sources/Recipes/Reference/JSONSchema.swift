import Files

extension RecipeLibrary {
  /// The JSON Schema (draft 7) of a kind of file, for editors. It knows types, ranges, words and keys; which keys belong
  /// together across files that inherit each other, only `resolve` knows.
  public func jsonSchema(_ kind: DocumentKind) -> JSONValue {
    let section = kind.section(schema)
    // What the sections `fidelities` and `profiles` repeat is said once.
    let shared = kind == .recipe || kind == .profile ? schema.recipe.fields : []
    let writer = JSONSchemaWriter(
      shared: Set(shared.map(\.key)), requires: kind != .recipe && kind != .profile)
    var members: [JSONValue.Member] = [
      .init("$schema", .string("http://json-schema.org/draft-07/schema#")), .init("title", .string(kind.summary)),
    ]
    members += writer.members(section, isLayer: true)
    if !shared.isEmpty { members.append(.init("definitions", .object(shared.map { .init($0.key, writer.field($0)) }))) }
    return .object(members)
  }
}

private struct JSONSchemaWriter {
  /// The keys of a recipe, which are defined once.
  let shared: Set<String>
  /// Whether a file must say everything itself.
  let requires: Bool

  func field(_ field: Field) -> JSONValue {
    var members = shape(field.shape)
    if case .optional = field.requirement { members = members.map(orNull) }
    members.insert(.init("description", .string(field.meaning)), at: 0)
    if case .standard(let content) = field.requirement { members.append(.init("default", value(content))) }
    return .object(members)
  }

  /// - Parameter isLayer: whether the section is a recipe or a part of one that begins at its root.
  func members(_ section: Section, isLayer: Bool = false) -> [JSONValue.Member] {
    let properties = section.fields.map { field -> JSONValue.Member in
      if isLayer, shared.contains(field.key) {
        return .init(field.key, .object([.init("$ref", .string("#/definitions/\(field.key)"))]))
      }
      return .init(field.key, self.field(field))
    }
    var members: [JSONValue.Member] = [
      .init("type", .string("object")), .init("properties", .object(properties)),
      .init("additionalProperties", .bool(false)),
    ]
    let required = section.fields.filter { if case .required = $0.requirement { $0.variants == nil } else { false } }
    if requires, !required.isEmpty {
      members.append(.init("required", .array(required.map { .string($0.key) })))
    }
    return members
  }

  private func shape(_ shape: Shape) -> [JSONValue.Member] {
    switch shape {
    case .boolean: return [.init("type", .string("boolean"))]
    case .integer(let range):
      return [
        .init("type", .string("integer")), .init("minimum", .integer(range.lowerBound)),
        .init("maximum", .integer(range.upperBound)),
      ]
    case .number(let range):
      return [
        .init("type", .string("number")),
        .init(range.includesLower ? "minimum" : "exclusiveMinimum", .number(range.lower)),
        .init(range.includesUpper ? "maximum" : "exclusiveMaximum", .number(range.upper)),
      ]
    case .text(.choice(let names)): return [.init("enum", .array(names.map { .string($0) }))]
    case .text: return [.init("type", .string("string"))]
    case .list(let item, let count):
      return [
        .init("type", .string("array")), .init("items", .object(self.shape(item))),
        .init("minItems", .integer(count.lowerBound)), .init("maxItems", .integer(count.upperBound)),
      ]
    case .section(let section): return members(section)
    case .mapping(of: .section(let section)):
      // Only the recipe's own sections of fidelities and profiles hold parts of recipes.
      let isLayer = !shared.isEmpty
      return [
        .init("type", .string("object")), .init("additionalProperties", .object(members(section, isLayer: isLayer))),
      ]
    case .mapping(let value):
      return [.init("type", .string("object")), .init("additionalProperties", .object(self.shape(value)))]
    }
  }

  /// Null takes an inherited value away.
  private func orNull(_ member: JSONValue.Member) -> JSONValue.Member {
    switch (member.key, member.value) {
    case ("type", let type): .init("type", .array([type, .string("null")]))
    case ("enum", .array(let names)): .init("enum", .array(names + [.null]))
    default: member
    }
  }

  private func value(_ content: YAMLNode.Content) -> JSONValue {
    switch content {
    case .null: .null
    case .boolean(let value): .bool(value)
    case .integer(let value): .integer(value)
    case .number(let value): .number(value)
    case .text(let value): .string(value)
    case .list(let items): .array(items.map { value($0.content) })
    case .mapping(let entries): .object(entries.map { .init($0.key, value($0.value.content)) })
    }
  }
}
