import Datasets
import Evaluation
import Experiments
import Recipes

extension ClaimsReport {
  /// The report as Markdown: a table of verdicts, then the comparisons behind each.
  public func markdown() -> String {
    var text = "# What the paper asserts in words\n\nProfile: \(profile)."
    let others = evidence.filter { $0.runs.map { !$0.isPaperScale } ?? false }
    if !others.isEmpty {
      let place = others.count == evidence.count { $0.runs != nil } ? "this report" : "what rests on the cells below"
      text +=
        " **Our verdicts in \(place) say nothing about the paper**: what ran is not what the paper's rows are (listed at "
        + "the end: other data, another network, a shorter training)."
    }
    text += "\n\n"
    var table = MarkdownTable([
      ("#", .right), ("The paper says", .left), ("Where", .left), ("Its own numbers", .left), ("Our runs", .left),
    ])
    for (index, item) in items.enumerated() {
      table.append(
        ["\(index + 1)", item.claim.text, item.claim.place, item.published.rawValue, item.ours.rawValue])
    }
    text += table.text + "\n" + Self.rules + "\n## The comparisons behind them\n\n" + comparisons
    return text + missingRuns + basisList
  }

  private var missingRuns: String {
    var commands: [String] = []
    for command in evidence.filter({ $0.runs == nil }).compactMap(\.command) where !commands.contains(command) {
      commands.append(command)
    }
    if commands.isEmpty { return "" }
    return "\nNot run yet:\n\n" + commands.map { "- \(MarkdownTable.code($0))\n" }.joined()
  }

  /// How the runs stand to the paper's rows and what their bits depend on, each sentence with the cells that it is true of.
  private var basisList: String {
    var lines: [(text: String, cells: [String])] = []
    for item in evidence {
      guard let runs = item.runs else { continue }
      for text in [runs.scale?.text].compactMap({ $0 }) + runs.runs.compactMap(\.basisText) {
        guard let place = lines.firstIndex(where: { $0.text == text }) else {
          lines.append((text, [item.cell.name]))
          continue
        }
        if !lines[place].cells.contains(item.cell.name) { lines[place].cells.append(item.cell.name) }
      }
    }
    if lines.isEmpty { return "" }
    return "\nWhat the runs rest on:\n\n"
      + lines.map { "- \($0.cells.joined(separator: ", ")): \(MarkdownTable.plain($0.text))\n" }.joined()
  }

  private static let rules = """
    The paper's own numbers have neither cases nor seeds: they hold when they are as the words say, a stated size within
    0.05 points. Our runs hold or fail when the whole 95 % interval of the difference does, over cases (BCa bootstrap,
    \(Bootstrap.draws) samples) and, where both sides have several seeds, over seeds (Welch's t) as well; otherwise they are
    undecided. A claim of several comparisons needs all of them.

    """

  private var comparisons: String {
    var table = MarkdownTable([
      ("#", .right), ("Cell", .left), ("", .left), ("Than", .left), ("Stated", .right), ("Paper", .right),
      ("Its numbers", .left), ("Ours [95 % over cases]", .right), ("over seeds", .right), ("p", .right),
      ("Our runs", .left),
    ])
    for (index, item) in items.enumerated() {
      for part in item.parts {
        var relation = part.part.relation.rawValue
        if part.part.within > 0 { relation += " (\(NumberText.decimals(part.part.within, 1)))" }
        table.append([
          "\(index + 1)", part.part.cell.name, relation, part.part.than.name,
          part.part.by.map { NumberText.decimals($0, 2) } ?? "", NumberText.signed(part.publishedDifference),
          part.published.rawValue,
          part.paired.map { NumberText.points($0.difference) + " " + Self.interval($0.interval) } ?? "",
          part.overSeeds.map(Self.interval) ?? "", part.paired.map { NumberText.probability($0.pValue) } ?? "",
          part.ours.rawValue,
        ])
      }
    }
    return table.text + "\nDifferences in percentage points; p is Wilcoxon's signed-rank test over cases, two-sided.\n"
  }

