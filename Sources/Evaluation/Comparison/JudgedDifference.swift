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
  public init(from first: SeedScores, to second: SeedScores, score: Score) {
    paired = PairedComparison(from: first.mean, to: second.mean, score: score)
    let (before, after) = (first.spread(score), second.spread(score))
    overSeeds = before.flatMap { before in after.flatMap { $0.difference(from: before) } }
    cases = zip(first.mean.caseMeans(score), second.mean.caseMeans(score)).count { $0 != nil && $1 != nil }
    seeds = [before, after].map { $0?.values.count ?? 0 }
  }

  /// Why nothing can be decided; empty when something can.
  public var shortcomings: [String] { RequiredEvidence.shortcomings(cases: cases, seeds: seeds) }

  /// The intervals that a verdict must agree with, as fractions; empty when the evidence is too little.
  public var intervals: [ClosedRange<Double>] {
    shortcomings.isEmpty ? [paired?.interval, overSeeds].compactMap { $0 } : []
  }
}
