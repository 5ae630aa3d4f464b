import Files

/// The numbers that a paper prints, table by table, with their place in it.
public struct PublishedTables: Sendable {
  public let paperTitle: String
  public let authors: [String]
  public let tables: [PublishedTable]

  public func table(_ id: String) -> PublishedTable? { tables.first { $0.id == id } }

  static let section = Section([
    Field(
      "paper",
      .section(
        Section([
          Field("title", .text(.any), "the paper's title"),
          Field("authors", .list(of: .text(.any), count: 1...100), "its authors"),
        ])), "the paper"),
    Field("tables", .mapping(of: .section(PublishedTable.section)), "its tables"),
  ])

  init(_ reader: SectionReader) throws {
    let paper = reader.section("paper")
    paperTitle = paper.text("title")
    authors = paper.textItems("authors")
    tables = try reader.mapping("tables").map { try PublishedTable(id: $0.key, $0.section) }
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

  public enum Metric: String, Sendable, CaseIterable {
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

  static let section = Section([
    Field("number", .text(.any), "what the paper calls it"),
    Field("caption", .text(.any), "its caption"),
    Field("place", .text(.any), "where the paper discusses it"),
    Field("row_headings", .list(of: .text(.any), count: 1...16), "headings of the columns that name a row"),
    Field(
      "columns",
      .list(
        of: .section(
          Section([
            Field("id", .text(.name), "the column's name here"),
            Field("heading", .text(.any), "its heading as printed"),
            Field("dataset", .text(.name), "the dataset"),
            Field("metric", .choice(Metric.self), "the metric"),
          ])), count: 1...64), "columns of numbers"),
    Field(
      "rows",
      .list(
        of: .section(
          Section([
            Field("id", .text(.name), "the row's name here"),
            Field("labels", .list(of: .text(.any), count: 1...16), "what the paper calls it"),
            Field("values", .mapping(of: .number(.closed(0, 100))), "the numbers in percent"),
          ])), count: 1...256), "rows from top to bottom"),
  ])

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

  init(id: String, _ reader: SectionReader) throws {
    self.id = id
    number = reader.text("number")
    caption = reader.text("caption")
    place = reader.text("place")
    let rowHeadings = reader.textItems("row_headings")
    let columns = reader.sections("columns").map {
      Column(
        id: $0.text("id"), heading: $0.text("heading"), dataset: $0.text("dataset"),
        metric: $0.choice("metric", Metric.self))
    }
    guard Set(columns.map(\.id)).count == columns.count else {
      throw reader.contradiction("columns", "names a column twice")
    }
    var rows: [Row] = []
    for row in reader.sections("rows") {
      let id = row.text("id")
      let labels = row.textItems("labels")
      let values = row.numbersByKey("values")
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
        Row(id: id, labels: labels, values: Dictionary(uniqueKeysWithValues: values.map { ($0.key, $0.number) })))
    }
    self.rowHeadings = rowHeadings
    self.columns = columns
    self.rows = rows
  }
}
