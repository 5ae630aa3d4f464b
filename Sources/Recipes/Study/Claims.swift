import Files

/// Something that a paper asserts in words, and the cells of its tables that the assertion rests on.
public struct Claim: Sendable {
  /// One number of a published table.
  public struct Cell: Sendable, Equatable {
    public let table: String
    public let row: PublishedTable.Row
    public let column: PublishedTable.Column
    /// Where the paper prints it, such as `Table 1, row 2, DSC (%)`.
    public let place: String
    /// In percent.
    public let value: Double

    public static func == (a: Cell, b: Cell) -> Bool {
      a.table == b.table && a.row.id == b.row.id && a.column.id == b.column.id
    }
  }

  /// How two cells are said to stand to each other.
  public enum Relation: String, Sendable, CaseIterable {
    case above, below
    /// No further apart than `within`.
    case onPar = "on-par"
    /// Not lower by more than `within`.
    case notBelow = "not-below"

    /// Whether `within` says something about it.
    public var hasMargin: Bool { self == .onPar || self == .notBelow }
  }

  /// One comparison that the claim needs.
  public struct Part: Sendable {
    public let cell: Cell
    public let relation: Relation
    public let than: Cell
    /// The size of the difference that the paper states, in percentage points.
    public let by: Double?
    /// The size of a difference that still counts as none, in percentage points.
    public let within: Double
  }

  /// What the paper says, in its words.
  public let text: String
  /// Where it says so.
  public let place: String
  public let parts: [Part]

  static let section = Section([
    Field("published", .text(.relativePath), "the file of published numbers, relative to this one"),
    Field(
      "claims",
      .list(
        of: .section(
          Section([
            Field("text", .text(.any), "the paper's words"),
            Field("place", .text(.any), "where it says so"),
            Field(
              "parts",
              .list(
                of: .section(
                  Section([
                    Field("cell", .text(.any), "the cell it is about: table/row/column"),
                    Field("relation", .choice(Relation.self), "how it stands to the other"),
                    Field("than", .text(.any), "the cell it is compared with"),
                    Field("by", .number(.closed(0, 100)), "the difference's size as the paper states it", .optional),
                    Field(
                      "within", .number(.closed(0, 100)), "a difference that still counts as none",
                      .standard(.number(0))),
                  ])), count: 1...64), "the comparisons it needs"),
          ])), count: 1...256), "the claims"),
  ])
}

extension RecipeLibrary {
  /// Reads a study's claims; every cell must be a published one.
  /// - Throws: `RecipeError`, `YAMLError`.
  public func claims(_ path: String) throws -> [Claim] {
    let file = try locate(path, from: nil, at: nil)
    let (_, reader) = try open(file, as: Claim.section)
    let source = try locate(
      reader.text("published"), from: file.url.deletingLastPathComponent(), at: reader.origin("published"))
    let tables = try publishedTables(source.path).tables
    func cell(_ key: String, of part: SectionReader) throws -> Claim.Cell {
      let names = part.text(key).split(separator: "/", omittingEmptySubsequences: false).map(String.init)
      guard names.count == 3 else { throw part.contradiction(key, "is no table/row/column") }
      guard let table = tables.first(where: { $0.id == names[0] }) else {
        throw unknown("published table", names[0], at: part.origin(key), among: tables.map(\.id))
      }
      guard let row = table.row(names[1]) else {
        throw unknown("row in \(table.id)", names[1], at: part.origin(key), among: table.rows.map(\.id))
      }
      guard let column = table.columns.first(where: { $0.id == names[2] }), let value = row.values[column.id],
        let place = table.place(row: row.id, column: column.id)
      else {
        throw unknown("column in \(table.id)", names[2], at: part.origin(key), among: table.columns.map(\.id))
      }
      return Claim.Cell(table: table.id, row: row, column: column, place: place, value: value)
    }
    return try reader.sections("claims").map { claim in
      Claim(
        text: claim.text("text"), place: claim.text("place"),
        parts: try claim.sections("parts").map { part in
          let (mine, other) = (try cell("cell", of: part), try cell("than", of: part))
          guard mine.column.metric == other.column.metric, mine.column.dataset == other.column.dataset else {
            throw part.contradiction("than", "is of another data set or metric than `cell`")
          }
          let relation = part.choice("relation", Claim.Relation.self)
          guard relation.hasMargin || part.number("within") == 0 else {
            throw part.contradiction(
              "within", "is a margin, which `\(relation.rawValue)` has none of; `on-par` and `not-below` have one")
          }
          return Claim.Part(
            cell: mine, relation: relation, than: other,
            by: part.has("by") ? part.number("by") : nil, within: part.number("within"))
        })
    }
  }
}
