import Datasets
import Evaluation
import Experiments
import Files

extension RunComparison {
  /// The comparison as Markdown, scores in percent and differences in percentage points.
  public func markdown() -> String {
    var text = "A: \(first.line)\n\nB: \(second.line)\n" + (first.basisLines("A") + second.basisLines("B"))
    for score in scores {
      var table = MarkdownTable([
        (score.score.rawValue, .left), ("A", .right), ("B", .right), ("B - A", .right), ("95 % interval", .right),
        ("p", .right), ("Holm's p", .right), ("Cases", .right),
      ])
      table.append(Self.cells("mean", score.means, score.paired, nil))
      for item in score.classes { table.append(Self.cells(item.name, item.means, item.paired, item.correctedP)) }
      text += "\n\(table.text)"
    }
    text += "\nThe interval is the bootstrap's over cases (BCa, \(Bootstrap.draws) samples), p Wilcoxon's signed-rank "
    text += "test over cases, two-sided, Holm's p corrected for the number of classes.\n"
    if first.runs.count > 1 || second.runs.count > 1 { text += "\n" + seeds }
    return text + undecided
  }

  /// What keeps the differences from deciding anything.
  private var undecided: String {
    let reasons = RequiredEvidence.distinct(scores.flatMap(\.shortcomings))
    guard !reasons.isEmpty else { return "" }
    return
      "\nNo difference is decided here (\(reasons.joined(separator: "; "))): a verdict takes \(RequiredEvidence.rule), as "
      + "`--seeds 0,1,2` of `segbench run` and of this command give seeds.\n"
  }

  private var seeds: String {
    var table = MarkdownTable([
      ("Over seeds", .left), ("Seeds", .right), ("Mean", .right), ("sd", .right), ("Variance: cases", .right),
      ("seed", .right), ("seed by case", .right),
    ])
    for score in Score.allCases {
      for (side, runs) in [("A", first), ("B", second)] {
        guard let spread = runs.seeds.spread(score) else { continue }
        let shares = runs.seeds.variance(score)
        table.append(
          ["\(score.rawValue) \(side)", "\(spread.values.count)", NumberText.percent(spread.mean)]
            + [spread.standardDeviation.map(NumberText.percent) ?? ""]
            + [shares?.cases, shares?.seeds, shares?.rest].map { $0.map { NumberText.percent($0) + " %" } ?? "" })
      }
    }
    var text = table.text
    for score in scores {
      guard let interval = score.overSeeds else { continue }
      text +=
        "\n\(score.score.rawValue): over seeds the difference lies in [\(NumberText.points(interval.lowerBound)), "
        + "\(NumberText.points(interval.upperBound))] (95 %, Welch's t).\n"
    }
    return text
  }

  private static func cells(
    _ name: String, _ means: (first: Double?, second: Double?), _ paired: PairedComparison?, _ corrected: Double?
  ) -> [String] {
    let difference = paired?.difference ?? means.first.flatMap { first in means.second.map { $0 - first } }
    return [
      name, means.first.map(NumberText.percent) ?? "", means.second.map(NumberText.percent) ?? "",
      difference.map(NumberText.points) ?? "",
      paired.map { "[\(NumberText.points($0.interval.lowerBound)), \(NumberText.points($0.interval.upperBound))]" }
        ?? "",
      paired.map { NumberText.probability($0.pValue) } ?? "", corrected.map(NumberText.probability) ?? "",
      paired.map { "\($0.cases)" } ?? "",
    ]
  }

  /// As JSON: scores as fractions, undefined values null.
  public func json() -> String {
    func difference(_ paired: PairedComparison?) -> [JSONValue.Member] {
      [
        .init("difference", .optional(paired?.difference)),
        .init("interval", paired.map { [.number($0.interval.lowerBound), .number($0.interval.upperBound)] } ?? .null),
        .init("p", .optional(paired?.pValue)), .init("statistic", .optional(paired?.test.statistic)),
        .init("method", paired.map { .string($0.test.method.rawValue) } ?? .null),
        .init("cases", .integer(paired?.cases ?? 0)),
      ]
    }
    func side(_ runs: ComparedRuns) -> JSONValue {
      var members: [JSONValue.Member] = [
        .init("name", .string(runs.name)), .init("runs", JSONValue(runs.runs.map(\.identity))),
        .init("seeds", .array(runs.runs.map { .integer(Int(clamping: $0.seed)) })),
      ]
      members += runs.basisMembers
      for score in Score.allCases {
        let (spread, shares) = (runs.seeds.spread(score), runs.seeds.variance(score))
        members.append(
          .init(
            score.rawValue.lowercased(),
            [
              "mean": .optional(spread?.mean), "sd": .optional(spread?.standardDeviation),
              "variance": shares.map {
                ["cases": .number($0.cases), "seed": .number($0.seeds), "seed_by_case": .number($0.rest)]
              } ?? .null,
            ]))
      }
      return .object(members)
    }
    let results = scores.map { score in
      JSONValue.object(
        [
          .init("score", .string(score.score.rawValue)), .init("first", .optional(score.means.first)),
          .init("second", .optional(score.means.second)),
        ] + difference(score.paired) + [
          .init(
            "interval_over_seeds", score.overSeeds.map { [.number($0.lowerBound), .number($0.upperBound)] } ?? .null),
          .init("undecided_because", JSONValue(score.shortcomings)),
          .init(
            "classes",
            .array(
              score.classes.map { item in
                .object(
                  [
                    .init("name", .string(item.name)), .init("first", .optional(item.means.first)),
                    .init("second", .optional(item.means.second)),
                  ] + difference(item.paired) + [.init("corrected_p", .optional(item.correctedP))])
              })),
        ])
    }
    return JSONValue.object([
      .init("first", side(first)), .init("second", side(second)), .init("scores", .array(results)),
    ]).text()
  }
}

