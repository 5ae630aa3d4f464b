import Evaluation
import Experiments

/// What a verdict about runs needs at the least, in one place; with less it is undecided, whatever the intervals say.
public enum RequiredEvidence {
  /// With fewer cases Wilcoxon's two-sided signed-rank test cannot reach 0.05: its least p is 2 / 2^cases, 0.0625 of five.
  public static let minimumCases = 6
  /// One seed says nothing of what another would give.
  public static let minimumSeeds = 2

  /// What is lacking, in words; empty when it is enough.
  /// - Parameter seeds: of each side.
  public static func shortcomings(cases: Int, seeds: [Int]) -> [String] {
    var lacking: [String] = []
    if cases < minimumCases {
      lacking.append("\(cases) case\(cases == 1 ? "" : "s"), fewer than \(minimumCases)")
    }
    if let fewest = seeds.min(), fewest < minimumSeeds {
      lacking.append("\(fewest) seed\(fewest == 1 ? "" : "s"), fewer than \(minimumSeeds)")
    }
    return lacking
  }

  /// Each reason once, in order.
  static func distinct(_ reasons: [String]) -> [String] {
    reasons.reduce(into: []) { found, reason in if !found.contains(reason) { found.append(reason) } }
  }

  /// The minimum, in words.
  static var rule: String { "at least \(minimumCases) cases and \(minimumSeeds) seeds" }
}

/// One side's mean score less another's, with all that a verdict about it may rest on.
public struct JudgedDifference: Sendable {
  /// Nil with fewer than two cases.
  public let paired: PairedComparison?
  /// The 95 % interval over seeds (Welch), as fractions; nil unless both sides have two seeds and at least one varies.
  public let overSeeds: ClosedRange<Double>?
  /// Cases with a mean on both sides.
  public let cases: Int
  /// Seeds of the first and the second side.
  public let seeds: [Int]

  /// Second less first.
  public init(from first: TableScores, to second: TableScores, score: Score) {
    paired = PairedComparison(from: first.scores, to: second.scores, score: score)
    let (before, after) = (first.seeds(score), second.seeds(score))
    overSeeds = before.flatMap { before in after.flatMap { $0.difference(from: before) } }
    cases = zip(first.scores.caseMeans(score), second.scores.caseMeans(score)).count { $0 != nil && $1 != nil }
    seeds = [before, after].map { $0?.values.count ?? 0 }
  }

  /// Why nothing can be decided; empty when something can.
  public var shortcomings: [String] { RequiredEvidence.shortcomings(cases: cases, seeds: seeds) }

  /// The intervals that a verdict must agree with, as fractions; empty when the evidence is too little.
  public var intervals: [ClosedRange<Double>] {
    shortcomings.isEmpty ? [paired?.interval, overSeeds].compactMap { $0 } : []
  }
}

/// The scores of one recipe's runs, one a seed, and their means over the seeds.
public struct TableScores: Sendable {
  public let runs: [ScoreTable]
  public let scores: ScoreTable

  /// The table's mean score of each seed; nil when it is undefined.
  public func seeds(_ score: Score) -> SeedSpread? {
    let values = runs.compactMap { $0.mean(score) }
    return values.isEmpty ? nil : SeedSpread(values)
  }
}

extension ComparedRuns {
  var tableScores: TableScores { TableScores(runs: runs.map(\.scores), scores: scores) }
}

extension TableResult {
  /// Nil when nothing has run.
  var tableScores: TableScores? { scores.map { TableScores(runs: runs.map(\.scores), scores: $0) } }
}
