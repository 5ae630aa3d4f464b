import Evaluation

/// What a report needs to know of one finished run.
public struct RunSummary: Sendable, Equatable {
  /// The hexadecimal digest that names the run's folder.
  public let identity: String
  public let seed: UInt64
  /// What was measured, averaged by the report's rules: the scores, what the means are over and what they leave out, HD95.
  public let evaluation: EvaluationReport
  /// From the first step to the last metric, summed over the sessions when the run was resumed.
  public let wallSeconds: Double
  /// What a reader of this run's numbers must know, such as where its weights come from: whole sentences.
  public let footnotes: [String]
  public let curve: [CurvePoint]
  /// What its bits depend on, how much data it saw, and the pretrainings before it; nil and none where that is not recorded.
  public let basis: ComputeBasis?
  public let extent: RunExtent?
  public let startingRuns: [StartingRun]

  public init(
    identity: String, seed: UInt64, evaluation: EvaluationReport, wallSeconds: Double, footnotes: [String] = [],
    curve: [CurvePoint] = [], basis: ComputeBasis? = nil, extent: RunExtent? = nil, startingRuns: [StartingRun] = []
  ) {
    self.identity = identity
    self.seed = seed
    self.evaluation = evaluation
    self.wallSeconds = wallSeconds
    self.footnotes = footnotes
    self.curve = curve
    self.basis = basis
    self.extent = extent
    self.startingRuns = startingRuns
  }

  public var scores: ScoreTable { evaluation.scores }

  /// The rules that the scores are averaged by.
  public var averaging: Averaging { evaluation.averaging }

  /// The first ten digits of the identity: what tables print.
  public var shortIdentity: String { String(identity.prefix(10)) }
}

extension RunRecord {
  /// What reports need of the run; nil for a pretraining run, which has no scores.
  /// - Parameter averaging: the rules of the means; nil for those of the run's own recipe.
  public func summary(averaging: Averaging? = nil, footnotes: [String] = []) -> RunSummary? {
    metrics.map { metrics in
      RunSummary(
        identity: description.identity, seed: UInt64(clamping: description.seed),
        evaluation: metrics.report(averaging), wallSeconds: description.seconds.values.sorted().reduce(0, +),
        footnotes: footnotes, curve: curves.epochs, basis: provenance.basis, extent: description.extent,
        startingRuns: description.startingRuns)
    }
  }
}
