/// What a value of a recipe must look like.
public indirect enum Shape: Sendable {
  case boolean
  case integer(ClosedRange<Int>)
  case number(NumberRange)
  case text(TextRule)
  /// A list whose items all have one shape.
  case list(of: Shape, count: ClosedRange<Int>)
  /// A mapping with the keys that the section names.
  case section(Section)
  /// A mapping whose keys are free and whose values all have one shape.
  case mapping(of: Shape)

  /// What would be right, for error messages.
  var expectation: String {
    switch self {
    case .boolean: "true or false"
    case .integer(let range): "a whole number \(describe(range))"
    case .number(let range): "a number \(range.description)"
    case .text(let rule): rule.expectation
    case .list(let item, let count):
      count.lowerBound == count.upperBound
        ? "a list of \(count.lowerBound) (each \(item.expectation))"
        : "a list of \(count.lowerBound) to \(count.upperBound) (each \(item.expectation))"
    case .section(let section):
      "a mapping with keys such as \(section.fields.prefix(3).map { "`\($0.key)`" }.joined(separator: ", "))"
    case .mapping(let value): "a mapping to values that are each \(value.expectation)"
    }
  }

  private func describe(_ range: ClosedRange<Int>) -> String {
    range.upperBound == .max ? "of at least \(range.lowerBound)" : "from \(range.lowerBound) to \(range.upperBound)"
  }

  public static func choice(_ names: [String]) -> Shape { .text(.choice(names)) }

  /// One of an enumeration's raw values.
  public static func choice<Choice>(_ type: Choice.Type) -> Shape
  where Choice: CaseIterable & RawRepresentable, Choice.RawValue == String {
    .text(.choice(Choice.allCases.map(\.rawValue)))
  }
}

/// The numbers a key accepts; never infinite, never not-a-number.
public struct NumberRange: Sendable, CustomStringConvertible {
  var lower: Double
  var upper: Double
  var includesLower = true
  var includesUpper = true

  /// From `lower` to `upper`, both included.
  public static func closed(_ lower: Double, _ upper: Double) -> NumberRange { NumberRange(lower: lower, upper: upper) }
  /// Above `lower`, at most `upper`.
  public static func above(_ lower: Double, upTo upper: Double) -> NumberRange {
    NumberRange(lower: lower, upper: upper, includesLower: false)
  }
  /// At least `lower`, below `upper`.
  public static func from(_ lower: Double, below upper: Double) -> NumberRange {
    NumberRange(lower: lower, upper: upper, includesUpper: false)
  }

  func contains(_ value: Double) -> Bool {
    (includesLower ? value >= lower : value > lower) && (includesUpper ? value <= upper : value < upper)
  }

  public var description: String {
    "\(includesLower ? "of at least" : "above") \(lower) and \(includesUpper ? "at most" : "below") \(upper)"
  }
}

/// The texts a key accepts.
public enum TextRule: Sendable {
  case any
  case choice([String])
  case form(_ expectation: String, _ isRight: @Sendable (String) -> Bool)

  var expectation: String {
    switch self {
    case .any: "a text"
    case .choice(let names):
      names.count == 1 ? "`\(names[0])`" : "one of \(names.map { "`\($0)`" }.joined(separator: ", "))"
    case .form(let expectation, _): expectation
    }
  }

  func accepts(_ text: String) -> Bool {
    switch self {
    case .any: true
    case .choice(let names): names.contains(text)
    case .form(_, let isRight): isRight(text)
    }
  }

  /// A path below some root: relative, with no step upwards.
  public static let relativePath = TextRule.form("a relative path without `..`, such as `weights/model.pth`") { text in
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    return parts.allSatisfy { !$0.isEmpty && $0 != "." && $0 != ".." } && text.utf8.allSatisfy { $0 >= 0x20 }
  }

