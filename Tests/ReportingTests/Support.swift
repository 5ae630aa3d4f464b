import Evaluation
import Experiments

extension EvaluationReport {
  /// The measurements behind scores by the standard rules: a class has voxels where it has a score.
  init(_ scores: ScoreTable) {
    self.init(
      classes: scores.classes.enumerated().map { EvaluationClass(name: $1, labels: [Int16($0 + 1)]) },
      cases: scores.cases.map { item in
        CaseMetrics(
          name: item.name,
          classes: zip(item.dsc, item.nsd).map { dsc, nsd in
            let voxels = dsc == nil && nsd == nil ? 0 : 1
            return ClassMetrics(dsc: dsc, nsd: nsd, hd95: nil, referenceVoxels: voxels, predictionVoxels: voxels)
          }, diagonal: 1)
      })
  }
}

extension RunSummary {
  /// A run of which only the scores matter.
  init(
    identity: String, seed: UInt64, scores: ScoreTable, wallSeconds: Double, footnotes: [String] = [],
    basis: ComputeBasis? = nil, extent: RunExtent? = nil, startingRuns: [StartingRun] = []
  ) {
    self.init(
      identity: identity, seed: seed, evaluation: EvaluationReport(scores), wallSeconds: wallSeconds,
      footnotes: footnotes, basis: basis, extent: extent, startingRuns: startingRuns)
  }
}
