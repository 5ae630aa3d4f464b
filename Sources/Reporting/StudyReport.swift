import Evaluation
import Experiments
import Foundation
import Recipes

/// The finished runs of recipes as one command line chooses them.
public struct ChosenRuns {
  public let library: RecipeLibrary
  public let runner: Runner
  public let profile: String
  public let fidelity: Recipe.Fidelity?
  public let overrides: [String]
  /// In place of the recipes' own.
  public let seeds: [UInt64]?

  public init(
    library: RecipeLibrary, runner: Runner, profile: String, fidelity: Recipe.Fidelity? = nil, overrides: [String] = [],
    seeds: [UInt64]? = nil
  ) {
    self.library = library
    self.runner = runner
    self.profile = profile
    self.fidelity = fidelity
    self.overrides = overrides
    self.seeds = seeds
  }

  /// A recipe, resolved, and the records of its finished runs, one a seed.
  /// - Throws: what recipes and run records throw.
  public func of(_ path: String) throws -> (recipe: ResolvedRecipe, records: [RunRecord]) {
    let recipe = try library.resolve(path, profile: profile, fidelity: fidelity, overrides: overrides)
    return (recipe, try recipe.recipe.seeds(inPlace: seeds).compactMap { try runner.finishedRun(recipe, seed: $0) })
  }

  /// The seeds of `recipe` among those asked for that have no finished run.
  func missingSeeds(_ recipe: ResolvedRecipe, _ records: [RunRecord]) -> [UInt64] {
    let done = Set(records.map(\.description.seed))
    return recipe.recipe.seeds(inPlace: seeds).filter { !done.contains(Int(clamping: $0)) }
  }

  /// The command that makes the runs of a recipe, or of a table's every row, as a shell needs it.
  public func command(_ path: String) -> String {
    RunCommand(
      library: library, profile: profile, fidelity: fidelity, overrides: overrides, seeds: seeds,
      device: runner.context.device
    ).text(path)
  }
}

extension TableReport {
  /// Puts a study's table together from the runs that have finished; those that have not are shown as missing.
  /// - Parameters:
  ///   - path: the table's file, a study's or one of the user's own.
  /// - Throws: what recipes and run records throw.
  public init(study path: String, runs: ChosenRuns) throws {
    let table = try runs.library.table(path)
    var tolerance = 1.0
    var rows: [TableRow] = []
    for (index, row) in table.rows.enumerated() {
      var labels = zip(table.published.rowHeadings, row.published.labels).map { TableLabel($0, $1) }
      var results: [TableResult] = []
      for (dataset, recipePath) in row.recipes {
        let (recipe, records) = try runs.of(recipePath)
        tolerance = recipe.recipe.scored?.scoring.toleranceMM ?? tolerance
        let paperRow = try runs.library.paperRow(row, dataset: dataset, of: table, fidelity: recipe.recipe.fidelity)
        let scale = try runs.library.scale(of: recipe, row: paperRow, record: records.first)
        labels = labels.map { $0.after(scale, recipe, records.first?.description.extent) }
        let averaging = recipe.recipe.scored?.scoring.averaging
        func column(_ metric: PublishedTable.Metric) -> PublishedTable.Column? {
          table.published.columns.first { $0.dataset == dataset && $0.metric == metric }
        }
        func published(_ metric: PublishedTable.Metric) -> Double? {
          column(metric).flatMap { row.published.values[$0.id] }
        }
        results.append(
          try TableResult(
            dataset: dataset, datasetTitle: column(.dsc)?.datasetTitle, publishedDSC: published(.dsc),
            publishedNSD: published(.nsd),
            runs: records.compactMap { $0.summary(averaging: averaging, footnotes: Self.footnotes(recipe.recipe)) },
            command: runs.command(recipePath), missingSeeds: runs.missingSeeds(recipe, records),
            baselines: records.first?.metrics?.predictors(averaging) ?? [], scale: scale))
      }
      rows.append(TableRow(number: index + 1, labels: labels, results: results))
    }
    try Self.requireOneAveraging(rows)
    self.init(
      identifier: table.name, title: table.title,
      source: table.paperTitle.map { "\($0) \(table.published.number)" },
      profile: runs.profile, rowsAreSteps: table.rowsAre == .steps,
      toleranceMillimetres: tolerance, rows: rows,
      notes: try runs.library.footnotes(of: table, profile: runs.profile))
  }

  /// - Throws: `ReportError.differentAveraging`: scores by different rules are no column.
  private static func requireOneAveraging(_ rows: [TableRow]) throws {
    let runs = rows.flatMap { row in row.results.flatMap { $0.runs.map { (row.number, $0.averaging) } } }
    if let first = runs.first, let other = runs.first(where: { $0.1 != first.1 }) {
      throw ReportError.differentAveraging("row \(first.0)", "row \(other.0)")
    }
  }

  /// What a reader must know of a row whose predictions we did not make.
  private static func footnotes(_ recipe: Recipe) -> [String] {
    recipe.predictions.map {
      ["Predictions of another tool, from the folder \($0.folder); its time is the scoring's alone."]
    } ?? []
  }
}

extension TableLabel {
  /// The label with the resolution that ran, where it names that of the paper's row and another ran.
  fileprivate func after(_ scale: PaperScale, _ recipe: ResolvedRecipe, _ extent: RunExtent?) -> TableLabel {
    guard let change = scale.changes.first(where: { $0.key == "plan.configuration" }),
      let size = change.shipped?.dropFirst("2d_".count), !size.isEmpty
    else { return self }
    var own = "nnU-Net's own patch"
    if let side = recipe.recipe.segmentation?.plan.configuration.patchSize {
      own = "\(side) × \(side)"
    } else if let patch = extent?.patch {
      own = patch.map(String.init).joined(separator: " × ")
    }
    for sign in [" × ", " x ", "×", "x"] {
      let named = "\(size)\(sign)\(size)"
      if paper.contains(named) { return TableLabel(column, paper, ours: paper.replacing(named, with: own)) }
    }
    return self
  }
}
