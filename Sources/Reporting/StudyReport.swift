import Experiments
import Foundation
import Recipes

extension RunRecord {
  /// What reports need of the run.
  /// - Parameter scores: nil for a pretraining run, which has none.
  public func summary(footnotes: [String] = []) -> RunSummary? {
    guard let metrics else { return nil }
    func defined(_ value: Double) -> Double? { value.isNaN ? nil : value }
    func curve(_ name: String) -> [Double?] { (curves.first { $0.name == name }?.values ?? []).map(defined) }
    let training = curve("training loss")
    let validation = curve("validation loss")
    let dice = curve("mean pseudo-Dice")
    let smoothed = curve("smoothed pseudo-Dice")
    func value(_ curve: [Double?], _ epoch: Int) -> Double? { epoch < curve.count ? curve[epoch] : nil }
    let points = training.indices.map { epoch in
      CurvePoint(
        epoch: epoch, trainingLoss: training[epoch] ?? .nan, validationLoss: value(validation, epoch),
        pseudoDice: value(dice, epoch), smoothedPseudoDice: value(smoothed, epoch))
    }
    return RunSummary(
      identity: description.identity, seed: UInt64(description.seed),
      scores: metrics.scores,
      wallSeconds: description.seconds.values.sorted().reduce(0, +), footnotes: footnotes, curve: points)
  }

  /// What a predictor that knows only positions scores on the run's cases.
  public var positionPrior: BaselineScores? {
    metrics.map { BaselineScores(name: "position prior", scores: $0.positionPriorScores) }
  }
}

extension TableReport {
  /// Puts a study's table together from the runs that have finished; those that have not are shown as missing.
  /// - Parameters:
  ///   - path: the table's file, such as `meddinov3/table1.yaml`.
  ///   - seeds: in place of the recipes'.
  ///   - command: makes the command that runs a recipe, from its path.
  /// - Throws: what recipes and run records throw.
  public init(
    study path: String, library: RecipeLibrary, runner: Runner, profile: String, fidelity: Recipe.Fidelity?,
    overrides: [String], seeds: [UInt64]?, command: (String) -> String
  ) throws {
    let table = try library.table(path)
    let paper = try library.publishedTables(
      path.split(separator: "/").dropLast().joined(separator: "/") + "/published.yaml")
    var tolerance = 1.0
    var rows: [TableRow] = []
    for (index, row) in table.rows.enumerated() {
      var labels = zip(table.published.rowHeadings, row.published.labels).map { TableLabel($0, $1) }
      var results: [TableResult] = []
      for (dataset, recipePath) in row.recipes {
        let recipe = try library.resolve(recipePath, profile: profile, fidelity: fidelity, overrides: overrides)
        tolerance = recipe.recipe.segmentation?.evaluation.toleranceMM ?? tolerance
        labels = labels.map { Self.label($0, after: recipe.standIns) }
        let records = try (seeds ?? recipe.recipe.seeds).compactMap { try runner.finishedRun(recipe, seed: $0) }
        func published(_ metric: PublishedTable.Metric) -> Double? {
          let column = table.published.columns.first { $0.dataset == dataset && $0.metric == metric }
          return column.flatMap { row.published.values[$0.id] }
        }
        results.append(
          try TableResult(
            dataset: dataset, publishedDSC: published(.dsc), publishedNSD: published(.nsd),
            runs: records.compactMap { $0.summary() }, command: command(recipePath),
            baselines: [records.first?.positionPrior].compactMap { $0 }))
      }
      rows.append(TableRow(number: index + 1, labels: labels, results: results))
    }
    self.init(
      identifier: table.published.id, title: table.title, source: "\(paper.paperTitle) \(table.published.number)",
      profile: profile, isPaperScale: profile == "paper", rowsAreSteps: table.published.id != "table2",
      toleranceMillimetres: tolerance, rows: rows, notes: try library.footnotes(of: table, profile: profile))
  }

  /// A label that names a size, with the size that the profile ran in its place.
  private static func label(_ label: TableLabel, after standIns: [StandIn]) -> TableLabel {
    for standIn in standIns where standIn.key == "plan.configuration" {
      let size = standIn.original.dropFirst("2d_".count)
      let own = standIn.replacement.dropFirst("2d_".count)
      if label.paper == "\(size) × \(size)" { return TableLabel(label.column, label.paper, ours: "\(own) × \(own)") }
    }
    return label
  }
}
