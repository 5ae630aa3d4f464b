import Datasets
import Files
import Foundation

/// A report's text taken apart into cells, so that two texts can be compared cell by cell. Wall times and dates are left
/// out: they differ between equal results.
struct ReportCells {
  enum Form: String {
    case markdown = "md"
    case csv, json
  }

  /// Where a cell stands.
  struct Place: Hashable {
    /// The heading above a Markdown table; empty in other files.
    var section = ""
    var row: String
    var column: String
  }

  private(set) var cells: [(place: Place, value: String)] = []
  /// The lines beside the tables, each with the heading above it.
  private(set) var lines: [(section: String, text: String)] = []
  private var values: [Place: String] = [:]
  /// Of every section the rows and the columns that it has.
  private var rows: Set<[String]> = []
  private var columns: Set<[String]> = []
  /// How often a row's name was asked for.
  private var repeats: [[String]: Int] = [:]

  /// - Returns: nil for a text that is not of the form.
  init?(_ text: String, _ form: Form) {
    switch form {
    case .markdown: readMarkdown(text)
    case .csv: readCSV(text)
    case .json:
      guard let value = try? JSONValue.parse(Data(text.utf8), name: "") else { return nil }
      readJSON(value, row: [], column: "")
    }
  }

  /// Whether a cell's text says that there is no result.
  static func isMissing(_ value: String) -> Bool { ["", "missing", "not run"].contains(value) }

  /// Whether a column holds wall times or dates.
  private static func isTime(_ column: String) -> Bool {
    column.lowercased().split { !$0.isLetter }.contains { $0 == "wall" || $0 == "date" }
  }

  private mutating func add(_ place: Place, _ value: String) {
    guard !Self.isTime(place.column) else { return }
    rows.insert([place.section, place.row])
    columns.insert([place.section, place.column])
    cells.append((place, value))
    values[place] = value
  }

  /// `row`, or `row (2)` for the second of that name.
  private mutating func numbered(_ row: String, _ key: [String]) -> String {
    repeats[key, default: 0] += 1
    return repeats[key]! == 1 ? row : "\(row) (\(repeats[key]!))"
  }

  private static func distinct(_ columns: [String]) -> [String] {
    var counts: [String: Int] = [:]
    return columns.map { column in
      counts[column, default: 0] += 1
      return counts[column]! == 1 ? column : "\(column) (\(counts[column]!))"
    }
  }

  // MARK: - Comparing

  /// The cells with a result that `new` has without one, or whose row it lacks in a table that it has.
  func lost(in new: ReportCells) -> [(place: Place, value: String)] {
    cells.filter { place, value in
      guard !Self.isMissing(value), !Self.identifying.contains(place.column) else { return false }
      if let now = new.values[place] { return Self.isMissing(now) }
      return new.columns.contains([place.section, place.column]) && !new.rows.contains([place.section, place.row])
    }
  }

  /// Every cell and every line that is not the same in `new`; nil for what one of the two lacks.
  func differences(from new: ReportCells) -> [(place: Place, old: String?, new: String?)] {
    var found: [(place: Place, old: String?, new: String?)] = []
    for (place, value) in cells where new.values[place] != value { found.append((place, value, new.values[place])) }
    for (place, value) in new.cells where values[place] == nil { found.append((place, nil, value)) }
    let (before, after) = (lines.map { [$0.section, $0.text] }, new.lines.map { [$0.section, $0.text] })
    let (removed, added) = (Self.surplus(of: before, over: after), Self.surplus(of: after, over: before))
    // A line that went and one that came under the same heading are taken for one that changed.
    var came = added
    for line in removed {
      let index = came.firstIndex { $0[0] == line[0] }
      found.append((Place(section: line[0], row: "text", column: ""), line[1], index.map { came.remove(at: $0)[1] }))
    }
    found += came.map { (Place(section: $0[0], row: "text", column: ""), nil, $0[1]) }
    if removed.isEmpty, added.isEmpty, before != after {
      found.append((Place(row: "text", column: ""), "other order of lines", "this order"))
    }
    return found
  }

  /// What `lines` holds more often than `others`.
  private static func surplus(of lines: [[String]], over others: [[String]]) -> [[String]] {
    var counts = Dictionary(others.map { ($0, 1) }, uniquingKeysWith: +)
    return lines.filter { line in
      guard let count = counts[line], count > 0 else { return true }
      counts[line] = count - 1
      return false
    }
  }

