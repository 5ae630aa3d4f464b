import Files

/// One key, as the reference lists it.
public struct ReferenceEntry: Sendable {
  /// The path from the file's root, such as `training.epochs`; `[]` stands for an item of a list, `*` for a key of one's own.
  public let key: String
  /// What values it takes.
  public let values: String
  /// What it is when left out; "required" or "none".
  public let standard: String
  public let meaning: String
  /// The engine's version that brought it, or the first whose keys are all in identities.
  public let since: String
}

extension Field {
  /// What the key means, and beside what it has a meaning.
  var meaning: String { summary + (conditions.isEmpty ? "" : " (\(conditions))") }

  private var conditions: String {
    var words: [String] = []
    if let variants {
      let names = variants.map { "`\($0)`" }.joined(separator: ", ")
      words.append("where `\(discriminator ?? "")` is \(variants.count == 1 ? "" : "one of ")\(names)")
    }
    if let recipeKinds {
      words.append("in recipes of the kind \(recipeKinds.map { "`\($0)`" }.joined(separator: ", "))")
    }
    return words.joined(separator: ", ")
  }

  fileprivate func entry(_ path: String) -> ReferenceEntry {
    let standard =
      switch requirement {
      case .required: shape.inner.map { $0.suffix.isEmpty } == true ? "" : "required"
      case .optional: "none"
      case .standard(let content): "`\(YAMLWriter.inline(YAMLNode(content, at: .schemaDefault)))`"
      }
    return ReferenceEntry(
      key: path, values: shape.values, standard: standard,
      meaning: meaning + (affectsResult ? "" : "; no part of a run's name"),
      since: (since ?? .ofIdentities).description)
  }
}

extension Shape {
  /// What values it takes, in a few words.
  fileprivate var values: String {
    switch self {
    case .section: "section"
    case .list(of: .section, let count): "list of \(Self.text(count)) sections"
    case .mapping(of: .section): "section for each name"
    case .list(let item, let count): "list of \(Self.text(count)): \(item.values)"
    case .text(.choice(let names)): names.map { "`\($0)`" }.joined(separator: ", ")
    default: expectation.hasPrefix("a ") ? String(expectation.dropFirst(2)) : expectation
    }
  }

  private static func text(_ count: ClosedRange<Int>) -> String {
    count.lowerBound == count.upperBound ? "\(count.lowerBound)" : "\(count.lowerBound) to \(count.upperBound)"
  }

  /// The section inside, and what stands for it in a path.
  fileprivate var inner: (section: Section, suffix: String)? {
    switch self {
    case .section(let section): (section, "")
    case .list(of: let item, count: _): item.inner.map { ($0.section, "[]" + $0.suffix) }
    case .mapping(of: let value): value.inner.map { ($0.section, ".*" + $0.suffix) }
    default: nil
    }
  }
}

extension Section {
  /// The keys of this section, and then those of each section in it.
  fileprivate func tables(_ path: String, _ summary: String) -> [(
    path: String, summary: String, entries: [ReferenceEntry]
  )] {
    let here = (path, summary, fields.map { $0.entry(join(path, $0.key)) })
    return [here]
      + fields.flatMap { field in
        field.shape.inner.map { $0.section.tables(join(path, field.key) + $0.suffix, field.meaning) } ?? []
      }
  }
}

extension RecipeLibrary {
  /// Every key of a recipe, those of a section before those of the sections in it.
  public var reference: [ReferenceEntry] { schema.recipe.tables("", "").flatMap(\.entries) }

  /// The keys at a path or below it.
  /// - Throws: `RecipeError.unknownName` where there are none.
  public func reference(below path: String) throws -> [ReferenceEntry] {
    let all = reference
    let found = all.filter { $0.key == path || $0.key.hasPrefix(path + ".") || $0.key.hasPrefix(path + "[") }
    guard found.isEmpty else { return found }
    let keys = all.map(\.key)
    let word = path.split(separator: ".").last.map(String.init) ?? path
    let nearest = keys.first { $0.hasSuffix(".\(word)") } ?? nearestName(to: path, among: keys)
    throw RecipeError.unknownName(
      at: nil, what: "key", name: path, nearest: nearest, valid: schema.recipe.fields.map(\.key))
  }

  /// The reference of every key of every kind of file, as Markdown.
  public var referenceText: String {
    var text = """
      # Reference of the keys

      Every key of a recipe, and of the files beside recipes, made by `segbench reference` from the program's own declarations; it is
      not edited by hand. [Recipes/README.md](../Recipes/README.md) says how files inherit each other and which value wins. A key
      that may be left out has a default or "none"; `null` takes an inherited value away from one with "none". *Since* is the
      engine's version that brought the key, \(EngineVersion.ofIdentities) for older ones. A key that is no part of a run's name may be
      changed without running again.

      The same declarations are `Recipes/schema/*.json`, from which editors with a YAML language server complete and check: the first
      line of a file, `# yaml-language-server: $schema=...`, names its schema.


      """
    func add(_ section: Section, title: String, summary: String, depth: String) {
      for table in section.tables("", summary) {
        text += "\(depth) \(table.path.isEmpty ? title : "`\(table.path)`")\n\n"
        text += "\(table.summary.prefix(1).uppercased())\(table.summary.dropFirst()).\n\n"
        text += "| key | values | default | meaning | since |\n|---|---|---|---|---|\n"
        for entry in table.entries {
          let name = entry.key.dropFirst(table.path.isEmpty ? 0 : table.path.count + 1)
          let cells = ["`\(name)`", entry.values, entry.standard, entry.meaning, entry.since]
          text += "| " + cells.map { $0.replacing("|", with: "\\|") }.joined(separator: " | ") + " |\n"
        }
        text += "\n"
      }
    }
    add(schema.recipe, title: "Recipes", summary: DocumentKind.recipe.summary, depth: "##")
    let files = schema.recipeFile.fields.filter { ["inherits", "fidelities", "profiles"].contains($0.key) }
    text +=
      "A recipe's file also has `inherits`, `fidelities` and `profiles`: "
      + files.map { "`\($0.key)`, \($0.summary)" }.joined(separator: "; ")
      + ". A profile's file has `inherits` and `stand_ins`.\n\n"
    for kind in DocumentKind.allCases where kind != .recipe && kind != .profile {
      add(kind.section(schema), title: "Files of the schema `\(kind.rawValue)`", summary: kind.summary, depth: "##")
    }
    while text.hasSuffix("\n\n") { text.removeLast() }
    return text
  }
}
