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
  public enum Relation: String, KeyChoice {
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

  /// The keys of a file of claims.
  struct File: RecipeSection {
    @Key("published", .relativePath, "the file of published numbers, relative to this one")
    var published: Located<String>
    @Key("claims", .list(1...256), "the claims") var claims: [Statement]

    struct Statement: RecipeSection {
      @Key("text", .any, "the paper's words") var text: String
      @Key("place", .any, "where it says so") var place: String
      @Key("parts", .list(1...64), "the comparisons it needs") var parts: [Located<Comparison>]
    }

    struct Comparison: RecipeSection {
      @Key("cell", .any, "the cell it is about: table/row/column") var cell: Located<String>
      @Key("relation", "how it stands to the other") var relation: Relation
      @Key("than", .any, "the cell it is compared with") var than: Located<String>
      @Key("by", .closed(0, 100), "the difference's size as the paper states it") var by: Double?
      @Key("within", .closed(0, 100), default: 0, "a difference that still counts as none") var within: Double
    }
  }
}

extension RecipeLibrary {
  /// Reads a study's claims; every cell must be a published one.
  /// - Throws: `RecipeError`, `YAMLError`.
  public func claims(_ path: String) throws -> [Claim] {
    let file = try locate(path, from: nil, at: nil)
    let written = try open(file, as: Claim.File.self).value
    let source = try locate(
      written.published.value, from: file.url.deletingLastPathComponent(), at: written.published.origin)
    let tables = try publishedTables(source.path).tables
    func cell(_ key: Located<String>) throws -> Claim.Cell {
      let names = key.value.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
      guard names.count == 3 else { throw key.contradiction("is no table/row/column") }
      guard let table = tables.first(where: { $0.id == names[0] }) else {
        throw unknown("published table", names[0], at: key.origin, among: tables.map(\.id))
      }
      guard let row = table.row(names[1]) else {
        throw unknown("row in \(table.id)", names[1], at: key.origin, among: table.rows.map(\.id))
      }
      guard let column = table.columns.first(where: { $0.id == names[2] }), let value = row.values[column.id],
        let place = table.place(row: row.id, column: column.id)
      else {
        throw unknown("column in \(table.id)", names[2], at: key.origin, among: table.columns.map(\.id))
      }
      return Claim.Cell(table: table.id, row: row, column: column, place: place, value: value)
    }
    return try written.claims.map { claim in
      Claim(
        text: claim.text, place: claim.place,
        parts: try claim.parts.map { written in
          let part = written.value
          let (mine, other) = (try cell(part.cell), try cell(part.than))
          guard mine.column.metric == other.column.metric, mine.column.dataset == other.column.dataset else {
            throw part.than.contradiction("is of another data set or metric than `cell`")
          }
          guard part.relation.hasMargin || part.within == 0 else {
            throw written.contradiction(
              "within", "is a margin, which `\(part.relation.rawValue)` has none of; `on-par` and `not-below` have one")
          }
          return Claim.Part(cell: mine, relation: part.relation, than: other, by: part.by, within: part.within)
        })
    }
  }
}
