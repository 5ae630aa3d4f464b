import Datasets
import Evaluation
import Experiments
import Recipes

extension ClaimsReport {
  /// The report as Markdown: a table of verdicts, then the comparisons behind each.
  public func markdown() -> String {
    var text = "# What the paper asserts in words\n\nProfile: \(profile)."
    if profile != "paper" {
      text +=
        " **Our verdicts in this report say nothing about the paper**: they come from other data, a smaller network and a "
        + "shorter training."
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
    return text
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
            + [part.ours.rawValue])
      }
    }
    return CSV.text(lines)
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
    return JSONValue.object([.init("profile", .string(profile)), .init("claims", .array(list))]).text()
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
