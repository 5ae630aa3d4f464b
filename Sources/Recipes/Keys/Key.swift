/// One key of a section, declared on the line of the property that it fills: its name, the values that it takes, its default,
/// what it means.
///
///     @Key("koleo_weight", .closed(0, 100), "weight of the KoLeo loss") public var koLeoWeight: Double
///
/// Schema, reader, messages, JSON Schema and reference are made from these declarations (`RecipeSection`). A key with a
/// default may be left out, and so may one whose property is optional; null takes an inherited value of the latter away.
@propertyWrapper
public struct Key<Value: KeyValue>: Sendable, Equatable {
  private let name: String
  private let rule: Value.Rule
  private let standard: Value?
  private let meaning: String
  private let variants: [String]?
  private let recipeKinds: [String]?
  private let selects: Bool
  private let since: EngineVersion?
  private let affectsResult: Bool
  private let cell = Cell<Value>()

  /// - Parameters:
  ///   - name: as recipes write it.
  ///   - rule: the range or the form that values must have.
  ///   - standard: the value of a recipe that does not give one.
  ///   - meaning: a few words for messages and the reference.
  ///   - variants: the values of the section's selecting key with which this one has a meaning; nil: all.
  ///   - recipeKinds: the kinds of recipe in which it has a meaning, wherever it stands; nil: all.
  ///   - since: the engine's version that brought the key, such as "0.5.0", for one that is later than identities
  ///     (`EngineVersion.ofIdentities`): a run's identity leaves it out while it has its default.
  ///   - affectsResult: whether a run's results depend on the value; false for words and places.
  public init(
    _ name: String, _ rule: Value.Rule, default standard: Value? = nil, _ meaning: String, in variants: [String]? = nil,
    ofRecipes recipeKinds: [String]? = nil, since: EngineVersion? = nil, affectsResult: Bool = true
  ) {
    self.init(name, rule, standard, meaning, variants, recipeKinds, since, affectsResult, selects: false)
  }

  /// A key whose type says it all: a section, one of several words, true or false.
  /// - Parameter selects: whether its value decides which other keys of the section have a meaning.
  public init(
    _ name: String, default standard: Value? = nil, _ meaning: String, in variants: [String]? = nil,
    ofRecipes recipeKinds: [String]? = nil, selects: Bool = false, since: EngineVersion? = nil,
    affectsResult: Bool = true
  ) where Value.Rule == Void {
    self.init(name, (), standard, meaning, variants, recipeKinds, since, affectsResult, selects: selects)
  }

  private init(
    _ name: String, _ rule: Value.Rule, _ standard: Value?, _ meaning: String, _ variants: [String]?,
    _ recipeKinds: [String]?, _ since: EngineVersion?, _ affectsResult: Bool, selects: Bool
  ) {
    self.name = name
    self.rule = rule
    self.standard = standard
    self.meaning = meaning
    self.variants = variants
    self.recipeKinds = recipeKinds
    self.since = since
    self.affectsResult = affectsResult
    self.selects = selects
  }

  /// What the recipe says. Of a key that has no meaning beside the others it must not be asked.
  public var wrappedValue: Value {
    guard let value = cell.value else { preconditionFailure("nothing has read `\(name)`, or it has no meaning here") }
    return value
  }

  /// Fills a property of settings that no recipe's section holds.
  func set(_ value: Value) { cell.value = value }

  public static func == (a: Self, b: Self) -> Bool { a.cell.value == b.cell.value }
}

/// The keys of another type in the same section; with `in`, those that the selecting key's value brings.
@propertyWrapper
public struct Keys<Value: RecipeSection>: Sendable, Equatable {
  private let variants: [String]?
  private let cell = Cell<Value>()

  public init() { variants = nil }
  public init(in variants: String...) { self.variants = variants }

  /// What the recipe says. Of keys that have no meaning beside the selecting key's value they must not be asked.
  public var wrappedValue: Value {
    guard let value = cell.value else { preconditionFailure("the keys of \(Value.self) have no meaning here") }
    return value
  }

  public static func == (a: Self, b: Self) -> Bool { a.cell.value == b.cell.value }
}

/// What a reader found. Written once, before the settings that hold it are handed out, and only read from then on.
private final class Cell<Value: Sendable & Equatable>: @unchecked Sendable {
  var value: Value?
}

/// What a section's properties declare.
protocol KeyDeclaration {
  func declare(in section: inout SectionBuilder)
  /// The value of the key, if it is there and decides which others have a meaning.
  func selected(in node: YAMLNode) -> String?
  /// - Parameter selected: what the section's selecting key says.
  func fill(from section: SectionReader, selected: String?) throws
}

extension Key: KeyDeclaration {
  func declare(in section: inout SectionBuilder) {
    let requirement: Field.Requirement =
      if let standard { .standard(standard.content) } else { Value.whenAbsent == nil ? .required : .optional }
    let shape = Value.shape(rule, section.networks)
    if selects { section.discriminator = name }
    section.add(
      Field(
        name, shape, meaning, requirement, in: variants, ofRecipes: recipeKinds, since: since,
        affectsResult: affectsResult))
  }

  func selected(in node: YAMLNode) -> String? {
    if selects, case .text(let text)? = node[name]?.content { text } else { nil }
  }

  func fill(from section: SectionReader, selected: String?) throws {
    cell.value = try section.value(name).map { try Value.read($0) } ?? Value.whenAbsent
  }
}

extension Keys: KeyDeclaration {
  func declare(in section: inout SectionBuilder) {
    let own = Value.section(section.networks)
    precondition(own.discriminator == nil, "\(Value.self) decides within another section what has a meaning")
    for var field in own.fields {
      if let variants { field.variants = variants }
      section.add(field)
    }
  }

  func selected(in node: YAMLNode) -> String? { nil }

  func fill(from section: SectionReader, selected: String?) throws {
    if let variants, selected.map(variants.contains) != true { return }
    cell.value = try Value.read(section)
  }
}
