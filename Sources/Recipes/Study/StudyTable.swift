import Files
import Foundation

/// A table to make: its rows in order, each with the recipe for each dataset and, where a paper prints them, its published
/// numbers. A row of the user's own stands beside a paper's, or in a table without a paper.
public struct StudyTable: Sendable {
  public struct Row: Sendable {
    /// The row as the paper prints it; one of the user's own has labels and no values.
    public let published: PublishedTable.Row
    /// The recipe for each dataset of the table, in the order of its columns, by path below the recipes' root.
    public let recipes: [(dataset: String, path: String)]
  }

  /// What rows are to each other.
  public enum RowKind: String, Sendable, CaseIterable {
    /// Each changes something of the row above, so that the difference between them is the change's worth.
    case steps
    /// Methods of their own, each compared with the first.
    case methods
  }

  /// The file's name without `.yaml`.
  public let name: String
  public let title: String
  /// The paper with the published numbers; nil for a table of the user's own.
  public let paperTitle: String?
  /// The file of published numbers, by path below the recipes' root; nil for a table of the user's own.
  public let publishedPath: String?
  /// The table as the paper prints it; that of the user's own has the columns that its rows' datasets need.
  public let published: PublishedTable
  public let rows: [Row]
  public let rowsAre: RowKind
  /// What to say under the table at every profile.
  public let notes: [String]
  /// What to say under the table, by profile; `RecipeLibrary.footnotes(of:profile:)` also looks at what a profile inherits.
  public let footnotes: [String: [String]]

  static let section = Section([
    Field("title", .text(.any), "the table's title"),
    Field("published", .text(.any), "the file of published numbers, relative to this one", .optional),
    Field("table", .text(.name), "the table's name in that file", .optional),
    Field(
      "row_headings", .list(of: .text(.any), count: 1...16), "what names a row, in a table without published numbers",
      .optional),
    Field(
      "rows_are", .choice(RowKind.self), "what rows are to each other: `steps` from the row above, or `methods`",
      .standard(.text(RowKind.methods.rawValue))),
    Field(
      "rows",
      .list(
        of: .section(
          Section([
            Field("published", .text(.name), "the row's name among the published ones", .optional),
            Field(
              "labels", .list(of: .text(.any), count: 1...16), "what to call a row that is not published", .optional),
            Field("recipes", .mapping(of: .text(.any)), "dataset to recipe, relative to this file"),
          ])), count: 1...256), "rows from top to bottom"),
    Field(
      "notes", .list(of: .text(.any), count: 0...32), "what is said under the table at every profile",
      .standard(.list([]))),
    Field(
      "footnotes", .mapping(of: .list(of: .text(.any), count: 0...32)), "profile to what is said under the table",
      .standard(.mapping([]))),
  ])
}

extension RecipeLibrary {
  /// Whether a path, as the user names it, means a table: one that a study lists, or another file with `rows`.
  /// - Throws: `RecipeError` when there is no such file.
  public func isTable(_ path: String) throws -> Bool {
    let file = try locate(path, from: nil, at: nil)
    return try listed(file)?.kind == .table || mapping(file)["rows"] != nil
  }

  /// A table's path below the root.
  /// - Throws: `RecipeError` when there is no such file.
  public func tablePath(_ path: String) throws -> String { try locate(path, from: nil, at: nil).path }

  /// Reads a table, with its published numbers if it has any, and checks that every cell has a recipe.
  /// - Parameter path: its file, as the user names it or below the root.
  /// - Throws: `RecipeError`, `YAMLError`.
  public func table(_ path: String) throws -> StudyTable {
    let file = try locate(path, from: nil, at: nil)
    let (node, reader) = try open(file, as: StudyTable.section)
    let folder = file.url.deletingLastPathComponent()
    let rows = try reader.sections("rows").map { row in
      OwnRow(
        reader: row,
        recipes: try row.texts("recipes").map { recipe in
          (recipe.key, recipe.origin, try locate(recipe.text, from: folder, at: recipe.origin).path)
        })
    }
    let source = reader.has("published") ? try publishedTables(named: reader, in: folder) : nil
    let published = try source?.table ?? ownTable(reader, rows, name: file.stem)
    // Of a published table those datasets that some row has a recipe for; all, where none has.
    var datasets: [String] = []
    for column in published.columns where !datasets.contains(column.dataset) { datasets.append(column.dataset) }
    for row in rows {
      for recipe in row.recipes where !datasets.contains(recipe.dataset) {
        throw unknown("dataset in this table", recipe.dataset, at: recipe.origin, among: datasets)
      }
    }
    let wanted = datasets.filter { dataset in rows.contains { $0.recipes.contains { $0.dataset == dataset } } }
    var done: [StudyTable.Row] = []
    for row in rows {
      let cells = try (wanted.isEmpty ? datasets : wanted).map { dataset -> (dataset: String, path: String) in
        guard let recipe = row.recipes.first(where: { $0.dataset == dataset }) else {
          throw row.reader.contradiction("recipes", "has no recipe for \(dataset)")
        }
        return (dataset, recipe.path)
      }
      let label = try self.row(row.reader, of: published, isPublished: source != nil, number: done.count + 1)
      done.append(StudyTable.Row(published: label, recipes: cells))
    }
    return StudyTable(
      name: file.stem, title: reader.text("title"), paperTitle: source?.paper, publishedPath: source?.path,
      published: published, rows: done,
      rowsAre: reader.choice("rows_are", StudyTable.RowKind.self), notes: reader.textItems("notes"),
      footnotes: try footnotes(node["footnotes"]))
  }

