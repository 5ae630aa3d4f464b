import Foundation
import Random
import Tensors

/// The bootstrap over cases: how far a statistic would move had other cases of the same kind been drawn.
public enum Bootstrap {
  /// How many samples are drawn.
  public static let draws = 10_000

  /// The 95 % bias-corrected and accelerated interval (BCa) of a statistic.
  /// - Parameters:
  ///   - count: how many cases there are, at least two.
  ///   - purpose: names the stream of random draws, so that two statistics with the same purpose draw the same cases.
  ///   - statistic: its value with each case counted as often as it was drawn; nil where it is undefined.
  /// - Returns: nil when the statistic is undefined on the cases themselves.
  public static func interval(
    count: Int, purpose: String = "bootstrap over cases", statistic: ([Int]) -> Double?
  ) -> ClosedRange<Double>? {
    precondition(count >= 2, "a bootstrap needs two cases or more")
    guard let estimate = statistic([Int](repeating: 1, count: count)) else { return nil }
    var samples: [Double] = []
    samples.reserveCapacity(draws)
    var counts = [Int](repeating: 0, count: count)
    for draw in 0..<draws {
      var random = CounterRandom(seed: 0, purpose: purpose, sample: draw)
      for index in counts.indices { counts[index] = 0 }
      for _ in 0..<count { counts[random.integer(below: count)] += 1 }
      if let value = statistic(counts) { samples.append(value) }
    }
    let jackknife = (0..<count).compactMap { left in statistic((0..<count).map { $0 == left ? 0 : 1 }) }
    return interval(estimate: estimate, samples: samples, jackknife: jackknife)
  }

  /// The BCa interval from a bootstrap distribution (Efron & Tibshirani, "An Introduction to the Bootstrap", 1993, section
  /// 14.3). Where the correction is undefined, as when every sample lies on one side of the estimate, the percentile
  /// interval stands in.
  /// - Parameters:
  ///   - samples: the statistic of each bootstrap sample.
  ///   - jackknife: the statistic without each case in turn; its skewness gives the acceleration.
  public static func interval(
    estimate: Double, samples: [Double], jackknife: [Double], level: Double = 0.95
  ) -> ClosedRange<Double> {
    let sorted = samples.sorted()
    guard let first = sorted.first, let last = sorted.last else { return estimate...estimate }
    if first == last { return first...last }
    let alpha = (1 - level) / 2
    // A sample equal to the estimate counts half; what differs by rounding alone is equal.
    let slack = 1e-12 * max(abs(first), abs(last), abs(estimate))
    let below = sorted.reduce(0.0) { sum, value in
      sum + (value < estimate - slack ? 1 : value <= estimate + slack ? 0.5 : 0)
    }
    let bias = NormalDistribution.quantile(below / Double(sorted.count))
    let mean = jackknife.reduce(0, +) / Double(max(1, jackknife.count))
    let squares = jackknife.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    let cubes = jackknife.reduce(0) { $0 + (mean - $1) * (mean - $1) * (mean - $1) }
    let acceleration = squares > 0 ? cubes / (6 * squares * squares.squareRoot()) : 0
    func place(_ z: Double) -> Double {
      let moved = bias + z
      return NormalDistribution.cumulative(bias + moved / (1 - acceleration * moved))
    }
    let z = NormalDistribution.quantile(alpha)
    var ends = (place(z), place(-z))
    if !bias.isFinite || !ends.0.isFinite || !ends.1.isFinite || ends.0 > ends.1 { ends = (alpha, 1 - alpha) }
    return quantile(ends.0, of: sorted)...quantile(ends.1, of: sorted)
  }

  /// The value a fraction of the way through sorted values, between neighbours by straight lines.
  private static func quantile(_ fraction: Double, of sorted: [Double]) -> Double {
    let place = fraction * Double(sorted.count - 1)
    let below = Int(place)
    let above = min(below + 1, sorted.count - 1)
    return sorted[below] + (place - Double(below)) * (sorted[above] - sorted[below])
  }
}
