import Datasets
import Evaluation
import Experiments
import Files
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
        [
          "\(index + 1)", item.claim.text, item.claim.place, item.published.text,
          Self.text(item.ours, item.shortcomings),
        ])
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

  /// A verdict on our runs, with what keeps it undecided.
  private static func text(_ judgement: Judgement, _ shortcomings: [String]) -> String {
    guard judgement.verdict == .undecided, !shortcomings.isEmpty else { return judgement.text }
    return "undecided (\(shortcomings.joined(separator: "; ")))"
  }

  private static let rules = """
    The paper's own numbers have neither cases nor seeds: they hold when they are as the words say, a stated size within
    \(NumberText.decimals(Claim.Part.sizeMargin, 2)) points. Our runs hold or fail when the whole 95 % interval of the difference does, over cases (BCa bootstrap,
    \(Bootstrap.draws) samples) and over seeds (Welch's t); otherwise, and with fewer than \(RequiredEvidence.minimumCases) cases or \(RequiredEvidence.minimumSeeds) seeds a side, they are
    undecided. A claim of several comparisons needs all of them. In brackets stands a margin, in points, that was chosen
    here and not by the paper, and the margin at which the verdict would be another one.

    """

  private var comparisons: String {
    var table = MarkdownTable([
      ("#", .right), ("Cell", .left), ("", .left), ("Than", .left), ("Stated", .right), ("Paper", .right),
      ("Its numbers", .left), ("Ours [95 % over cases]", .right), ("over seeds", .right), ("p", .right),
      ("Our runs", .left),
    ])
    for (index, item) in items.enumerated() {
      for part in item.parts {
        let paired = part.judged?.paired
        table.append([
          "\(index + 1)", part.part.cell.name, part.part.relation.rawValue, part.part.than.name,
          part.part.by.map { NumberText.decimals($0, 2) } ?? "", NumberText.signed(part.publishedDifference),
          part.published.text,
          paired.map { NumberText.points($0.difference) + " " + Self.interval($0.interval) } ?? "",
          part.judged?.overSeeds.map(Self.interval) ?? "", paired.map { NumberText.probability($0.pValue) } ?? "",
          Self.text(part.ours, part.shortcomings),
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
        "claim", "text", "place", "cell", "relation", "than", "stated", "paper", "paper_verdict", "paper_margin",
        "paper_turns_at", "ours", "low", "high", "p", "cases", "seeds", "our_verdict", "our_margin", "our_turns_at",
        "undecided_because",
        "paper_scale", "scale", "basis",
      ]
    ]
    for (index, item) in items.enumerated() {
      for part in item.parts {
        let line: [String] =
          [
            "\(index + 1)", item.claim.text, item.claim.place, part.part.cell.name, part.part.relation.rawValue,
            part.part.than.name, part.part.by.map { "\($0)" } ?? "", "\(part.publishedDifference)",
            part.published.verdict.rawValue, Self.digits(part.published.margin?.chosen),
            Self.digits(part.published.turnsAt), Self.digits(part.difference),
            Self.digits(part.judged?.paired.map { 100 * $0.interval.lowerBound }),
            Self.digits(part.judged?.paired.map { 100 * $0.interval.upperBound }),
            Self.digits(part.judged?.paired?.pValue), part.judged.map { "\($0.cases)" } ?? "",
            part.judged.map { "\($0.seeds.min() ?? 0)" } ?? "", part.ours.verdict.rawValue,
            Self.digits(part.ours.margin?.chosen), Self.digits(part.ours.turnsAt),
            part.shortcomings.joined(separator: "; "),
          ]
        lines.append(line + basis(of: part))
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

  private static func digits(_ value: Double?) -> String { value.map { "\($0)" } ?? "" }

  /// The report as JSON, differences and margins in percentage points.
  public func json() -> String {
    let list = items.map { item in
      JSONValue.object([
        .init("text", .string(item.claim.text)), .init("place", .string(item.claim.place)),
        .init("paper_verdict", .string(item.published.verdict.rawValue)),
        .init("paper_margin", Self.margin(item.published)),
        .init("our_verdict", .string(item.ours.verdict.rawValue)), .init("our_margin", Self.margin(item.ours)),
        .init("undecided_because", JSONValue(item.shortcomings)),
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
      .init("profile", .string(profile)), .init("minimum_cases", .integer(RequiredEvidence.minimumCases)),
      .init("minimum_seeds", .integer(RequiredEvidence.minimumSeeds)),
      .init("paper_scale", hasRun ? .bool(isPaperScale) : .null),
      .init("claims", .array(list)), .init("cells", .array(cells)),
    ]).text()
  }

  /// The margin a verdict rests on and where it turns; null where it rests on none.
  private static func margin(_ judgement: Judgement) -> JSONValue {
    guard let margin = judgement.margin else { return .null }
    return [
      "kind": .string(margin.kind.rawValue), "chosen": .number(margin.chosen),
      "turns_at": .optional(judgement.turnsAt),
      "turns_to": judgement.turnsTo.map { .string($0.rawValue) } ?? .null,
    ]
  }

  private static func part(_ part: Part) -> JSONValue {
    func points(_ range: ClosedRange<Double>?) -> JSONValue {
      range.map { [.number(100 * $0.lowerBound), .number(100 * $0.upperBound)] } ?? .null
    }
    return .object([
      .init("cell", .string(part.part.cell.name)), .init("relation", .string(part.part.relation.rawValue)),
      .init("than", .string(part.part.than.name)),
      .init("within", part.part.relation.hasMargin ? .number(part.part.within) : .null),
      .init("stated", .optional(part.part.by)), .init("paper_difference", .number(part.publishedDifference)),
      .init("paper_verdict", .string(part.published.verdict.rawValue)),
      .init("paper_margin", margin(part.published)), .init("our_difference", .optional(part.difference)),
      .init("interval_over_cases", points(part.judged?.paired?.interval)),
      .init("interval_over_seeds", points(part.judged?.overSeeds)), .init("p", .optional(part.judged?.paired?.pValue)),
      .init("cases", part.judged.map { .integer($0.cases) } ?? .null),
      .init("seeds", part.judged.map { .array($0.seeds.map(JSONValue.integer)) } ?? .null),
      .init("our_verdict", .string(part.ours.verdict.rawValue)), .init("our_margin", margin(part.ours)),
      .init("undecided_because", JSONValue(part.shortcomings)),
    ])
  }
}

extension Claim.Cell {
  /// TABLE/ROW/COLUMN, as recipes name it.
  var name: String { "\(table)/\(row.id)/\(column.id)" }
}
