import Evaluation

extension RunRecord {
  /// The metrics of the validation cases as they were measured, before any rule of averaging.
  public struct Metrics: Sendable {
    /// Label value and name of each foreground class.
    public var classes: [(label: Int, name: String)]
    /// Each case's metrics of every class: DSC and NSD 0 where one of reference and prediction has the class, nil where none
    /// has.
    public var measured: [CaseMetrics]
    /// The recipe's rules of the means when it ran; the values serve every other as well.
    public var averaging: Averaging
    /// SHA-256 of what each case's predicted file says (`Digest.sha256(ofContentOf:)`).
    public var predictionDigests: [String]
    /// What the predictors without a network score on the same cases, as measured: one for each `PriorRule`, in
    /// their order.
    public var priors: [PredictorScores]

    public init(
      classes: [(label: Int, name: String)], measured: [CaseMetrics], averaging: Averaging = Averaging(),
      predictionDigests: [String], priors: [PredictorScores]
    ) {
      self.classes = classes
      self.measured = measured
      self.averaging = averaging
      self.predictionDigests = predictionDigests
      self.priors = priors
    }

    /// The cases' names.
    public var cases: [String] { measured.map(\.name) }

    /// What was measured, averaged by the rules; by those of the run's recipe when nil.
    public func report(_ averaging: Averaging? = nil) -> EvaluationReport {
      EvaluationReport(
        classes: classes.map { EvaluationClass(name: $0.name, labels: [Int16(clamping: $0.label)]) }, cases: measured,
        averaging: averaging ?? self.averaging)
    }

    /// The scores by the rules of the run's recipe.
    public var scores: ScoreTable { report().scores }

    /// What the predictors without a network score, by the same rules as `report`.
    public func predictors(_ averaging: Averaging? = nil) -> [PredictorScores] {
      let averaging = averaging ?? self.averaging
      return priors.map { predictor in
        PredictorScores(
          name: predictor.name,
          scores: ScoreTable(
            classes: predictor.scores.classes,
            cases: zip(measured, predictor.scores.cases).map { item, guess in
              // A class that the reference lacks has a Dice only where it was predicted.
              let counts = zip(item.classes, guess.dsc).map {
                averaging.counts(referenceVoxels: $0.referenceVoxels, predictionVoxels: $1 == nil ? 0 : 1)
              }
              func counted(_ values: [Double?]) -> [Double?] { zip(values, counts).map { $1 ? $0 : nil } }
              return CaseScores(name: item.name, dsc: counted(guess.dsc), nsd: counted(guess.nsd))
            }))
      }
    }

    /// The first case, class and score in which two tables of the same cases and classes differ; nil when every bit agrees.
    func firstDifference(from other: Metrics) -> String? {
      guard cases == other.cases else { return "other cases" }
      guard classes.elementsEqual(other.classes, by: ==) else {
        return "other classes: \(Self.names(classes)) recorded, \(Self.names(other.classes)) now"
      }
      guard averaging == other.averaging else { return "other rules of averaging" }
      let (blind, itsBlind) = (priors, other.priors)
      guard blind.map(\.name) == itsBlind.map(\.name) else { return "other predictors that see no image" }
      func values(_ value: (ClassMetrics) -> Double?) -> ([[Double?]], [[Double?]]) {
        (measured.map { $0.classes.map(value) }, other.measured.map { $0.classes.map(value) })
      }
      let tables =
        [("DSC", values(\.dsc)), ("NSD", values(\.nsd)), ("HD95", values(\.hd95))]
        + zip(blind, itsBlind).flatMap { mine, its in
          Score.allCases.map {
            ("\($0.rawValue) of the predictor \(mine.name)", (mine.scores.values($0), its.scores.values($0)))
          }
        }
      for (name, (mine, its)) in tables {
        for row in cases.indices {
          for column in classes.indices where mine[row][column]?.bitPattern != its[row][column]?.bitPattern {
            return "\(name) of \(classes[column].name) in \(cases[row]): "
              + "\(Self.text(mine[row][column])) recorded, \(Self.text(its[row][column])) now"
          }
        }
      }
      for (name, voxels) in [("reference's", \ClassMetrics.referenceVoxels), ("prediction's", \.predictionVoxels)] {
        for (mine, its) in zip(measured, other.measured) {
          for column in classes.indices
          where mine.classes[column][keyPath: voxels] != its.classes[column][keyPath: voxels] {
            return "the \(name) voxels of \(classes[column].name) in \(mine.name): "
              + "\(mine.classes[column][keyPath: voxels]) recorded, \(its.classes[column][keyPath: voxels]) now"
          }
        }
      }
      for (mine, its) in zip(measured, other.measured) where mine.diagonal != its.diagonal {
        return "the image diagonal of \(mine.name): \(mine.diagonal) mm recorded, \(its.diagonal) mm now"
      }
      return nil
    }

    private static func text(_ value: Double?) -> String { value.map { "\($0)" } ?? "undefined" }

    private static func names(_ classes: [(label: Int, name: String)]) -> String {
      classes.prefix(20).map { "\($0.label) \($0.name)" }.joined(separator: ", ")
    }
  }
}
