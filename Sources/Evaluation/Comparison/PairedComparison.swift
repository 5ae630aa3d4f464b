/// The difference between two results on the same cases, with its uncertainty over cases.
public struct PairedComparison: Sendable, Equatable {
  /// Second minus first, of the mean score that tables print, as a fraction.
  public let difference: Double
  /// The 95 % bootstrap interval over cases (`Bootstrap`, BCa), the same cases drawn for both results.
  public let interval: ClosedRange<Double>
  /// Wilcoxon's signed-rank test of the per-case mean scores. With few cases its p can't fall below 2 / 2^cases.
  public let test: WilcoxonSignedRank
  public let cases: Int

  public var pValue: Double { test.pValue }

  /// Compares two results; `nil` unless both scored the same two cases or more, of the same classes.
  public init?(from first: ScoreTable, to second: ScoreTable, score: Score = .dsc) {
    guard first.isAlike(second), first.cases.count >= 2 else { return nil }
    let (before, after) = (first.values(score), second.values(score))
    self.init(
      pairs: zip(first.caseMeans(score), second.caseMeans(score)), cases: first.cases.count
    ) { counts in
      func mean(_ values: [[Double?]]) -> Double? {
        ClassAverage.overClasses(values, classes: first.classes.count, counts: counts)
      }
      guard let low = mean(before), let high = mean(after) else { return nil }
      return high - low
    }
  }

  /// Compares two results in one class, over the cases that have it; `nil` as above.
  public init?(from first: ScoreTable, to second: ScoreTable, score: Score, class index: Int) {
    guard first.isAlike(second), first.cases.count >= 2 else { return nil }
    let pairs = zip(first.cases, second.cases).map { ($0.values(score)[index], $1.values(score)[index]) }
      .filter { $0.0 != nil && $0.1 != nil }
    self.init(pairs: pairs, cases: pairs.count) { counts in
      var (sum, weight) = (0.0, 0)
      for (pair, count) in zip(pairs, counts) {
        sum += Double(count) * (pair.1! - pair.0!)
        weight += count
      }
      return weight == 0 ? nil : sum / Double(weight)
    }
  }

  private init?(
    pairs: some Sequence<(Double?, Double?)>, cases: Int, statistic: ([Int]) -> Double?
  ) {
    let differences = pairs.compactMap { first, second -> Double? in
      guard let first, let second else { return nil }
      // Means over different numbers of seeds may differ by rounding alone, which is no difference.
      return abs(second - first) < 1e-12 ? 0 : second - first
    }
    guard differences.count >= 2, let difference = statistic([Int](repeating: 1, count: cases)),
      let interval = Bootstrap.interval(count: cases, statistic: statistic)
    else { return nil }
    self.difference = difference
    self.interval = interval
    test = WilcoxonSignedRank(differences)
    self.cases = differences.count
  }
}
