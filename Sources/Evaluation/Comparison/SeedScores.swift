/// The scores of one recipe's runs, one table a seed, and their means over the seeds.
public struct SeedScores: Sendable, Equatable {
  public let seeds: [ScoreTable]
  /// The means over the seeds.
  public let mean: ScoreTable

  /// Nil when there is no table, or two differ in classes or cases.
  public init?(_ seeds: [ScoreTable]) {
    guard let mean = ScoreTable.average(seeds) else { return nil }
    self.seeds = seeds
    self.mean = mean
  }

  /// The table's mean score of each seed; nil when it is undefined.
  public func spread(_ score: Score) -> SeedSpread? {
    let values = seeds.compactMap { $0.mean(score) }
    return values.isEmpty ? nil : SeedSpread(values)
  }

  /// How the variance of the per-case means divides; nil with one seed, or when a case has no mean.
  public func variance(_ score: Score) -> VarianceShares? {
    let values = seeds.map { $0.caseMeans(score).compactMap { $0 } }
    guard values.allSatisfy({ $0.count == mean.cases.count }) else { return nil }
    return VarianceShares(values)
  }
}
