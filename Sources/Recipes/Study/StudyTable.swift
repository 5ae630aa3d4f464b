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
  public enum RowKind: String, KeyChoice {
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

  /// The keys of a table's file.
  struct File: RecipeSection {
    @Key("title", .any, "the table's title") var title: String
    @Key("published", .relativePath, "the file of published numbers, relative to this one")
    var published: Located<String>?
    @Key("table", .name, "the table's name in that file") var table: Located<String>?
    @Key("row_headings", .list(1...16, of: .any), "what names a row, in a table without published numbers")
    var rowHeadings: [String]?
    @Key(
      "rows_are", default: .methods, "what rows are to each other: `steps` from the row above, or `methods`")
    var rowsAre: RowKind
    @Key("rows", .list(1...256), "rows from top to bottom") var rows: [Located<Row>]
    @Key("notes", .list(0...32, of: .any), default: [], "what is said under the table at every profile")
    var notes: [String]
    @Key("footnotes", .list(0...32, of: .any), default: .empty, "profile to what is said under the table")
    var footnotes: FreeKeys<[String]>

    struct Row: RecipeSection {
      @Key("published", .name, "the row's name among the published ones") var published: Located<String>?
      @Key("labels", .list(1...16, of: .any), "what to call a row that is not published") var labels: [String]?
      @Key("recipes", .any, "dataset to recipe, relative to this file") var recipes: FreeKeys<String>
    }
  }
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
    let written = try open(file, as: StudyTable.File.self)
    let folder = file.url.deletingLastPathComponent()
    let rows = try written.value.rows.map { row in
      OwnRow(
        written: row,
        recipes: try row.value.recipes.entries.map { recipe in
          (recipe.key, recipe.origin, try locate(recipe.value, from: folder, at: recipe.origin).path)
        })
    }
    let source = try publishedTable(of: written, in: folder)
    let published = try source?.table ?? ownTable(written, rows, name: file.stem)
    // Of a published table those datasets that some row has a recipe for; all, where none has.
    var datasets: [String] = []
    for column in published.columns where !datasets.contains(column.dataset) { datasets.append(column.dataset) }
    for row in rows {
      for recipe in row.recipes where !datasets.contains(recipe.dataset) {
        throw unknown("dataset in this table", recipe.dataset, at: recipe.origin, among: datasets)
      }
    }
    let filled = datasets.filter { dataset in rows.contains { $0.recipes.contains { $0.dataset == dataset } } }
    var done: [StudyTable.Row] = []
    for row in rows {
      let cells = try (filled.isEmpty ? datasets : filled).map { dataset -> (dataset: String, path: String) in
        guard let recipe = row.recipes.first(where: { $0.dataset == dataset }) else {
          throw row.written.contradiction("recipes", "has no recipe for \(dataset)")
        }
        return (dataset, recipe.path)
      }
      let label = try self.row(row.written, of: published, isPublished: source != nil, number: done.count + 1)
      done.append(StudyTable.Row(published: label, recipes: cells))
    }
    return StudyTable(
      name: file.stem, title: written.value.title, paperTitle: source?.paper, publishedPath: source?.path,
      published: published, rows: done, rowsAre: written.value.rowsAre, notes: written.value.notes,
      footnotes: try byProfile(written.value.footnotes))
  }

  /// A row as it is written.
  private struct OwnRow {
    let written: Located<StudyTable.File.Row>
    /// Dataset, where the recipe was written, and its path below the root.
    let recipes: [(dataset: String, origin: Origin, path: String)]
  }

  /// The published table that a table's file names, its paper and the file that holds it; nil where it names none.
  private func publishedTable(
    of table: Located<StudyTable.File>, in folder: URL
  ) throws -> (table: PublishedTable, paper: String, path: String)? {
    guard let written = table.value.published else { return nil }
    let file = try locate(written.value, from: folder, at: written.origin)
    let source = try publishedTables(file)
    guard let id = table.value.table else {
      throw written.contradiction("is given without `table`, the name of one of its tables")
    }
    if table.value.rowHeadings != nil {
      throw table.contradiction("row_headings", "has no meaning beside `published`, whose table has its own")
    }
    guard let published = source.table(id.value) else {
      throw unknown("published table", id.value, at: id.origin, among: source.tables.map(\.id))
    }
    return (published, source.paperTitle, file.path)
  }

  /// The columns of a table without published numbers: DSC and NSD of each dataset, in the order in which rows name them.
  private func ownTable(_ table: Located<StudyTable.File>, _ rows: [OwnRow], name: String) throws -> PublishedTable {
    if let id = table.value.table {
      throw id.contradiction("has no meaning without `published`, the file that it would name a table of")
    }
    var datasets: [String] = []
    for recipe in rows.flatMap(\.recipes) where !datasets.contains(recipe.dataset) { datasets.append(recipe.dataset) }
    guard !datasets.isEmpty else { throw table.contradiction("rows", "name no recipe") }
    return PublishedTable(
      own: name, title: table.value.title, rowHeadings: table.value.rowHeadings ?? ["Method"], datasets: datasets)
  }

  /// The published row that a row names, or one without values under the user's own labels.
  private func row(
    _ row: Located<StudyTable.File.Row>, of table: PublishedTable, isPublished: Bool, number: Int
  ) throws -> PublishedTable.Row {
    if let name = row.value.published {
      guard isPublished else {
        throw name.contradiction("has no meaning in a table without `published`; give the row `labels`")
      }
      guard row.value.labels == nil else {
        throw row.contradiction("labels", "stands beside `published`: give one of them")
      }
      guard let found = table.row(name.value) else {
        throw unknown("published row", name.value, at: name.origin, among: table.rows.map(\.id))
      }
      return found
    }
    guard let labels = row.value.labels else {
      throw row.contradiction(
        "recipes", "belong to a row without a name: give it `labels`" + (isPublished ? " or `published`" : ""))
    }
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
    try PublishedTables(open(file, as: PublishedTables.File.self).value)
  }

  /// Reads, checks and completes a file.
  func open<File: RecipeSection>(_ file: RecipeFile, as type: File.Type) throws -> Located<File> {
    let node = try mapping(file)
    let check = SchemaCheck(File.section([]))
    try check.check(node)
    return try Located.read(SectionReader(check.complete(node)))
  }

  /// What a file says for each of several profiles, which there must be.
  func byProfile<Value>(_ written: FreeKeys<Value>) throws -> [String: Value] {
    for entry in written.entries where try !profiles.contains(entry.key) {
      throw try unknown("profile", entry.key, at: entry.keyOrigin, among: profiles)
    }
    return Dictionary(uniqueKeysWithValues: written.entries.map { ($0.key, $0.value) })
  }

  func unknown(_ what: String, _ name: String, at origin: Origin, among valid: [String]) -> RecipeError {
    .unknownName(at: origin, what: what, name: name, nearest: nearestName(to: name, among: valid), valid: valid)
  }
}
