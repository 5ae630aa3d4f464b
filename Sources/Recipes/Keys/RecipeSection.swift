/// Settings that a section of a recipe fills: each property with `@Key` is a key of it, in that order.
public protocol RecipeSection: KeyValue where Rule == Void {
  /// Settings whose keys are declared and not filled yet.
  init()

  /// Refuses values that are each right but not together. Every key has been read.
  /// - Throws: `RecipeError.contradiction`.
  func check(_ section: SectionReader) throws
}

extension RecipeSection {
  public func check(_ section: SectionReader) throws {}

  private var keys: [any KeyDeclaration] {
    Mirror(reflecting: self).children.compactMap { $0.value as? any KeyDeclaration }
  }

  /// The keys as they are declared.
  static func section(_ networks: [any NetworkKind.Type]) -> Section {
    var builder = SectionBuilder(networks: networks)
    for key in Self().keys { key.declare(in: &builder) }
    return builder.section
  }

  public static func shape(_ rule: Void, _ networks: [any NetworkKind.Type]) -> Shape { .section(section(networks)) }

  public static func read(_ value: SectionReader) throws -> Self {
    let settings = Self()
    let keys = settings.keys
    let selected = keys.lazy.compactMap { $0.selected(in: value.node) }.first
    for key in keys { try key.fill(from: value, selected: selected) }
    try settings.check(value)
    return settings
  }

  public var content: YAMLNode.Content { preconditionFailure("a section has no default of its own; its keys have") }
}

/// A value that the keys of a section make together, such as an enumeration whose cases a key tells apart.
public protocol KeyView: KeyValue where Rule == Void {
  associatedtype Settings: RecipeSection
  init(_ keys: Settings)
}

extension KeyView {
  public static func shape(_ rule: Void, _ networks: [any NetworkKind.Type]) -> Shape { Settings.shape((), networks) }

  public static func read(_ value: SectionReader) throws -> Self { Self(try Settings.read(value)) }

  public var content: YAMLNode.Content { preconditionFailure("a section has no default of its own; its keys have") }
}

/// Brings a section's fields together.
struct SectionBuilder {
  let networks: [any NetworkKind.Type]
  var discriminator: String?
  private var fields: [Field] = []

  init(networks: [any NetworkKind.Type]) { self.networks = networks }

  /// A key that several variants have is one field, which belongs to all of them.
  mutating func add(_ field: Field) {
    guard let index = fields.firstIndex(where: { $0.key == field.key }) else { return fields.append(field) }
    guard let variants = fields[index].variants, let more = field.variants, field.hasShape(of: fields[index]) else {
      preconditionFailure("`\(field.key)` is declared twice in a section, or by two variants in two ways")
    }
    fields[index].variants = variants + more
  }

  var section: Section {
    let selecting = fields.first { $0.key == discriminator }
    if case .text(.choice(let names))? = selecting?.shape {
      let used = Set(fields.flatMap { $0.variants ?? [] })
      precondition(used.isSubset(of: names), "`\(selecting!.key)` is never one of \(used.subtracting(names))")
    } else {
      precondition(fields.allSatisfy { $0.variants == nil }, "no key decides which variant a section has")
    }
    return Section(
      discriminator: discriminator,
      fields.map { field in
        var field = field
        field.discriminator = discriminator
        return field
      })
  }
}