  /// A dataset's name, nnU-Net's among them: it names folders.
  public static let datasetName = TextRule.form(
    "a name of letters, digits, hyphens and underscores, such as `amos22` or `Dataset219_AMOS22`"
  ) { text in
    !text.isEmpty && text.utf8.count <= 64
      && text.utf8.allSatisfy {
        (0x61...0x7A).contains($0) || (0x41...0x5A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x2D
          || $0 == 0x5F
      }
  }

  /// A short name for files and tables.
  public static let name = TextRule.form("a name of lower-case letters, digits and hyphens") { text in
    !text.isEmpty && text.utf8.count <= 64
      && text.utf8.allSatisfy { (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x2D }
  }
}

/// One key of a section.
public struct Field: Sendable {
  /// Whether a recipe must give it.
  public enum Requirement: Sendable {
    case required
    /// May be left out; null takes an inherited value away.
    case optional
    case standard(YAMLNode.Content)
  }

  let key: String
  let shape: Shape
  let summary: String
  let requirement: Requirement
  /// The values of the section's discriminator with which the key has a meaning; nil: all.
  var variants: [String]?
  /// The discriminator; nil in a section without one.
  var discriminator: String?
  /// The kinds of recipe in which the key has a meaning, wherever it stands; nil: all.
  let recipeKinds: [String]?
  /// The engine's version that brought the key; nil for one that is as old as identities.
  let since: EngineVersion?
  /// Whether a run's results depend on the value; false for words and places.
  let affectsResult: Bool

  /// - Parameter summary: what the key means, in a few words for messages.
  public init(
    _ key: String, _ shape: Shape, _ summary: String, _ requirement: Requirement = .required,
    in variants: [String]? = nil, ofRecipes recipeKinds: [String]? = nil, since: EngineVersion? = nil,
    affectsResult: Bool = true
  ) {
    self.key = key
    self.shape = shape
    self.summary = summary
    self.requirement = requirement
    self.variants = variants
    self.recipeKinds = recipeKinds
    self.since = since
    self.affectsResult = affectsResult
  }

  /// Whether both take the same values.
  func hasShape(of other: Field) -> Bool {
    if case .section(let own) = shape, case .section(let theirs) = other.shape {
      return own.fields.map(\.key) == theirs.fields.map(\.key)
    }
    return shape.expectation == other.shape.expectation
  }

  func applies(to variant: String) -> Bool { variants?.contains(variant) ?? true }
}

/// The keys of a mapping.
public struct Section: Sendable {
  let fields: [Field]
  /// The key whose value decides which other keys have a meaning, such as `kind`.
  let discriminator: String?

  public init(discriminator: String? = nil, _ fields: [Field]) {
    self.fields = fields
    self.discriminator = discriminator
  }

  func field(_ key: String) -> Field? { fields.first { $0.key == key } }

  func without(_ keys: [String]) -> Section {
    Section(discriminator: discriminator, fields.filter { !keys.contains($0.key) })
  }

  func adding(_ more: [Field]) -> Section { Section(discriminator: discriminator, fields + more) }

  /// The field at a key path such as `training.epochs`, and whether everything on the way affects results.
  func field(atPath path: String) -> (field: Field, affectsResult: Bool)? {
    var section = self
    var affects = true
    let keys = path.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
    for (index, key) in keys.enumerated() {
      guard let field = section.field(key) else { return nil }
      affects = affects && field.affectsResult
      if index == keys.count - 1 { return (field, affects) }
      guard case .section(let inner) = field.shape else { return nil }
      section = inner
    }
    return nil
  }

  /// A section's values without those of keys that came after identities and have their defaults.
  /// - Parameter isLater: whether the section itself came after them.
  func withoutLaterDefaults(_ node: YAMLNode, isLater: Bool = false) -> YAMLNode {
    guard let entries = node.entries else { return node }
    let kept = entries.compactMap { entry -> YAMLEntry? in
      guard let field = field(entry.key) else { return entry }
      let later = isLater || field.since.map { $0 > .ofIdentities } ?? false
      if later, case .standard(let content) = field.requirement,
        YAMLWriter.inline(entry.value) == YAMLWriter.inline(YAMLNode(content, at: .schemaDefault))
      {
        return nil
      }
      var entry = entry
      switch (field.shape, entry.value.content) {
      case (.section(let inner), _): entry.value = inner.withoutLaterDefaults(entry.value, isLater: later)
      case (.list(of: .section(let inner), count: _), .list(let items)):
        entry.value.content = .list(items.map { inner.withoutLaterDefaults($0, isLater: later) })
      default: break
      }
      return entry
    }
    return YAMLNode(.mapping(kept), at: node.origin)
  }

  /// Every key path down to the values, in the schema's order.
  func paths(below prefix: String = "") -> [String] {
    fields.flatMap { field in
      let path = prefix.isEmpty ? field.key : "\(prefix).\(field.key)"
      if case .section(let inner) = field.shape { return [path] + inner.paths(below: path) }
      return [path]
    }
  }
}