extension PublishedComparison {
  /// In one paragraph.
  public func markdown() -> String {
    let ours =
      NumberText.percent(seeds.mean) + (seeds.standardDeviation.map { " ± " + NumberText.percent($0) } ?? "")
    let count = seeds.values.count
    var text = "\(runs.line)\n\n"
    if !runs.isPaperScale {
      text +=
        "**Our number is not the paper's and can't be compared with it**: what ran is not what the paper's row is.\n\n"
    }
    text += runs.basisLines(nil).isEmpty ? "" : runs.basisLines(nil).dropFirst() + "\n"
    text += "\(score.rawValue): ours \(ours) over \(count) seed\(count == 1 ? "" : "s"), "
    text += "published \(NumberText.percent(published)) (\(place)), difference \(NumberText.points(difference)).\n"
    switch (verdict, seeds.predictionInterval) {
    case (.undecided, _), (_, nil):
      text +=
        "Undecided (\(shortcomings.joined(separator: "; "))): a verdict takes \(RequiredEvidence.rule), as --seeds 0,1,2 "
      text += "gives seeds.\n"
    case (let verdict, let interval?):
      text += "The published number lies \(verdict.rawValue) the spread of our seeds: one more of them would lie in "
      text +=
        "[\(NumberText.percent(interval.lowerBound)), \(NumberText.percent(interval.upperBound))] 19 times in 20.\n"
    }
    return text
  }

  /// As JSON, scores as fractions.
  public func json() -> String {
    JSONValue.object(
      [
        .init("name", .string(runs.name)), .init("runs", JSONValue(runs.runs.map(\.identity))),
        .init("score", .string(score.rawValue)), .init("place", .string(place)), .init("published", .number(published)),
        .init("mean", .number(seeds.mean)), .init("sd", .optional(seeds.standardDeviation)),
        .init("difference", .number(difference)),
        .init("interval", seeds.predictionInterval.map { [.number($0.lowerBound), .number($0.upperBound)] } ?? .null),
        .init("published_lies", .string(verdict.rawValue)), .init("undecided_because", JSONValue(shortcomings)),
      ] + runs.basisMembers
    ).text()
  }
}

extension ComparedRuns {
  /// How the runs stand to the paper's row and what their bits depend on, a line each, after an empty line; none where neither
  /// is known.
  fileprivate func basisLines(_ side: String?) -> String {
    var lines: [String] = []
    for text in [scale?.text].compactMap({ $0 }) + runs.compactMap(\.basisText) where !lines.contains(text) {
      lines.append(text)
    }
    let name = side.map { "\($0): " } ?? ""
    return lines.isEmpty ? "" : "\n" + lines.map { "- \(name)\(MarkdownTable.plain($0))\n" }.joined()
  }

  /// The same as members of a JSON object.
  var basisMembers: [JSONValue.Member] {
    scale.members + [
      .init("basis", .array(runs.map { .object([.init("run", .string($0.identity))] + $0.basisMembers) }))
    ]
  }

  /// The name, the seeds and the runs, in one line.
  fileprivate var line: String {
    let seeds = runs.map { "\($0.seed)" }.joined(separator: ", ")
    return "\(name), seed\(runs.count == 1 ? "" : "s") \(seeds) (run\(runs.count == 1 ? "" : "s") "
      + runs.map(\.shortIdentity).joined(separator: ", ") + ")"
  }
}

extension JSONValue {
  /// A number, or null where there is none or it isn't finite.
  static func optional(_ value: Double?) -> JSONValue { value.flatMap { $0.isFinite ? .number($0) : nil } ?? .null }
}
