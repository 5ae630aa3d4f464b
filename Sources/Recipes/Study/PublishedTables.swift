import Files

/// The numbers that a paper prints, table by table, with their place in it.
public struct PublishedTables: Sendable {
  public let paperTitle: String
  public let authors: [String]
  public let tables: [PublishedTable]

  public func table(_ id: String) -> PublishedTable? { tables.first { $0.id == id } }

  /// The keys of a file of published numbers.
  struct File: RecipeSection {
    @Key("paper", "the paper") var paper: Paper
    @Key("tables", "its tables") var tables: FreeKeys<PublishedTable.File>

    struct Paper: RecipeSection {
      @Key("title", .any, "the paper's title") var title: String
      @Key("authors", .list(1...100, of: .any), "its authors") var authors: [String]
    }
  }

  init(_ file: File) throws {
    paperTitle = file.paper.title
    authors = file.paper.authors
    tables = try file.tables.entries.map { try PublishedTable(id: $0.key, $0.content) }
  }
}

/// A table as printed.
public struct PublishedTable: Sendable {
  /// A column of numbers.
  public struct Column: Sendable {
    public let id: String
    /// As printed, such as `DSC (%)`.
    public let heading: String
    public let dataset: String
    public let metric: Metric

    /// The dataset as the heading names it after the unit, such as `AMOS22` of `DSC (%) AMOS22`; nil where it doesn't.
    public var datasetTitle: String? {
      let name = heading.split(separator: ")", maxSplits: 1).dropFirst().first?.drop { $0 == " " } ?? ""
      return name.isEmpty ? nil : String(name)
    }
  }

  public struct Row: Sendable {
    public let id: String
    /// What the row is called, one text for each of `rowHeadings`.
    public let labels: [String]
    /// The printed number for each column's id, in the table's unit (percent).
    public let values: [String: Double]
  }

  public enum Metric: String, KeyChoice {
    case dsc, nsd
  }

  public let id: String
  /// As printed, such as `Table 1`.
  public let number: String
  public let caption: String
  /// Where the paper talks about it.
  public let place: String
  public let rowHeadings: [String]
  public let columns: [Column]
  public let rows: [Row]

  public func row(_ id: String) -> Row? { rows.first { $0.id == id } }

  /// The printed number, nil where the table has no such cell.
  public func value(row: String, column: String) -> Double? { self.row(row)?.values[column] }

  /// Where the paper prints a cell, such as `Table 1, row 2, DSC (%)`; nil where there is no such cell.
  public func place(row: String, column: String) -> String? {
    guard let index = rows.firstIndex(where: { $0.id == row }), let column = columns.first(where: { $0.id == column })
    else { return nil }
    return "\(number), row \(index + 1), \(column.heading)"
  }

  /// The keys of a table in a file of published numbers.
  struct File: RecipeSection {
    @Key("number", .any, "what the paper calls it") var number: String
    @Key("caption", .any, "its caption") var caption: String
    @Key("place", .any, "where the paper discusses it") var place: String
    @Key("row_headings", .list(1...16, of: .any), "headings of the columns that name a row") var rowHeadings: [String]
    @Key("columns", .list(1...64), "columns of numbers") var columns: [Column]
    @Key("rows", .list(1...256), "rows from top to bottom") var rows: [Located<Row>]

    struct Column: RecipeSection {
      @Key("id", .name, "the column's name here") var id: String
      @Key("heading", .any, "its heading as printed") var heading: String
      @Key("dataset", .name, "the dataset") var dataset: String
      @Key("metric", "the metric") var metric: Metric
    }

    struct Row: RecipeSection {
      @Key("id", .name, "the row's name here") var id: String
      @Key("labels", .list(1...16, of: .any), "what the paper calls it") var labels: [String]
      @Key("values", .closed(0, 100), "the numbers in percent") var values: FreeKeys<Double>
    }
  }

  /// A table that no paper prints: DSC and NSD for each dataset, no rows.
  init(own name: String, title: String, rowHeadings: [String], datasets: [String]) {
    id = name
    number = title
    caption = title
    place = ""
    self.rowHeadings = rowHeadings
    columns = datasets.flatMap { dataset in
      [(Metric.dsc, "DSC"), (.nsd, "NSD")].map { metric, unit in
        Column(
          id: "\(dataset)-\(metric.rawValue)", heading: "\(unit) (%) \(dataset)", dataset: dataset, metric: metric)
      }
    }
    rows = []
  }

  init(id: String, _ table: Located<File>) throws {
    self.id = id
    number = table.value.number
    caption = table.value.caption
    place = table.value.place
    let rowHeadings = table.value.rowHeadings
    let columns = table.value.columns.map {
      Column(id: $0.id, heading: $0.heading, dataset: $0.dataset, metric: $0.metric)
    }
    guard Set(columns.map(\.id)).count == columns.count else {
      throw table.contradiction("columns", "names a column twice")
    }
    var rows: [Row] = []
    for row in table.value.rows {
      let (id, labels, values) = (row.value.id, row.value.labels, row.value.values.entries)
      guard !rows.contains(where: { $0.id == id }) else { throw row.contradiction("id", "is `\(id)` a second time") }
      guard labels.count == rowHeadings.count else {
        throw row.contradiction("labels", "has \(labels.count) texts for \(rowHeadings.count) headings")
      }
      for value in values where !columns.contains(where: { $0.id == value.key }) {
        throw RecipeError.unknownName(
          at: value.origin, what: "column", name: value.key,
          nearest: nearestName(to: value.key, among: columns.map(\.id)), valid: columns.map(\.id))
      }
      guard values.count == columns.count else {
        throw row.contradiction("values", "has \(values.count) numbers for \(columns.count) columns")
      }
      rows.append(
        Row(id: id, labels: labels, values: Dictionary(uniqueKeysWithValues: values.map { ($0.key, $0.value) })))
    }
    self.rowHeadings = rowHeadings
    self.columns = columns
    self.rows = rows
  }
}
