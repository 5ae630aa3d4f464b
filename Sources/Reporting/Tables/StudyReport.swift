import Experiments
import Recipes

/// What is finished of one cell of a study's table.
public struct StudyCell: Sendable {
  /// One a seed, in the order of the seeds; empty when none is finished.
  public let runs: [RunSummary]
  public let baselines: [BaselineScores]
  /// What our runs used where it isn't what the paper's label says, by the label's heading, such as
  /// `["Resolution": "80 × 80"]`.
  public let ours: [String: String]

  public init(runs: [RunSummary], baselines: [BaselineScores] = [], ours: [String: String] = [:]) {
    self.runs = runs
    self.baselines = baselines
    self.ours = ours
  }
}

extension TableReport {
  /// The report of a study's table: its labels and published numbers from the study, the runs from `cell`.
  /// - Parameters:
  ///   - identifier: such as "table1".
  ///   - paper: the published tables' file, which names the paper.
  ///   - recipesFolder: what stands before a recipe's path in the commands for missing runs.
  ///   - cell: what is finished for a recipe (its path below the recipes' root) of the table.
  /// - Throws: what `cell` throws, and `ReportError`.
  public init(
    _ identifier: String, study: StudyTable, paper: PublishedTables, profile: String, isPaperScale: Bool,
    rowsAreSteps: Bool, toleranceMillimetres: Double = 1, recipesFolder: String = "Recipes",
    cell: (_ recipe: String) throws -> StudyCell
  ) throws {
    let table = study.published
    let rows = try study.rows.enumerated().map { index, row in
      var ours: [String: String] = [:]
      let results = try row.recipes.map { dataset, recipe in
        let cell = try cell(recipe)
        ours.merge(cell.ours) { first, _ in first }
        func published(_ metric: PublishedTable.Metric) -> Double? {
          table.columns.first { $0.dataset == dataset && $0.metric == metric }.flatMap { row.published.values[$0.id] }
        }
        return try TableResult(
          dataset: dataset, publishedDSC: published(.dsc), publishedNSD: published(.nsd), runs: cell.runs,
          command: "segbench run \(recipesFolder)/\(recipe) --profile \(profile)", baselines: cell.baselines)
      }
      let labels = zip(table.rowHeadings, row.published.labels).map { TableLabel($0, $1, ours: ours[$0]) }
      return TableRow(number: index + 1, labels: labels, results: results)
    }
    self.init(
      identifier: identifier, title: study.title,
      source: "\(paper.paperTitle) (\(Self.short(paper.authors)), \(table.number))",
      profile: profile, isPaperScale: isPaperScale, rowsAreSteps: rowsAreSteps,
      toleranceMillimetres: toleranceMillimetres, rows: rows, notes: study.footnotes[profile] ?? [])
  }

  private static func short(_ authors: [String]) -> String {
    let family = authors.first?.split(separator: " ").last.map(String.init) ?? "unknown"
    return authors.count > 1 ? "\(family) et al." : family
  }

  /// The report of the real CT's run, which says beside its numbers what they are worth.
  public static func realCT(_ runs: [RunSummary], baselines: [BaselineScores] = [], profile: String, command: String)
    throws
    -> TableReport
  {
    TableReport(
      identifier: "real-ct", title: "A real CT: one scan, trained on some slabs of slices and evaluated on another",
      source: nil,
      profile: profile, isPaperScale: false, rowsAreSteps: false,
      rows: [
        TableRow(
          number: 1, labels: [],
          results: [try TableResult(dataset: "real-ct", runs: runs, command: command, baselines: baselines)])
      ],
      notes: [
        "All slices come from one patient's scan. The slab that is evaluated was not trained on, "
          + "but the slab beside it was: the "
          + "score shows that the whole path works on real data, and says nothing about other patients.",
        "The reference is no expert's: it is TotalSegmentator's own output for this scan, shipped "
          + "with its source package "
          + "(version 2.18.0), its classes renamed to AMOS22's. What is measured is agreement with that program.",
        "AMOS22's organs that the evaluated slab doesn't hold have no score and count nowhere.",
      ])
  }
}
