import Foundation

/// A score over several runs that differ in their seed alone.
public struct SeedSpread: Sendable, Equatable {
  /// One value a seed.
  public let values: [Double]
  public let mean: Double
  /// The sample standard deviation (n - 1); nil with one seed.
  public let standardDeviation: Double?

  /// - Parameter values: at least one.
  public init(_ values: [Double]) {
    precondition(!values.isEmpty, "a spread of no values")
    self.values = values
    mean = ClassAverage.mean(values)!
    standardDeviation = ClassAverage.standardDeviation(values)
  }

  /// Where one more seed's value would lie 19 times in 20, were seeds normally distributed:
  /// mean ± t(0.975, n - 1) s √(1 + 1 / n). Nil with one seed.
  public var predictionInterval: ClosedRange<Double>? {
    guard let standardDeviation else { return nil }
    let n = Double(values.count)
    let half =
      StudentDistribution.quantile(0.975, freedom: n - 1) * standardDeviation * (1 + 1 / n).squareRoot()
    return (mean - half)...(mean + half)
  }

  /// The 95 % interval of this mean less another's, by Welch's t with Satterthwaite's degrees of freedom ("The
  /// generalization of Student's problem", 1947). Nil unless both have two seeds and at least one varies.
  public func difference(from other: SeedSpread) -> ClosedRange<Double>? {
    guard let mine = standardDeviation, let its = other.standardDeviation else { return nil }
    let (n, m) = (Double(values.count), Double(other.values.count))
    let (a, b) = (mine * mine / n, its * its / m)
    guard a + b > 0 else { return nil }
    let freedom = (a + b) * (a + b) / (a * a / (n - 1) + b * b / (m - 1))
    let half = StudentDistribution.quantile(0.975, freedom: freedom) * (a + b).squareRoot()
    return (mean - other.mean - half)...(mean - other.mean + half)
  }
}

/// How the variance of per-case scores divides among cases, seeds and what is left, by the two-way analysis of variance
/// without repetition (random effects): score(case, seed) = mean + case + seed + rest.
public struct VarianceShares: Sendable, Equatable {
  /// Fractions of the whole; they add up to 1.
  public let cases: Double
  /// What a seed adds to or takes from all cases alike.
  public let seeds: Double
  /// What a seed does to single cases.
  public let rest: Double

  /// - Parameter scores: `[seed][case]`, without gaps.
  /// - Returns: nil with fewer than two seeds or cases, or when nothing varies.
  public init?(_ scores: [[Double]]) {
    guard let count = scores.first?.count, scores.count >= 2, count >= 2, scores.allSatisfy({ $0.count == count })
    else { return nil }
    let (n, m) = (Double(count), Double(scores.count))
    let seedMeans = scores.map { $0.reduce(0, +) / n }
    let caseMeans = (0..<count).map { index in scores.reduce(0) { $0 + $1[index] } / m }
    let mean = seedMeans.reduce(0, +) / m
    let seedSquare = n * seedMeans.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / (m - 1)
    let caseSquare = m * caseMeans.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / (n - 1)
    var residual = 0.0
    for (seed, row) in scores.enumerated() {
      for (index, value) in row.enumerated() {
        let left = value - seedMeans[seed] - caseMeans[index] + mean
        residual += left * left
      }
    }
    residual /= (n - 1) * (m - 1)
    // A component estimated below 0 is 0.
    let seed = max(0, (seedSquare - residual) / n)
    let component = max(0, (caseSquare - residual) / m)
    let total = seed + component + residual
    guard total > 0 else { return nil }
    (cases, seeds, rest) = (component / total, seed / total, residual / total)
  }
}
