import Evaluation
import Training

/// The two scores of a segmentation, as fractions: the Dice similarity coefficient and the normalised surface Dice.
public enum Score: String, Sendable, CaseIterable {
  case dsc = "DSC"
  case nsd = "NSD"
}

/// The scores of one case, one value for each class of the table they sit in, in its order.
public struct CaseScores: Sendable, Equatable {
  public let name: String
  /// In [0, 1]; `nil` where the score is undefined, as when the reference lacks the class.
  public let dsc: [Double?]
  public let nsd: [Double?]

  public init(name: String, dsc: [Double?], nsd: [Double?]) {
    self.name = name
    self.dsc = dsc
    self.nsd = nsd
  }

  public func values(_ score: Score) -> [Double?] { score == .dsc ? dsc : nsd }
}

/// Per-case, per-class scores, and the averages that tables print.
///
/// The mean is taken as the paper's published code takes it: for each class over the cases that count (`Averaging`: unless
/// told otherwise those that have it), then over the classes. Sums run in the order of the cases and classes, so that equal scores give equal bits.
public struct ScoreTable: Sendable, Equatable {
  /// The foreground classes' names.
  public let classes: [String]
  public let cases: [CaseScores]

  /// Every case must have one value of each score for each class.
  public init(classes: [String], cases: [CaseScores]) {
    precondition(
      cases.allSatisfy { $0.dsc.count == classes.count && $0.nsd.count == classes.count },
      "a case without exactly one score for each of \(classes.count) classes")
    self.classes = classes
    self.cases = cases
  }

  /// For each class the mean over the cases that count; `nil` where none does.
  public func classMeans(_ score: Score) -> [Double?] {
    classes.indices.map { index in Self.mean(cases.map { $0.values(score)[index] }) }
  }

  /// For each case the mean over the classes it has; `nil` where it has none.
  public func caseMeans(_ score: Score) -> [Double?] { cases.map { Self.mean($0.values(score)) } }

  /// The mean over the classes of `classMeans`; `nil` when nothing is defined.
  public func mean(_ score: Score) -> Double? { Self.mean(classMeans(score)) }

  /// The sample standard deviation (n - 1) over the cases of `caseMeans`; `nil` with fewer than two.
  public func standardDeviation(_ score: Score) -> Double? { Self.standardDeviation(caseMeans(score)) }

  /// For each class the number of cases that count.
  public func caseCounts() -> [Int] {
    classes.indices.map { index in cases.reduce(0) { $0 + ($1.dsc[index] == nil ? 0 : 1) } }
  }

  /// The table whose scores are the means over several tables of the same classes and cases, as over a row's seeds;
  /// `nil` when the tables differ in classes or cases, or there are none.
  public static func average(_ tables: [ScoreTable]) -> ScoreTable? {
    guard let first = tables.first else { return nil }
    let names = first.cases.map(\.name)
    guard tables.allSatisfy({ $0.classes == first.classes && $0.cases.map(\.name) == names }) else { return nil }
    return ScoreTable(
      classes: first.classes,
      cases: first.cases.indices.map { row in
        func averaged(_ score: Score) -> [Double?] {
          first.classes.indices.map { column in mean(tables.map { $0.cases[row].values(score)[column] }) }
        }
        return CaseScores(name: names[row], dsc: averaged(.dsc), nsd: averaged(.nsd))
      })
  }

  /// The mean of the defined values.
  public static func mean(_ values: [Double?]) -> Double? {
    var (sum, count) = (0.0, 0)
    for case let value? in values { (sum, count) = (sum + value, count + 1) }
    return count == 0 ? nil : sum / Double(count)
  }

  /// The sample standard deviation (n - 1) of the defined values.
  public static func standardDeviation(_ values: [Double?]) -> Double? {
    guard let mean = mean(values) else { return nil }
    var (sum, count) = (0.0, 0)
    for case let value? in values { (sum, count) = (sum + (value - mean) * (value - mean), count + 1) }
    return count < 2 ? nil : (sum / Double(count - 1)).squareRoot()
  }
}

extension RunRecord.Metrics {
  /// The scores by the rules of the run's recipe.
  public var scores: ScoreTable { scores(averaging) }

  /// The scores that count by the rules, the others nil.
  public func scores(_ averaging: Averaging) -> ScoreTable {
    table(averaging, dsc, nsd) { predictionVoxels[$0][$1] }
  }

  /// What a predictor that knows only positions scores on the same cases, by the same rules.
  public func scores(_ predictor: RunRecord.PositionScores, _ averaging: Averaging) -> ScoreTable {
    // A class that the reference lacks has a Dice only where it was predicted.
    table(averaging, predictor.dsc, predictor.nsd) { predictor.dsc[$0][$1].isNaN ? 0 : 1 }
  }

