import Datasets
import Experiments

extension TableReport {
  /// The report as comma-separated values (RFC 4180, lines ended by a line feed): one line for each row and data set.
  /// Scores, steps and intervals are percentages with all their digits; an undefined or missing value is empty.
  public func csv() -> String {
    let labels = rows[0].labels
    let header =
      ["table", "profile", "paper_scale", "row", "dataset"]
      + labels.flatMap { [$0.column, "\($0.column) (ours)"] }
      + ["paper_dsc", "paper_nsd", "our_dsc", "our_dsc_sd", "our_nsd", "our_nsd_sd", "cases", "paper_step", "our_step"]
      + ["our_step_low", "our_step_high", "p", "seeds", "dsc_seed_sd", "wall_seconds", "runs"]
    var lines = [header]
    for (place, row) in rows.enumerated() {
      for (index, result) in row.results.enumerated() {
        let step = step(at: place, dataset: index)
        var line = [identifier, profile, "\(isPaperScale)", "\(row.number)", result.dataset]
        line += row.labels.flatMap { [$0.paper, $0.ours ?? $0.paper] }
        line += [result.publishedDSC, result.publishedNSD].map(Self.digits)
        for score in Score.allCases {
          line += [result.scores?.mean(score), result.scores?.standardDeviation(score)].map { Self.digits($0.percent) }
        }
        line += [result.scores.map { "\($0.cases.count)" } ?? "", Self.digits(step.paper)]
        line += [step.ours, step.paired?.interval.lowerBound, step.paired?.interval.upperBound].map {
          Self.digits($0.percent)
        }
        line += [Self.digits(step.paired?.pValue), result.runs.map { "\($0.seed)" }.joined(separator: " ")]
        line += [Self.digits(result.seedDeviation(.dsc).percent)]
        line += [result.runs.isEmpty ? "" : Self.digits(result.runs.reduce(0) { $0 + $1.wallSeconds })]
        line += [result.runs.map(\.identity).joined(separator: " ")]
        lines.append(line)
      }
    }
    return CSV.text(lines)
  }

  /// The report as JSON: a list of rows, each with its cells (one for each data set and score) and the runs behind
  /// them. Scores and steps are percentages, probabilities fractions, times seconds; an undefined value is `null`.
  public func json() -> String {
    let list = rows.enumerated().map { place, row in
      JSONValue.named([
        ("table", .string(identifier)), ("profile", .string(profile)), ("paper_scale", .bool(isPaperScale)),
        ("row", .integer(row.number)),
        ("labels", .named(row.labels.map { ($0.column, .string($0.paper)) })),
        ("our_labels", .named(row.labels.map { ($0.column, .string($0.ours ?? $0.paper)) })),
        ("cells", .array(row.results.indices.flatMap { index in Score.allCases.map { cell(place, index, $0) } })),
      ])
    }
    return JSONValue.array(list).text()
  }

  /// A row's step from the row above on one data set: the paper's in percentage points, ours as fractions.
  func step(at place: Int, dataset: Int, score: Score = .dsc) -> (
    paper: Double?, ours: Double?, paired: PairedComparison?
  ) {
    guard rowsAreSteps, place > 0 else { return (nil, nil, nil) }
    let (above, result) = (rows[place - 1].results[dataset], rows[place].results[dataset])
    // Of two printed decimals the difference has two as well.
    let paper = Self.difference(above.published(score), result.published(score)).map { ($0 * 100).rounded() / 100 }
    guard let before = above.scores, let after = result.scores else { return (paper, nil, nil) }
    return (
      paper, Self.difference(before.mean(score), after.mean(score)),
      PairedComparison(from: before, to: after, score: score)
    )
  }

  private func cell(_ place: Int, _ index: Int, _ score: Score) -> JSONValue {
    let result = rows[place].results[index]
    let step = step(at: place, dataset: index, score: score)
    let interval = step.paired.map { [$0.interval.lowerBound, $0.interval.upperBound] } ?? []
    let classes = zip(result.scores?.classes ?? [], result.scores?.classMeans(score) ?? [])
    let cases = zip(result.scores?.cases ?? [], result.scores?.caseMeans(score) ?? [])
    return .named([
      ("dataset", .string(result.dataset)), ("score", .string(score.rawValue)), ("unit", .string("%")),
      ("published", .optional(result.published(score))),
      ("mean", .optional(result.scores?.mean(score).percent)),
      ("sd", .optional(result.scores?.standardDeviation(score).percent)),
      ("seed_sd", .optional(result.seedDeviation(score).percent)),
      ("published_step", .optional(step.paper)), ("step", .optional(step.ours.percent)),
      ("step_interval", step.paired == nil ? .null : .array(interval.map { .number(100 * $0) })),
      ("step_p", .optional(step.paired?.pValue)),
      ("seeds", .array(result.runs.map { .seed($0.seed) })),
      ("classes", .named(classes.map { ($0, .optional($1.percent)) })),
      ("cases", .named(cases.map { ($0.name, .optional($1.percent)) })),
      ("baselines", .named(result.baselines.map { ($0.name, .optional($0.scores.mean(score).percent)) })),
      ("runs", .array(result.runs.map { Self.run($0, score) })),
      ("command", .string(result.command)),
    ])
  }

  private static func run(_ run: RunSummary, _ score: Score) -> JSONValue {
    .named([
      ("identity", .string(run.identity)), ("seed", .seed(run.seed)),
      ("mean", .optional(run.scores.mean(score).percent)), ("wall_seconds", .optional(run.wallSeconds)),
      ("footnotes", .array(run.footnotes.map(JSONValue.string))),
    ])
  }

  private static func difference(_ before: Double?, _ after: Double?) -> Double? {
    guard let before, let after else { return nil }
    return after - before
  }

  private static func digits(_ value: Double?) -> String { value.map { $0.isFinite ? "\($0)" : "" } ?? "" }
}

extension Double? {
  /// A fraction as a percentage.
  fileprivate var percent: Double? { map { 100 * $0 } }
}

extension JSONValue {
  /// An object with its members in this order.
  fileprivate static func named(_ members: [(String, JSONValue)]) -> JSONValue {
    .object(members.map { Member($0.0, $0.1) })
  }

  /// A seed as a number, or as text where a signed integer can't hold it.
  fileprivate static func seed(_ seed: UInt64) -> JSONValue {
    Int(exactly: seed).map(JSONValue.integer) ?? .string("\(seed)")
  }
}