  // MARK: - Markdown

  private mutating func readMarkdown(_ text: String) {
    var section = ""
    var header: [String]?
    var tables: [String: Int] = [:]
    /// The section, and the number of the table in it from the second on.
    var table = ""
    for line in text.split(separator: "\n", omittingEmptySubsequences: false).map({ $0.drop { $0 == " " } }) {
      guard line.hasPrefix("|") else {
        header = nil
        guard !line.isEmpty else { continue }
        if line.hasPrefix("##") { section = String(line.drop { $0 == "#" || $0 == " " }) }
        lines.append((section, String(line)))
        continue
      }
      let found = Self.markdownCells(line)
      guard let columns = header else {
        header = Self.distinct(found)
        tables[section, default: 0] += 1
        let number = tables[section]!
        table = number == 1 ? section : section.isEmpty ? "table \(number)" : "\(section), table \(number)"
        continue
      }
      guard !found.allSatisfy({ $0.allSatisfy { "-:".contains($0) } && !$0.isEmpty }) else { continue }
      let first = found.first ?? ""
      let name = columns.first == "#" ? "row \(first)" : first
      let row = numbered(name, [table, name])
      for (index, value) in found.enumerated() {
        let column = index < columns.count ? columns[index] : "column \(index + 1)"
        add(Place(section: table, row: row, column: column), value)
      }
    }
  }

  /// The cells between a line's bars; a bar behind a backslash is a cell's own.
  private static func markdownCells(_ line: Substring) -> [String] {
    var cells: [String] = []
    var cell = ""
    var isEscaped = false
    for character in line.dropFirst() {
      if character == "|", !isEscaped {
        cells.append(cell.trimmingCharacters(in: .whitespaces))
        cell = ""
      } else {
        cell.append(character)
      }
      isEscaped = character == "\\" && !isEscaped
    }
    let rest = cell.trimmingCharacters(in: .whitespaces)
    return rest.isEmpty ? cells : cells + [rest]
  }

  // MARK: - CSV and JSON

  /// The columns, or keys, that say what a line is about, in this order.
  private static let identifying = [
    "row", "dataset", "score", "seed", "claim", "cell", "relation", "than", "topic",
  ]

  /// Of such a column and its value.
  private static func identity(_ key: String, _ value: String) -> String {
    ["row", "seed", "claim"].contains(key) ? "\(key) \(value)" : value
  }

  private mutating func readCSV(_ text: String) {
    let lines = CSV.lines(text)
    guard let header = lines.first.map(Self.distinct) else { return }
    for (index, line) in lines.dropFirst().enumerated() {
      let names = Self.identifying.compactMap { key in
        header.firstIndex(of: key).flatMap { $0 < line.count ? Self.identity(key, line[$0]) : nil }
      }
      let name = names.isEmpty ? "line \(index + 2)" : names.joined(separator: ", ")
      let row = numbered(name, [name])
      for (place, value) in line.enumerated() {
        add(Place(row: row, column: place < header.count ? header[place] : "column \(place + 1)"), value)
      }
    }
  }

  private mutating func readJSON(_ value: JSONValue, row: [String], column: String) {
    switch value {
    case .object(let members):
      for member in members {
        readJSON(member.value, row: row, column: column.isEmpty ? member.key : "\(column).\(member.key)")
      }
    case .array(let items):
      for (index, item) in items.enumerated() {
        if case .object = item {
          let names = Self.identifying.compactMap { key in
            item[key].flatMap(Self.scalar).map { Self.identity(key, $0) }
          }
          let name = names.isEmpty ? "\(column) \(index + 1)" : names.joined(separator: " ")
          readJSON(item, row: row + [name], column: column)
        } else {
          readJSON(item, row: row, column: "\(column)[\(index)]")
        }
      }
    default:
      let name = row.joined(separator: ", ")
      add(Place(row: numbered(name, [name, column]), column: column), Self.scalar(value) ?? "")
    }
  }

  /// A single value's text; null's is empty.
  private static func scalar(_ value: JSONValue) -> String? {
    switch value {
    case .null: ""
    case .bool(let value): "\(value)"
    case .integer(let value): "\(value)"
    case .number(let value): "\(value)"
    case .string(let value): value
    case .array, .object: nil
    }
  }
}
