import Datasets
import Experiments
import Files

extension TableReport {
  /// Whether every row that has run is at the paper's scale; without a run, whether every row would be but for its data.
  public var isPaperScale: Bool { rows.allSatisfy { isPaper($0) } }

  /// Whether a row may be held against the paper's; one that has not run counts by its recipe.
  func isPaper(_ row: TableRow) -> Bool {
    row.results.allSatisfy { result in
      guard let scale = result.scale else { return false }
      return scale.isPaper || result.runs.isEmpty && scale.row != nil && scale.changes.isEmpty
    }
  }

  /// What a reader must know before the numbers: empty where all are the paper's to compare with.
  var disclaimer: String {
    let others = rows.filter { !isPaper($0) }
    if others.isEmpty { return "" }
    let place = others.count == rows.count ? "this table" : RowNames.text(others.map(\.number))
    return
      " **Our numbers in \(place) are not the paper's and can't be compared with them**: what ran there is not what "
      + "the paper's row is (listed under the table: other data, another network, a shorter training)."
  }

  /// What the rows of one data set rest on, as a list under its table: how they stand to the paper's scale, and what their
  /// bits depend on.
  func basisList(_ index: Int) -> String {
    var lines: [(text: String, rows: [Int])] = []
    func add(_ text: String, _ row: Int) {
      if let place = lines.firstIndex(where: { $0.text == text }) {
        if !lines[place].rows.contains(row) { lines[place].rows.append(row) }
      } else {
        lines.append((text, [row]))
      }
    }
    let done = rows.filter { !$0.results[index].runs.isEmpty }
    for row in done {
      guard let scale = row.results[index].scale else { continue }
      // Without a paper there is nothing to hold rows against but their recipes as they are.
      let text = source == nil ? scale.overrides.map(\.text).joined(separator: "; ") : scale.text
      if !text.isEmpty { add(text, row.number) }
    }
    for row in done {
      for run in row.results[index].runs { if let text = run.basisText { add(text, row.number) } }
    }
    if lines.isEmpty { return "" }
    return "\nWhat the rows rest on:\n\n"
      + lines.map { "- \(RowNames.text($0.rows, of: rows.count)): \(MarkdownTable.plain($0.text))\n" }.joined()
  }

  /// Every value that is not the paper's, with the rows that have it.
  var changesSection: String {
    guard source != nil else { return "" }
    var lines: [(change: PaperScale.Change, cells: [(row: Int, dataset: String)])] = []
    for row in rows {
      for result in row.results where !result.runs.isEmpty {
        for change in result.scale?.changes ?? [] where result.scale?.row != nil {
          let cell = (row.number, result.datasetTitle)
          if let place = lines.firstIndex(where: {
            $0.change.key == change.key && $0.change.shipped == change.shipped && $0.change.here == change.here
          }) {
            lines[place].cells.append(cell)
          } else {
            lines.append((change, [cell]))
          }
        }
      }
    }
    if lines.isEmpty { return "" }
    let cellCount = rows.reduce(0) { $0 + $1.results.count { !$0.runs.isEmpty } }
    var table = MarkdownTable([("Key", .left), ("The paper's row", .left), ("Here", .left), ("Rows", .left)])
    for (change, cells) in lines.sorted(by: { $0.change.key < $1.change.key }) {
      table.append([change.key, Self.short(change.shipped), Self.short(change.here), rowText(cells, of: cellCount)])
    }
    return "\n## Values that are not the paper's\n\n\(table.text)"
  }

  /// A value that a reader can take in at once: of a longer one its beginning, since CSV and JSON have it whole.
  private static func short(_ value: String?) -> String {
    guard let value, value.count > 72 else { return value ?? "" }
    return "\(value.prefix(56))… (\(value.count) characters)"
  }

  private func rowText(_ cells: [(row: Int, dataset: String)], of count: Int) -> String {
    if cells.count == count { return "all" }
    if datasets.count == 1 { return RowNames.list(cells.map(\.row)) }
    var rows: [Int] = []
    for cell in cells where !rows.contains(cell.row) { rows.append(cell.row) }
    return rows.map { row in
      let names = cells.filter { $0.row == row }.map(\.dataset)
      return names.count == datasets.count ? "\(row)" : "\(row) (\(names.joined(separator: ", ")))"
    }.joined(separator: ", ")
  }
}

