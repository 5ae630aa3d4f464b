/// Average precision, the area under the precision-recall curve: Σ (R(n) - R(n-1)) P(n) over falling thresholds, without
/// interpolation. Scores are sorted into bins, so that any number of them takes the same memory; those of one bin count as
/// equal.
public struct AveragePrecision: Sendable {
  private static let bins = 1 << 14
  private let range: ClosedRange<Float>
  private var positives = [Int](repeating: 0, count: bins)
  private var all = [Int](repeating: 0, count: bins)

  /// - Parameter range: where scores are told apart; what lies outside counts as its nearer end.
  public init(scores range: ClosedRange<Float>) {
    self.range = range
  }

  /// - Parameter score: a NaN, from weights that hold one, counts as the lowest.
  public mutating func add(_ score: Float, isPositive: Bool) {
    let score = score.isNaN ? range.lowerBound : score
    let place =
      (min(max(score, range.lowerBound), range.upperBound) - range.lowerBound)
      / (range.upperBound - range.lowerBound)
    let bin = min(Self.bins - 1, Int(place * Float(Self.bins)))
    all[bin] += 1
    if isPositive { positives[bin] += 1 }
  }

  /// From 0 to 1; nil without a positive. A score that says nothing has the share of positives.
  public var value: Double? {
    let total = positives.reduce(0, +)
    guard total > 0 else { return nil }
    var (found, taken, area) = (0, 0, 0.0)
    for bin in all.indices.reversed() where all[bin] > 0 {
      found += positives[bin]
      taken += all[bin]
      area += Double(positives[bin]) / Double(total) * Double(found) / Double(taken)
    }
    return area
  }
}
