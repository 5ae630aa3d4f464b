import Files
import Foundation

/// A table to make again: its rows in order, each with its published numbers and the recipe for each dataset.
public struct StudyTable: Sendable {
  public struct Row: Sendable {
    /// The row as the paper prints it.
    public let published: PublishedTable.Row
    /// The recipe for each dataset of the table, in the order of its columns, by path below the recipes' root.
    public let recipes: [(dataset: String, path: String)]
  }

  public let title: String
  /// The table as the paper prints it.
  public let published: PublishedTable
  public let rows: [Row]
  /// What to say under the table, by profile; `RecipeLibrary.footnotes(of:profile:)` also looks at what a profile inherits.
  public let footnotes: [String: [String]]

  static let section = Section([
    Field("title", .text(.any), "the table's title"),
    Field("published", .text(.relativePath), "the file of published numbers, relative to this one"),
    Field("table", .text(.name), "the table's name in that file"),
    Field(
      "rows",
      .list(
        of: .section(
          Section([
            Field("published", .text(.name), "the row's name among the published ones"),
            Field("recipes", .mapping(of: .text(.any)), "dataset to recipe, relative to this file"),
          ])), count: 1...256), "rows from top to bottom"),
    Field(
      "footnotes", .mapping(of: .list(of: .text(.any), count: 0...32)), "profile to what is said under the table",
      .standard(.mapping([]))),
  ])
}

extension RecipeLibrary {
  /// The tables of every study, `<study>/table*.yaml`, by path below the root, sorted.
  public func tables() -> [String] {
    let files = FileManager.default
    let studies = ((try? files.contentsOfDirectory(atPath: root.path)) ?? []).sorted()
    return studies.flatMap { study in
      let names = (try? files.contentsOfDirectory(atPath: root.appendingPathComponent(study).path)) ?? []
      return names.filter { $0.hasPrefix("table") && $0.hasSuffix(".yaml") }.sorted().map { "\(study)/\($0)" }
    }
  }

  /// Whether a path, as the user names it, means one of `tables()`.
  /// - Throws: `RecipeError` when there is no such file.
  public func isTable(_ path: String) throws -> Bool { tables().contains(try locate(path, from: nil, at: nil).path) }

  /// Reads a table such as `meddinov3/table1.yaml`, with its published numbers, and checks that every cell has a recipe.
  /// - Throws: `RecipeError`, `YAMLError`.
  public func table(_ path: String) throws -> StudyTable {
    let file = try locate(path, from: nil, at: nil)
    let (node, reader) = try open(file, as: StudyTable.section)
    let folder = file.url.deletingLastPathComponent()
    let source = try publishedTables(
      locate(reader.text("published"), from: folder, at: reader.origin("published")))
    let id = reader.text("table")
    guard let published = source.table(id) else {
      throw unknown("published table", id, at: reader.origin("table"), among: source.tables.map(\.id))
    }
    var datasets: [String] = []
    for column in published.columns where !datasets.contains(column.dataset) { datasets.append(column.dataset) }
    let rows = try reader.sections("rows").map { row -> StudyTable.Row in
      let name = row.text("published")
      guard let found = published.row(name) else {
        throw unknown("published row", name, at: row.origin("published"), among: published.rows.map(\.id))
      }
      var paths: [String: String] = [:]
      for recipe in row.texts("recipes") {
        guard datasets.contains(recipe.key) else {
          throw unknown("dataset in this table", recipe.key, at: recipe.origin, among: datasets)
        }
        paths[recipe.key] = try locate(recipe.text, from: folder, at: recipe.origin).path
      }
      let cells = try datasets.map { dataset -> (dataset: String, path: String) in
        guard let path = paths[dataset] else { throw row.contradiction("recipes", "has no recipe for \(dataset)") }
        return (dataset, path)
      }
      return StudyTable.Row(published: found, recipes: cells)
    }
    let footnotes = try footnotes(node["footnotes"])
    return StudyTable(title: reader.text("title"), published: published, rows: rows, footnotes: footnotes)
  }

  /// What to say under the table when it was made with `profile`: the notes of the profiles it inherits and its own.
  /// - Throws: `RecipeError`, `YAMLError` for a profile that cannot be read.
  public func footnotes(of table: StudyTable, profile: String) throws -> [String] {
    try profileDocuments(profile).flatMap { table.footnotes[$0.name] ?? [] }
  }

  /// Reads a file of published numbers such as `meddinov3/published.yaml`.
  /// - Throws: `RecipeError`, `YAMLError`.
  public func publishedTables(_ path: String) throws -> PublishedTables {
    try publishedTables(locate(path, from: nil, at: nil))
  }

  private func publishedTables(_ file: RecipeFile) throws -> PublishedTables {
    try PublishedTables(open(file, as: PublishedTables.section).reader)
  }

  /// Reads, checks and completes a file.
  func open(_ file: RecipeFile, as section: Section) throws -> (node: YAMLNode, reader: SectionReader) {
    let node = try mapping(file)
    let check = SchemaCheck(section)
    try check.check(node)
    let complete = try check.complete(node)
    return (complete, SectionReader(complete))
  }

  func footnotes(_ node: YAMLNode?) throws -> [String: [String]] {
    var notes: [String: [String]] = [:]
    for entry in node?.entries ?? [] {
      guard profiles.contains(entry.key) else {
        throw unknown("profile", entry.key, at: entry.keyOrigin, among: profiles)
      }
      guard case .list(let items) = entry.value.content else { continue }
      notes[entry.key] = items.compactMap { if case .text(let text) = $0.content { text } else { nil } }
    }
    return notes
  }

  func unknown(_ what: String, _ name: String, at origin: Origin, among valid: [String]) -> RecipeError {
    .unknownName(at: origin, what: what, name: name, nearest: nearestName(to: name, among: valid), valid: valid)
  }
}