/// How rows are called in sentences.
enum RowNames {
  /// Such as "row 2", "rows 1 to 4", "all rows".
  static func text(_ rows: [Int], of count: Int? = nil) -> String {
    if rows.count == count, rows.count > 1 { return "all rows" }
    return "row\(rows.count == 1 ? "" : "s") \(list(rows))"
  }

  /// Such as "1, 3 to 5".
  static func list(_ rows: [Int]) -> String {
    var parts: [ClosedRange<Int>] = []
    for row in Set(rows).sorted() {
      if let last = parts.last, last.upperBound == row - 1 {
        parts[parts.count - 1] = last.lowerBound...row
      } else {
        parts.append(row...row)
      }
    }
    return parts.map { part in
      part.count == 1
        ? "\(part.lowerBound)"
        : "\(part.lowerBound)\(part.count == 2 ? ", " : " to ")\(part.upperBound)"
    }.joined(separator: ", ")
  }
}

extension RunSummary {
  /// What the run's bits depend on and how much data it saw, such as "engine 0.5.0; 16 training and 4
  /// validation cases"; a pretraining before it is named where it ran otherwise. Nil where nothing is recorded.
  var basisText: String? {
    var parts: [String] = []
    if let basis { parts.append(basis.text) }
    if let extent, let training = extent.trainingCases, let validation = extent.validationCases {
      parts.append("\(training) training and \(validation) validation case\(validation == 1 ? "" : "s")")
    }
    for start in startingRuns where start.basis != basis {
      parts.append("started from the pretraining \(start.identity.prefix(10)), which ran with \(start.basis.text)")
    }
    return parts.isEmpty ? nil : parts.joined(separator: "; ")
  }

  /// The same as members of a JSON object.
  var basisMembers: [JSONValue.Member] {
    func whole(_ value: Int?) -> JSONValue { value.map(JSONValue.integer) ?? .null }
    return basis.members + [
      .init("training_cases", whole(extent?.trainingCases)), .init("validation_cases", whole(extent?.validationCases)),
      .init("dataset_cases", whole(extent?.cases)),
      .init("patch", extent?.patch.map { .array($0.map(JSONValue.integer)) } ?? .null),
      .init(
        "pretrainings",
        .array(
          startingRuns.map { start in
            .object(
              [.init("identity", .string(start.identity))] + Optional(start.basis).members + [
                .init("images", whole(start.extent?.images))
              ])
          })),
    ]
  }
}

extension ComputeBasis? {
  fileprivate var members: [JSONValue.Member] {
    [
      .init("engine", self.map { .string($0.engineVersion) } ?? .null),
      .init("device", self.map { .string($0.device ?? "CPU") } ?? .null),
    ]
  }
}

extension PaperScale? {
  /// As members of a JSON object; null where there is nothing to judge yet.
  var members: [JSONValue.Member] {
    guard let scale = self else { return [.init("paper_scale", .null), .init("scale", .null)] }
    return [.init("paper_scale", scale.hasRun ? .bool(scale.isPaper) : .null), .init("scale", scale.json)]
  }
}

extension PaperScale {
  fileprivate var json: JSONValue {
    func text(_ value: String?) -> JSONValue { value.map(JSONValue.string) ?? .null }
    return .object([
      .init("paper_row", text(row)), .init("profile", .string(profile)), .init("fidelity", .string(fidelity.rawValue)),
      .init(
        "counts",
        .array(
          counts.map {
            .object([
              .init("what", .string($0.what)), .init("here", .integer($0.here)),
              .init("expected", $0.expected.map(JSONValue.integer) ?? .null),
            ])
          })),
      .init(
        "changes",
        .array(
          changes.map {
            .object([
              .init("key", .string($0.key)), .init("shipped", text($0.shipped)), .init("here", text($0.here)),
              .init("by_profile", .bool($0.isProfiles)),
            ])
          })),
      .init("text", .string(self.text)),
    ])
  }
}
