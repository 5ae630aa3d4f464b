import Experiments
import Tensors

/// The difference between two results on the same cases, with its uncertainty over cases.
public struct PairedComparison: Sendable, Equatable {
  /// Second minus first, of the mean score that tables print, as a fraction.
  public let difference: Double
  /// The 95 % percentile bootstrap interval over cases (Efron & Tibshirani, "An Introduction to the Bootstrap", 1993,
  /// chapter 13): cases are drawn with replacement, the same ones for both results.
  public let interval: ClosedRange<Double>
  /// The two-sided p-value of the sign-flip permutation test on the per-case mean scores (Fisher's exact one up to 14
  /// cases, from random flips above). It can't fall below 2 / 2^cases.
  public let pValue: Double
  public let cases: Int

  /// How many bootstrap samples, and random flips, are drawn.
  public static let draws = 10_000

  /// Compares two results; `nil` unless both scored the same two cases or more, of the same classes.
  public init?(from first: ScoreTable, to second: ScoreTable, score: Score = .dsc) {
    guard first.classes == second.classes, first.cases.map(\.name) == second.cases.map(\.name),
      first.cases.count >= 2, let before = first.mean(score), let after = second.mean(score)
    else { return nil }
    let pairs = zip(first.caseMeans(score), second.caseMeans(score)).compactMap { first, second -> Double? in
      guard let first, let second else { return nil }
      return second - first
    }
    guard pairs.count >= 2 else { return nil }
    difference = after - before
    cases = pairs.count
    interval = Self.bootstrap(first, second, score)
    pValue = Self.signFlipTest(pairs)
  }

  private static func bootstrap(_ first: ScoreTable, _ second: ScoreTable, _ score: Score) -> ClosedRange<Double> {
    let before = first.cases.map { $0.values(score) }
    let after = second.cases.map { $0.values(score) }
    var differences: [Double] = []
    differences.reserveCapacity(draws)
    for draw in 0..<draws {
      var random = CounterRandom(seed: 0, purpose: "bootstrap over cases", sample: draw)
      var counts = [Int](repeating: 0, count: before.count)
      for _ in before.indices { counts[random.integer(below: before.count)] += 1 }
      if let low = weightedMean(before, counts, first.classes.count),
        let high = weightedMean(after, counts, first.classes.count)
      {
        differences.append(high - low)
      }
    }
    differences.sort()
    func quantile(_ fraction: Double) -> Double {
      let place = fraction * Double(differences.count - 1)
      let below = Int(place)
      let above = min(below + 1, differences.count - 1)
      return differences[below] + (place - Double(below)) * (differences[above] - differences[below])
    }
    // Both means exist, so some class is defined in some case, and a sample without any such case is rare.
    guard !differences.isEmpty else { return 0...0 }
    return quantile(0.025)...quantile(0.975)
  }

  /// `ScoreTable.mean` with each case counted as often as it was drawn.
  private static func weightedMean(_ values: [[Double?]], _ counts: [Int], _ classes: Int) -> Double? {
    var (total, defined) = (0.0, 0)
    for index in 0..<classes {
      var (sum, weight) = (0.0, 0)
      for (scores, count) in zip(values, counts) where count > 0 {
        if let value = scores[index] { (sum, weight) = (sum + Double(count) * value, weight + count) }
      }
      if weight > 0 { (total, defined) = (total + sum / Double(weight), defined + 1) }
    }
    return defined == 0 ? nil : total / Double(defined)
  }

  private static func signFlipTest(_ pairs: [Double]) -> Double {
    let observed = abs(pairs.reduce(0, +))
    // A flip as extreme as the observed one counts, whatever the rounding of its sum.
    let threshold = observed - 1e-12 * pairs.reduce(0) { $0 + abs($1) }
    if pairs.count <= 14 {
      var extreme = 0
      for signs in 0..<(1 << pairs.count) {
        var sum = 0.0
        for (index, value) in pairs.enumerated() { sum += signs >> index & 1 == 1 ? -value : value }
        if abs(sum) >= threshold { extreme += 1 }
      }
      return Double(extreme) / Double(1 << pairs.count)
    }
    var extreme = 1
    for draw in 0..<draws {
      var random = CounterRandom(seed: 0, purpose: "sign flips", sample: draw)
      var sum = 0.0
      for value in pairs { sum += random.chance(0.5) ? -value : value }
      if abs(sum) >= threshold { extreme += 1 }
    }
    return Double(extreme) / Double(draws + 1)
  }
}