  private static func interval(_ interval: ClosedRange<Double>) -> String {
    "[\(NumberText.points(interval.lowerBound)), \(NumberText.points(interval.upperBound))]"
  }

  /// The report as comma-separated values: one line for each comparison, differences in percentage points.
  public func csv() -> String {
    var lines = [
      [
        "claim", "text", "place", "cell", "relation", "than", "stated", "paper", "paper_verdict", "ours", "low", "high",
        "p", "our_verdict",
        "paper_scale", "scale", "basis",
      ]
    ]
    for (index, item) in items.enumerated() {
      for part in item.parts {
        lines.append(
          [
            "\(index + 1)", item.claim.text, item.claim.place, part.part.cell.name, part.part.relation.rawValue,
            part.part.than.name, part.part.by.map { "\($0)" } ?? "", "\(part.publishedDifference)",
            part.published.rawValue,
          ]
            + [part.difference, part.paired.map { 100 * $0.interval.lowerBound }].map { $0.map { "\($0)" } ?? "" }
            + [part.paired.map { 100 * $0.interval.upperBound }, part.paired?.pValue].map { $0.map { "\($0)" } ?? "" }
            + [part.ours.rawValue] + basis(of: part))
      }
    }
    return CSV.text(lines)
  }

  /// Whether both sides of a comparison are at the paper's scale (empty where one has not run), how they stand to it, and
  /// what their bits depend on.
  private func basis(of part: Part) -> [String] {
    let sides = [part.part.cell, part.part.than].compactMap { cell in
      evidence.first { $0.cell == cell }?.runs.map { (cell.name, $0) }
    }
    func each(_ texts: (ComparedRuns) -> [String]) -> String {
      sides.flatMap { side in Set(texts(side.1)).sorted().map { "\(side.0): \($0)" } }.joined(separator: " | ")
    }
    return [
      sides.count == 2 ? "\(sides.allSatisfy { $0.1.isPaperScale })" : "", each { $0.scale.map { [$0.text] } ?? [] },
      each { $0.runs.compactMap(\.basisText) },
    ]
  }

  /// The report as JSON, differences in percentage points.
  public func json() -> String {
    let list = items.map { item in
      JSONValue.object([
        .init("text", .string(item.claim.text)), .init("place", .string(item.claim.place)),
        .init("paper_verdict", .string(item.published.rawValue)), .init("our_verdict", .string(item.ours.rawValue)),
        .init("parts", .array(item.parts.map(Self.part))),
      ])
    }
    let cells = evidence.map { item in
      JSONValue.object(
        [
          .init("cell", .string(item.cell.name)), .init("command", item.command.map(JSONValue.string) ?? .null),
          .init("runs", .array(item.runs?.runs.map { .string($0.identity) } ?? [])),
        ] + (item.runs?.basisMembers ?? []))
    }
    let hasRun = evidence.contains { $0.runs != nil }
    return JSONValue.object([
      .init("profile", .string(profile)), .init("paper_scale", hasRun ? .bool(isPaperScale) : .null),
      .init("claims", .array(list)), .init("cells", .array(cells)),
    ]).text()
  }

  private static func part(_ part: Part) -> JSONValue {
    func points(_ range: ClosedRange<Double>?) -> JSONValue {
      range.map { [.number(100 * $0.lowerBound), .number(100 * $0.upperBound)] } ?? .null
    }
    return .object([
      .init("cell", .string(part.part.cell.name)), .init("relation", .string(part.part.relation.rawValue)),
      .init("than", .string(part.part.than.name)), .init("within", .number(part.part.within)),
      .init("stated", .optional(part.part.by)), .init("paper_difference", .number(part.publishedDifference)),
      .init("paper_verdict", .string(part.published.rawValue)), .init("our_difference", .optional(part.difference)),
      .init("interval_over_cases", points(part.paired?.interval)), .init("interval_over_seeds", points(part.overSeeds)),
      .init("p", .optional(part.paired?.pValue)), .init("our_verdict", .string(part.ours.rawValue)),
    ])
  }
}

extension Claim.Cell {
  /// TABLE/ROW/COLUMN, as recipes name it.
  var name: String { "\(table)/\(row.id)/\(column.id)" }
}