  private func table(
    _ averaging: Averaging, _ dsc: [[Double]], _ nsd: [[Double]], predicted: (_ case: Int, _ class: Int) -> Int
  ) -> ScoreTable {
    ScoreTable(
      classes: classes.map(\.name),
      cases: cases.indices.map { row in
        func counted(_ values: [[Double]]) -> [Double?] {
          classes.indices.map { column in
            let isCounted = averaging.counts(
              referenceVoxels: referenceVoxels[row][column], predictionVoxels: predicted(row, column))
            return isCounted && !values[row][column].isNaN ? values[row][column] : nil
          }
        }
        return CaseScores(name: cases[row], dsc: counted(dsc), nsd: counted(nsd))
      })
  }

  /// The evaluation that was recorded, averaged by the rules: its counts and its HD95 among the rest.
  public func report(_ averaging: Averaging) -> EvaluationReport {
    func defined(_ value: Double) -> Double? { value.isNaN ? nil : value }
    return EvaluationReport(
      classes: classes.map { EvaluationClass(name: $0.name, labels: [Int16(clamping: $0.label)]) },
      cases: cases.indices.map { row in
        CaseMetrics(
          name: cases[row],
          classes: classes.indices.map { column in
            ClassMetrics(
              dsc: defined(dsc[row][column]), nsd: defined(nsd[row][column]), hd95: defined(hd95[row][column]),
              referenceVoxels: referenceVoxels[row][column], predictionVoxels: predictionVoxels[row][column])
          }, diagonal: diagonals[row])
      }, averaging: averaging)
  }
}

/// One epoch of a run's learning curve.
public struct CurvePoint: Sendable, Equatable {
  /// Counted from 0.
  public let epoch: Int
  public let trainingLoss: Double
  public let validationLoss: Double?
  /// The mean foreground Dice over the validation batches, in [0, 1].
  public let pseudoDice: Double?
  /// Its exponential moving average.
  public let smoothedPseudoDice: Double?

  public init(
    epoch: Int, trainingLoss: Double, validationLoss: Double? = nil, pseudoDice: Double? = nil,
    smoothedPseudoDice: Double? = nil
  ) {
    self.epoch = epoch
    self.trainingLoss = trainingLoss
    self.validationLoss = validationLoss
    self.pseudoDice = pseudoDice
    self.smoothedPseudoDice = smoothedPseudoDice
  }

  /// From the trainer's record, whose undefined values are NaN.
  public init(_ record: EpochRecord) {
    func defined(_ value: Double) -> Double? { value.isNaN ? nil : value }
    self.init(
      epoch: record.epoch, trainingLoss: record.trainingLoss, validationLoss: defined(record.validationLoss),
      pseudoDice: defined(record.meanPseudoDice), smoothedPseudoDice: defined(record.movingAverage))
  }
}

/// What a report needs to know of one finished run.
public struct RunSummary: Sendable, Equatable {
  /// The hexadecimal digest that names the run's folder.
  public let identity: String
  public let seed: UInt64
  public let scores: ScoreTable
  /// From the first step to the last metric, summed over the sessions when the run was resumed.
  public let wallSeconds: Double
  /// What a reader of this run's numbers must know, such as where its weights come from: whole sentences.
  public let footnotes: [String]
  public let curve: [CurvePoint]
  /// What the means are over and what they leave out, and HD95; nil where only the scores are known.
  public let evaluation: EvaluationReport?
  /// What its bits depend on, how much data it saw, and the pretrainings before it; nil and none where that is not recorded.
  public let basis: ComputeBasis?
  public let extent: RunExtent?
  public let startingRuns: [StartingRun]

  public init(
    identity: String, seed: UInt64, scores: ScoreTable, wallSeconds: Double, footnotes: [String] = [],
    curve: [CurvePoint] = [], basis: ComputeBasis? = nil, extent: RunExtent? = nil, startingRuns: [StartingRun] = [],
    evaluation: EvaluationReport? = nil
  ) {
    self.identity = identity
    self.seed = seed
    self.scores = scores
    self.wallSeconds = wallSeconds
    self.footnotes = footnotes
    self.curve = curve
    self.basis = basis
    self.extent = extent
    self.startingRuns = startingRuns
    self.evaluation = evaluation
  }

  /// The rules that the scores are averaged by.
  public var averaging: Averaging { evaluation?.averaging ?? Averaging() }

  /// The first ten digits of the identity: what tables print.
  public var shortIdentity: String { String(identity.prefix(10)) }
}
