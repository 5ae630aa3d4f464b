import Evaluation
import Experiments
import Files

/// The runs of one recipe that differ in their seed alone: one side of a comparison.
public struct ComparedRuns: Sendable {
  public let name: String
  /// One a seed, at least one.
  public let runs: [RunSummary]
  /// The scores of each run's seed.
  public let seeds: SeedScores
  /// How they stand to the paper's row; nil where that is not known.
  public let scale: PaperScale?

  /// - Throws: `ReportError` when two of the runs scored different cases or classes.
  public init(name: String, runs: [RunSummary], scale: PaperScale? = nil) throws {
    precondition(!runs.isEmpty, "a side of a comparison without runs")
    guard let seeds = SeedScores(runs.map(\.scores)) else {
      let other = runs.first { !runs[0].scores.isAlike($0.scores) }
      throw ReportError.differentCases(runs[0].shortIdentity, other?.shortIdentity ?? runs[0].shortIdentity)
    }
    if let other = runs.first(where: { $0.averaging != runs[0].averaging }) {
      throw ReportError.differentAveraging("run \(runs[0].shortIdentity)", "run \(other.shortIdentity)")
    }
    self.name = name
    self.runs = runs
    self.seeds = seeds
    self.scale = scale
  }

  /// Whether they may be held against the paper's numbers.
  public var isPaperScale: Bool { scale?.isPaper ?? false }

  /// The rules that the means follow.
  public var averaging: Averaging { runs[0].averaging }

  /// The means over the seeds.
  public var scores: ScoreTable { seeds.mean }
}

/// Two recipes' runs on the same cases, compared: overall and class by class.
public struct RunComparison: Sendable {
  public struct ClassDifference: Sendable {
    public let name: String
    public let means: (first: Double?, second: Double?)
    /// Nil with fewer than two cases.
    public let paired: PairedComparison?
    /// The p-value after Holm's correction for the number of classes compared.
    public let correctedP: Double?
  }

  public struct ScoreDifference: Sendable {
    public let score: Score
    public let means: (first: Double?, second: Double?)
    public let paired: PairedComparison?
    public let classes: [ClassDifference]
    /// The 95 % interval of the difference over seeds (Welch); nil unless both sides have two seeds.
    public let overSeeds: ClosedRange<Double>?
    /// Why the difference decides nothing, whatever its intervals say; empty when it may (`RequiredEvidence`).
    public let shortcomings: [String]
  }

  public let first: ComparedRuns
  public let second: ComparedRuns
  public let scores: [ScoreDifference]

  /// - Throws: `ReportError` when the two sides scored different cases or classes, or averaged them by different rules.
  public init(_ first: ComparedRuns, _ second: ComparedRuns) throws {
    guard first.scores.isAlike(second.scores) else { throw ReportError.incomparable(first.name, second.name) }
    guard first.averaging == second.averaging else {
      throw ReportError.differentAveraging(first.name, second.name)
    }
    self.first = first
    self.second = second
    scores = Score.allCases.map { score in
      let means = (first.scores.classMeans(score), second.scores.classMeans(score))
      let paired = first.scores.classes.indices.map {
        PairedComparison(from: first.scores, to: second.scores, score: score, class: $0)
      }
      var corrected = HolmCorrection.corrected(paired.compactMap { $0?.pValue })[...]
      let classes = first.scores.classes.indices.map { index in
        ClassDifference(
          name: first.scores.classes[index], means: (means.0[index], means.1[index]), paired: paired[index],
          correctedP: paired[index] == nil ? nil : corrected.removeFirst())
      }
      let judged = JudgedDifference(from: first.seeds, to: second.seeds, score: score)
      return ScoreDifference(
        score: score, means: (first.scores.mean(score), second.scores.mean(score)), paired: judged.paired,
        classes: classes, overSeeds: judged.overSeeds, shortcomings: judged.shortcomings)
    }
  }
}

/// Runs beside a published number, which has no cases.
public struct PublishedComparison: Sendable {
  public enum Verdict: String, Sendable {
    case within, outside
    /// Too few cases or seeds.
    case undecided
  }

  public let runs: ComparedRuns
  /// Such as "Table 1, row 2, DSC (%)".
  public let place: String
  public let score: Score
  /// As a fraction.
  public let published: Double
  public let seeds: SeedSpread
  /// Ours less the published one.
  public var difference: Double { seeds.mean - published }
  /// Why nothing can be decided; empty when something can (`RequiredEvidence`).
  public var shortcomings: [String] {
    RequiredEvidence.shortcomings(
      cases: runs.scores.caseMeans(score).count { $0 != nil }, seeds: [seeds.values.count])
  }
  /// Whether the published number lies where one more seed of ours would, 19 times in 20.
  public var verdict: Verdict {
    guard shortcomings.isEmpty, let interval = seeds.predictionInterval else { return .undecided }
    return interval.contains(published) ? .within : .outside
  }

  /// Nil when our score is undefined.
  public init?(_ runs: ComparedRuns, place: String, score: Score, published: Double) {
    guard let seeds = runs.seeds.spread(score) else { return nil }
    self.runs = runs
    self.place = place
    self.score = score
    self.published = published
    self.seeds = seeds
  }
}