  /// A row as it is written.
  private struct OwnRow {
    let reader: SectionReader
    /// Dataset, where the recipe was written, and its path below the root.
    let recipes: [(dataset: String, origin: Origin, path: String)]
  }

  /// The published table that a table's file names, its paper and the file that holds it.
  private func publishedTables(
    named reader: SectionReader, in folder: URL
  ) throws -> (table: PublishedTable, paper: String, path: String) {
    let file = try locate(reader.text("published"), from: folder, at: reader.origin("published"))
    let source = try publishedTables(file)
    guard reader.has("table") else {
      throw reader.contradiction("published", "is given without `table`, the name of one of its tables")
    }
    if reader.has("row_headings") {
      throw reader.contradiction("row_headings", "has no meaning beside `published`, whose table has its own")
    }
    let id = reader.text("table")
    guard let published = source.table(id) else {
      throw unknown("published table", id, at: reader.origin("table"), among: source.tables.map(\.id))
    }
    return (published, source.paperTitle, file.path)
  }

  /// The columns of a table without published numbers: DSC and NSD of each dataset, in the order in which rows name them.
  private func ownTable(_ reader: SectionReader, _ rows: [OwnRow], name: String) throws -> PublishedTable {
    if reader.has("table") {
      throw reader.contradiction("table", "has no meaning without `published`, the file that it would name a table of")
    }
    var datasets: [String] = []
    for recipe in rows.flatMap(\.recipes) where !datasets.contains(recipe.dataset) { datasets.append(recipe.dataset) }
    guard !datasets.isEmpty else { throw reader.contradiction("rows", "name no recipe") }
    return PublishedTable(
      own: name, title: reader.text("title"),
      rowHeadings: reader.has("row_headings") ? reader.textItems("row_headings") : ["Method"], datasets: datasets)
  }

  /// The published row that a row names, or one without values under the user's own labels.
  private func row(
    _ row: SectionReader, of table: PublishedTable, isPublished: Bool, number: Int
  ) throws -> PublishedTable.Row {
    if row.has("published") {
      let name = row.text("published")
      guard isPublished else {
        throw row.contradiction("published", "has no meaning in a table without `published`; give the row `labels`")
      }
      guard !row.has("labels") else { throw row.contradiction("labels", "stands beside `published`: give one of them") }
      guard let found = table.row(name) else {
        throw unknown("published row", name, at: row.origin("published"), among: table.rows.map(\.id))
      }
      return found
    }
    guard row.has("labels") else {
      throw row.contradiction(
        "recipes", "belong to a row without a name: give it `labels`" + (isPublished ? " or `published`" : ""))
    }
    let labels = row.textItems("labels")
    guard labels.count == table.rowHeadings.count else {
      throw row.contradiction(
        "labels",
        "has \(labels.count) texts for the table's \(table.rowHeadings.count) headings: "
          + table.rowHeadings.joined(separator: ", "))
    }
    return PublishedTable.Row(id: "row-\(number)", labels: labels, values: [:])
  }

  /// What to say under the table when it was made with `profile`: its notes, then those of the profiles it inherits and its own.
  /// - Throws: `RecipeError`, `YAMLError` for a profile that cannot be read.
  public func footnotes(of table: StudyTable, profile: String) throws -> [String] {
    try table.notes + profileDocuments(profile).flatMap { table.footnotes[$0.name] ?? [] }
  }

  /// Reads a study's file of published numbers.
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
      guard try profiles.contains(entry.key) else {
        throw try unknown("profile", entry.key, at: entry.keyOrigin, among: profiles)
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
