import Datasets
import Evaluation
import Experiments
import Files

/// What `segbench archive verify` found.
public struct VerificationReport: Sendable {
  public let path: String
  /// The SHA-256 that seals the archive.
  public let digest: String
  public let runs: [VerifiedRun]

  public init(path: String, digest: String, runs: [VerifiedRun]) {
    self.path = path
    self.digest = digest
    self.runs = runs
  }

  public var isSound: Bool { runs.allSatisfy(\.isSound) }
  /// Whether everything that is checked could be.
  public var isComplete: Bool { runs.allSatisfy(\.unchecked.isEmpty) }

  /// A table cell: the runs of one recipe at one profile over their seeds.
  private struct Cell {
    let title: String
    let runs: [VerifiedRun]
    var scale: PaperScale? { runs[0].scale }
    var summaries: [RunSummary] { runs.compactMap { $0.record.summary() } }
    /// Whether every number was recomputed from predictions.
    var isRecomputed: Bool { runs.allSatisfy { $0.recomputed != nil } }
    var scores: ScoreTable? {
      ScoreTable.average(runs.compactMap { ($0.recomputed ?? $0.record.metrics)?.scores })
    }

    func text(_ score: Score) -> String {
      guard let scores, let mean = scores.mean(score) else { return "undefined" }
      return NumberText.percent(mean)
        + (scores.standardDeviation(score).map { " ± " + NumberText.percent($0) } ?? "")
    }
  }

  private var cells: [Cell] {
    var cells: [(key: String, runs: [VerifiedRun])] = []
    for run in runs where run.record.metrics != nil {
      if let index = cells.firstIndex(where: { $0.key == run.cell }) {
        cells[index].runs.append(run)
      } else {
        cells.append((run.cell, [run]))
      }
    }
    return cells.map { cell in
      let description = cell.runs[0].record.description
      return Cell(title: "\(description.title) (\(description.profile) profile)", runs: cell.runs)
    }
  }

  /// As lines of text.
  public func text() -> String {
    var lines = ["\(path.visible): every byte as packed", "SHA-256 under the seal: \(digest)"]
    for run in runs {
      let description = run.record.description
      lines += ["", "run \(description.identity.prefix(10)), \(description.title.visible), seed \(description.seed)"]
      for finding in run.findings {
        let mark = finding.verdict == .sound ? "ok       " : finding.verdict == .broken ? "BROKEN   " : "unchecked"
        lines.append("  \(mark)  \(finding.what): \(finding.detail.visible)")
      }
    }
    for cell in cells {
      let seeds = cell.runs.map { "\($0.record.description.seed)" }.joined(separator: ", ")
      lines += [
        "", "table cell: \(cell.title.visible), seed\(cell.runs.count == 1 ? "" : "s") \(seeds)",
        "  DSC \(cell.text(.dsc)), NSD \(cell.text(.nsd)) over \(cell.scores?.cases.count ?? 0) cases, "
          + (cell.isRecomputed ? "from the recomputed metrics" : "from the stored metrics"),
      ]
      if let scale = cell.scale {
        lines.append(
          "  " + (scale.isPaper ? "" : "not at the paper's scale: ") + MarkdownTable.plain(scale.text).visible)
      }
      var said: [String] = []
      for text in cell.summaries.compactMap(\.basisText) where !said.contains(text) { said.append(text) }
      lines += said.map { "  " + MarkdownTable.plain($0).visible }
    }
    let unchecked = runs.flatMap { run in
      run.unchecked.map { "\($0.what) of run \(run.record.description.identity.prefix(10))" }
    }
    if !unchecked.isEmpty { lines += ["", "UNCHECKED: \(unchecked.joined(separator: ", "))"] }
    return lines.joined(separator: "\n") + "\n"
  }

  /// As JSON, scores as fractions.
  public func json() -> String {
    let list = runs.map { run in
      JSONValue.object([
        .init("identity", .string(run.record.description.identity)),
        .init("title", .string(run.record.description.title)), .init("seed", .integer(run.record.description.seed)),
        .init(
          "findings",
          .array(
            run.findings.map {
              ["what": .string($0.what), "verdict": .string($0.verdict.rawValue), "detail": .string($0.detail)]
            })),
      ])
    }
    let results = cells.map { cell in
      JSONValue.object(
        [
          .init("title", .string(cell.title)),
          .init("runs", JSONValue(cell.runs.map(\.record.description.identity))),
          .init("dsc", .optional(cell.scores?.mean(.dsc))), .init("nsd", .optional(cell.scores?.mean(.nsd))),
          .init("recomputed", .bool(cell.isRecomputed)),
        ] + cell.scale.members + [
          .init("basis", .array(cell.summaries.map { .object([.init("run", .string($0.identity))] + $0.basisMembers) }))
        ])
    }
    return JSONValue.object([
      .init("archive", .string(path)), .init("sha256", .string(digest)), .init("sound", .bool(isSound)),
      .init("complete", .bool(isComplete)),
      .init("runs", .array(list)), .init("cells", .array(results)),
    ]).text()
  }
}

extension Replay {
  /// As lines of text.
  public func text(tolerance: Double) -> String {
    let description = archived.description
    var lines = ["run \(description.identity.prefix(10)), \(description.title.visible), seed \(description.seed)"]
    if !warnings.isEmpty {
      lines.append(
        "  warning: the bits depend on what differs here, so the table cell is compared within "
          + "\(NumberText.decimals(100 * tolerance, 2)) points instead")
      lines += warnings.map { "    \($0.visible)" }
    }
    lines.append("  \(verdict.rawValue)")
    if let firstDifference { lines.append("  first difference: \(firstDifference.visible)") }
    for score in Score.allCases {
      if let difference = cellDifferences[score] {
        lines.append("  \(score.rawValue) of the cell, replayed less archived: \(NumberText.points(difference))")
      }
    }
    return lines.joined(separator: "\n") + "\n"
  }
}
