import Experiments
import Foundation
import Recipes

extension RunRecord {
  /// What reports need of the run.
  /// - Parameter scores: nil for a pretraining run, which has none.
  public func summary(footnotes: [String] = []) -> RunSummary? {
    guard let metrics else { return nil }
    func defined(_ value: Double) -> Double? { value.isNaN ? nil : value }
    let cases = metrics.cases.indices.map { index in
      CaseScores(
        name: metrics.cases[index], dsc: metrics.dsc[index].map(defined), nsd: metrics.nsd[index].map(defined))
    }
    func curve(_ name: String) -> [Double] { curves.first { $0.name == name }?.values ?? [] }
    let training = curve("training loss")
    let validation = curve("validation loss")
    let dice = curve("mean pseudo-Dice")
    let smoothed = curve("smoothed pseudo-Dice")
    let points = training.indices.map { epoch in
      CurvePoint(
        epoch: epoch, trainingLoss: training[epoch], validationLoss: validation[epoch], pseudoDice: dice[epoch],
        smoothedPseudoDice: smoothed[epoch])
    }
    return RunSummary(
      identity: description.identity, seed: UInt64(description.seed),
      scores: ScoreTable(classes: metrics.classes.map(\.name), cases: cases),
      wallSeconds: description.seconds.values.sorted().reduce(0, +), footnotes: footnotes, curve: points)
  }

  /// What a predictor that knows only positions scores on the run's cases.
  var positionPrior: BaselineScores? {
    guard let metrics else { return nil }
    func defined(_ value: Double) -> Double? { value.isNaN ? nil : value }
    let cases = metrics.cases.indices.map { index in
      CaseScores(
        name: metrics.cases[index], dsc: metrics.positionPriorDSC[index].map(defined),
        nsd: metrics.positionPriorNSD[index].map(defined))
    }
    return BaselineScores(
      name: "Most frequent label at each relative position in the training cases",
      scores: ScoreTable(classes: metrics.classes.map(\.name), cases: cases))
  }
}

extension StudyCell {
  /// What has finished of a recipe.
  /// - Parameter headings: the table's headings with the row's printed labels.
  public init(_ recipe: ResolvedRecipe, seeds: [UInt64]?, runner: Runner, labels: [(heading: String, paper: String)]) throws {
    let records = try (seeds ?? recipe.recipe.seeds).compactMap { try runner.finishedRun(recipe, seed: $0) }
    var ours: [String: String] = [:]
    for standIn in recipe.standIns where standIn.key == "plan.configuration" {
      let (theirs, own) = (standIn.original.dropFirst("2d_".count), standIn.replacement.dropFirst("2d_".count))
      for label in labels where label.paper == "\(theirs) × \(theirs)" { ours[label.heading] = "\(own) × \(own)" }
    }
    self.init(
      runs: records.compactMap { $0.summary() }, baselines: [records.first?.positionPrior].compactMap { $0 }, ours: ours)
  }
}
