import Files

/// Checks documents against a section: every key known, every value of the right type and in range.
struct SchemaCheck {
  /// The section that the whole document must follow; a misplaced key is looked for in all of it.
  let root: Section

  init(_ root: Section) {
    self.root = root
  }

  /// Checks what is there; what is missing is `complete`'s business.
  /// - Throws: `RecipeError` for the first thing wrong.
  func check(_ node: YAMLNode) throws {
    try check(node, is: .section(root), path: "")
  }

  func check(_ node: YAMLNode, is shape: Shape, path: String) throws {
    func wrong(nearest: String? = nil) -> RecipeError {
      .wrongValue(
        at: node.origin, key: path.isEmpty ? "the file" : path, found: node.found, expected: shape.expectation,
        nearest: nearest)
    }
    switch (shape, node.content) {
    case (.boolean, .boolean): return
    case (.integer(let range), .integer(let value)):
      if !range.contains(value) { throw wrong() }
    case (.number(let range), .integer(let value)):
      if !range.contains(Double(value)) { throw wrong() }
    case (.number(let range), .number(let value)):
      if !value.isFinite || !range.contains(value) { throw wrong() }
    case (.text(let rule), .text(let text)):
      if rule.accepts(text) { return }
      if case .choice(let names) = rule { throw wrong(nearest: nearestName(to: text, among: names)) }
      throw wrong()
    case (.list(let item, let count), .list(let items)):
      if !count.contains(items.count) { throw wrong() }
      for (index, value) in items.enumerated() { try check(value, is: item, path: "\(path)[\(index)]") }
    case (.mapping(let value), .mapping(let entries)):
      for entry in entries { try check(entry.value, is: value, path: join(path, entry.key)) }
    case (.section(let section), .mapping(let entries)):
      for entry in entries {
        let inner = join(path, entry.key)
        guard let field = section.field(entry.key) else {
          throw unknown(entry, in: section, path: path)
        }
        if case .optional = field.requirement, case .null = entry.value.content { continue }
        try check(entry.value, is: field.shape, path: inner)
      }
    default: throw wrong()
    }
  }

  private func unknown(_ entry: YAMLEntry, in section: Section, path: String) -> RecipeError {
    let keys = section.fields.map(\.key)
    let elsewhere = root.paths().filter { $0 == entry.key || $0.hasSuffix(".\(entry.key)") }
    let near = nearestName(to: entry.key, among: keys).map { join(path, $0) }
    let guess = near ?? elsewhere.first ?? nearestName(to: join(path, entry.key), among: root.paths())
    return .unknownKey(at: entry.keyOrigin, key: entry.key, section: path, nearest: guess, valid: keys.sorted())
  }

  /// Adds the schema's defaults, settles which keys belong to each section's kind, and refuses what is missing.
  ///
  /// Values of a profile's file that belong to another kind of recipe are left out: one profile serves all kinds.
  /// - Throws: `RecipeError`.
  func complete(_ node: YAMLNode) throws -> YAMLNode {
    var recipe: Variant?
    if let key = root.discriminator, let node = node[key], case .text(let name) = node.content {
      recipe = Variant(key: key, name: name, origin: node.origin)
    }
    return try complete(node, section: root, path: "", recipe: recipe)
  }

  /// What a discriminator says: its key path, its value, and where that was written.
  private struct Variant {
    let key: String
    let name: String
    let origin: Origin
  }

  /// - Parameter recipe: what the root's discriminator says.
  private func complete(_ node: YAMLNode, section: Section, path: String, recipe: Variant?) throws -> YAMLNode {
    var entries: [YAMLEntry] = []
    var variant: Variant?
    if let key = section.discriminator {
      guard let kind = node[key], case .text(let name) = kind.content else {
        throw missing(section.field(key), at: node.origin, path: path)
      }
      variant = Variant(key: join(path, key), name: name, origin: kind.origin)
    }
    /// The variant with which the field has no meaning, and those with which it has; nil when it belongs here.
    func obstacle(to field: Field) -> (variant: Variant, belongsTo: [String])? {
      if let variant, !field.applies(to: variant.name) { return (variant, field.variants ?? []) }
      if let recipe, let kinds = field.recipeKinds, !kinds.contains(recipe.name) { return (recipe, kinds) }
      return nil
    }
    for entry in node.entries ?? [] {
      guard let field = section.field(entry.key), let (foreign, belongsTo) = obstacle(to: field),
        let leaf = firstLeafNotFromProfileFile(entry.value)
      else { continue }
      throw RecipeError.foreignKey(
        at: leaf, key: join(path, entry.key), discriminator: foreign.key, kind: foreign.name,
        kindAt: foreign.origin, belongsTo: belongsTo)
    }
    for field in section.fields where obstacle(to: field) == nil {
      let inner = join(path, field.key)
      if let value = node[field.key] {
        let value = try complete(value, is: field.shape, path: inner, recipe: recipe)
        entries.append(YAMLEntry(key: field.key, keyOrigin: value.origin, value: value))
        continue
      }
      switch field.requirement {
      case .optional: continue
      case .standard(let content):
        let value = YAMLNode(content, at: .schemaDefault)
        entries.append(YAMLEntry(key: field.key, keyOrigin: .schemaDefault, value: value))
      case .required:
        guard case .section(let section) = field.shape else { throw missing(field, at: node.origin, path: path) }
        // An absent section may consist of defaults alone; otherwise the first value it needs is named.
        let empty = YAMLNode(.mapping([]), at: node.origin)
        let value = try complete(empty, section: section, path: inner, recipe: recipe)
        entries.append(YAMLEntry(key: field.key, keyOrigin: value.origin, value: value))
      }
    }
    return YAMLNode(.mapping(entries), at: node.origin)
  }

  private func complete(_ value: YAMLNode, is shape: Shape, path: String, recipe: Variant?) throws -> YAMLNode {
    var value = value
    switch (shape, value.content) {
    case (.section(let section), _):
      return try complete(value, section: section, path: path, recipe: recipe)
    case (.list(let item, _), .list(let items)):
      value.content = .list(
        try items.enumerated().map {
          try complete($0.element, is: item, path: "\(path)[\($0.offset)]", recipe: recipe)
        })
    case (.mapping(let inner), .mapping(let entries)):
      value.content = .mapping(
        try entries.map {
          YAMLEntry(
            key: $0.key, keyOrigin: $0.keyOrigin,
            value: try complete($0.value, is: inner, path: join(path, $0.key), recipe: recipe))
        })
    case (.number, .integer(let whole)):
      value.content = .number(Double(whole))
    default: break
    }
    return value
  }

  private func missing(_ field: Field?, at origin: Origin, path: String) -> RecipeError {
    .missing(
      at: origin, key: join(path, field?.key ?? ""), expected: field?.shape.expectation ?? "given",
      summary: field?.summary ?? "")
  }

  private func firstLeafNotFromProfileFile(_ node: YAMLNode) -> Origin? {
    if let entries = node.entries, !entries.isEmpty {
      for entry in entries {
        if let found = firstLeafNotFromProfileFile(entry.value) { return found }
      }
      return nil
    }
    if case .profileFile = node.origin.reason { return nil }
    return node.origin
  }
}

/// `path.key`, or the key alone at the root.
func join(_ path: String, _ key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }
