import Datasets
import Evaluation
import Experiments
import Files

extension TableReport {
  /// The report as comma-separated values (RFC 4180, lines ended by a line feed): one line for each row and data set.
  /// Scores, steps and intervals are percentages with all their digits; an undefined or missing value is empty.
  public func csv() -> String {
    let labels = rows[0].labels
    var header = ["table", "profile", "paper_scale", "row", "dataset"]
    header += labels.flatMap { [$0.column, "\($0.column) (ours)"] }
    header += ["paper_dsc", "paper_nsd", "our_dsc", "our_dsc_sd", "our_nsd", "our_nsd_sd", "cases", "paper_step"]
    header += ["our_step", "our_step_low", "our_step_high", "p", "seeds", "dsc_seed_sd", "wall_seconds", "runs"]
    header += ["scale", "changes", "engine", "device", "training_cases", "validation_cases"]
    header += ["dataset_cases", "expected_cases", "pretrainings", "missing_seeds", "command"]
    header += ["absent", "hd95_missing", "false_positives", "missed", "hd95", "hd95_left_out"]
    header += baselineNames.map { $0.replacing(" ", with: "_") + "_dsc" }
    header.append("below")
    var lines = [header]
    for (place, row) in rows.enumerated() {
      for (index, result) in row.results.enumerated() {
        let step = step(at: place, dataset: index)
        var line = [identifier, profile, result.isPaperScale.map(String.init) ?? "", "\(row.number)", result.dataset]
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
        line += [result.runs.map(\.identity).joined(separator: " ")] + Self.basis(result)
        line += leftOutFields(result)
        line += baselineNames.map { name in
          Self.digits(result.baselines.first { $0.name == name }?.scores.mean(.dsc).percent)
        }
        line += [result.baselinesAbove(.dsc).map(\.name).joined(separator: "; ")]
        lines.append(line)
      }
    }
    return CSV.text(lines)
  }

  /// How a result stands to the paper's row, and what its bits depend on, as fields; where seeds differ, each value once.
  private static func basis(_ result: TableResult) -> [String] {
    func each(_ value: (RunSummary) -> String?) -> String {
      var found: [String] = []
      for text in result.runs.compactMap(value) where !found.contains(text) { found.append(text) }
      return found.joined(separator: " ")
    }
    func whole(_ path: KeyPath<RunExtent, Int?>) -> String { each { $0.extent?[keyPath: path].map { "\($0)" } } }
    let scale = result.runs.isEmpty ? nil : result.scale
    return [
      scale?.shortText ?? "", scale?.changes.map(\.text).joined(separator: "; ") ?? "",
      each { $0.basis?.engineVersion }, each { $0.basis.map { $0.device ?? "CPU" } },
      whole(\.trainingCases), whole(\.validationCases), whole(\.cases),
      scale?.counts.first { $0.what == "cases" }?.expected.map { "\($0)" } ?? "",
      each { run in
        run.startingRuns.isEmpty
          ? nil : run.startingRuns.map { "\($0.identity) (\($0.basis.text))" }.joined(separator: ", ")
      }, result.missingSeeds.map { "\($0)" }.joined(separator: " "), result.command,
    ]
  }

  /// The predictors without a network of any row, in order.
  private var baselineNames: [String] {
    RequiredEvidence.distinct(rows.flatMap { row in row.results.flatMap { $0.baselines.map(\.name) } })
  }

  private func leftOutFields(_ result: TableResult) -> [String] {
    guard let counts = result.classCounts else { return Array(repeating: "", count: 6) }
    return [
      averaging.absent.rawValue, averaging.missingDistance.rawValue,
      "\(counts.reduce(0) { $0 + $1.falsePositives })", "\(counts.reduce(0) { $0 + $1.missed })",
      Self.digits(result.hd95), "\(result.distancesLeftOut ?? 0)",
    ]
  }

  /// The report as JSON: a list of rows, each with its cells (one for each data set and score) and the runs behind
  /// them. Scores and steps are percentages, probabilities fractions, times seconds; an undefined value is `null`.
  public func json() -> String {
    let list = rows.enumerated().map { place, row in
      JSONValue.named([
        ("table", .string(identifier)), ("profile", .string(profile)), ("paper_scale", isPaperScale(row)),
        ("row", .integer(row.number)),
        ("labels", .named(row.labels.map { ($0.column, .string($0.paper)) })),
        ("our_labels", .named(row.labels.map { ($0.column, .string($0.ours ?? $0.paper)) })),
        ("cells", .array(row.results.indices.flatMap { index in Score.allCases.map { cell(place, index, $0) } })),
      ])
    }
    return JSONValue.array(list).text()
  }

  /// Whether every result of a row that has run is at the paper's scale; null where none has.
  private func isPaperScale(_ row: TableRow) -> JSONValue {
    let known = row.results.compactMap(\.isPaperScale)
    return known.isEmpty ? .null : .bool(known.allSatisfy { $0 })
  }

  /// A row's step from the row above on one data set: the paper's in percentage points, ours as fractions.
  func step(at place: Int, dataset: Int, score: Score = .dsc) -> Difference {
    guard rowsAreSteps, place > 0 else { return (nil, nil, nil) }
    return difference(from: place - 1, to: place, dataset: dataset, score: score)
  }

  /// How much one row is above another: in the paper in points, in our runs as a fraction, and with its uncertainty.
  typealias Difference = (paper: Double?, ours: Double?, paired: PairedComparison?)

  /// One row's score less another's.
  func difference(from first: Int, to second: Int, dataset: Int, score: Score) -> Difference {
    let (before, after) = (rows[first].results[dataset], rows[second].results[dataset])
    // Of two printed decimals the difference has two as well.
    let paper = Self.difference(before.published(score), after.published(score)).map { ($0 * 100).rounded() / 100 }
    guard let low = before.scores, let high = after.scores else { return (paper, nil, nil) }
    return (
      paper, Self.difference(low.mean(score), high.mean(score)), PairedComparison(from: low, to: high, score: score)
    )
  }

  private func cell(_ place: Int, _ index: Int, _ score: Score) -> JSONValue {
    let result = rows[place].results[index]
    let step = step(at: place, dataset: index, score: score)
    let interval = step.paired.map { [$0.interval.lowerBound, $0.interval.upperBound] } ?? []
    let classes = zip(result.scores?.classes ?? [], result.scores?.classMeans(score) ?? [])
    let cases = zip(result.scores?.cases ?? [], result.scores?.caseMeans(score) ?? [])
    return .named(
      [
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
        (
          "baseline_classes",
          .named(
            result.baselines.map { baseline in
              let means = zip(baseline.scores.classes, baseline.scores.classMeans(score))
              return (baseline.name, .named(means.map { ($0, .optional($1.percent)) }))
            })
        ),
        ("below", JSONValue(result.baselinesAbove(score).map(\.name))),
        ("left_out", leftOut(result)),
        ("runs", .array(result.runs.map { Self.run($0, score) })),
        ("missing_seeds", .array(result.missingSeeds.map { .seed($0) })),
        ("command", .string(result.command)),
      ], and: (result.runs.isEmpty ? nil : result.scale).members)
  }

  /// The rules of the means, what each class's is over, and HD95 in mm; counts are summed over the runs.
  private func leftOut(_ result: TableResult) -> JSONValue {
    guard let counts = result.classCounts, let names = result.scores?.classes else { return .null }
    func classes(_ value: (ClassCounts) -> Int) -> JSONValue {
      .named(zip(names, counts).map { ($0, .integer(value($1))) })
    }
    return .named([
      ("absent", .string(averaging.absent.rawValue)), ("hd95_missing", .string(averaging.missingDistance.rawValue)),
      ("counted", classes(\.counted)), ("with_class", classes(\.present)),
      ("false_positives", classes(\.falsePositives)), ("missed", classes(\.missed)),
      ("hd95_counted", classes(\.distances)), ("hd95", .optional(result.hd95)),
    ])
  }

  private static func run(_ run: RunSummary, _ score: Score) -> JSONValue {
    .named(
      [
        ("identity", .string(run.identity)), ("seed", .seed(run.seed)),
        ("mean", .optional(run.scores.mean(score).percent)), ("wall_seconds", .optional(run.wallSeconds)),
        ("footnotes", .array(run.footnotes.map(JSONValue.string))),
      ], and: run.basisMembers)
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
  fileprivate static func named(_ members: [(String, JSONValue)], and more: [Member] = []) -> JSONValue {
    .object(members.map { Member($0.0, $0.1) } + more)
  }

  /// A seed as a number, or as text where a signed integer can't hold it.
  fileprivate static func seed(_ seed: UInt64) -> JSONValue {
    Int(exactly: seed).map(JSONValue.integer) ?? .string("\(seed)")
  }
}
