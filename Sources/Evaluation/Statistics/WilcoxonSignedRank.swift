import Foundation

/// Wilcoxon's signed-rank test: whether paired differences lie symmetrically around 0.
///
/// Zeros are left out, ties get their mean rank (Wilcoxon, "Individual comparisons by ranking methods", 1945). Which null
/// distribution is used follows SciPy's `wilcoxon(method="auto")`, so that both give the same p:
/// - up to 50 differences without ties or zeros, and up to 13 with them: the exact one over all signs;
/// - otherwise the normal approximation, its variance corrected for ties, without a correction for continuity.
public struct WilcoxonSignedRank: Sendable, Equatable {
  public enum Method: String, Sendable { case exact, asymptotic }

  /// The smaller of the sums of the ranks of positive and of negative differences.
  public let statistic: Double
  /// Two-sided; 1 when no difference is other than 0.
  public let pValue: Double
  /// How many differences were ranked: those other than 0.
  public let ranked: Int
  public let method: Method

  /// - Parameter differences: at least one, all finite.
  public init(_ differences: [Double]) {
    precondition(!differences.isEmpty && differences.allSatisfy(\.isFinite), "the differences must be finite")
    let nonzero = differences.filter { $0 != 0 }
    ranked = nonzero.count
    let (ranks, ties) = Self.ranks(nonzero.map(abs))
    let (positive, negative) = zip(nonzero, ranks).reduce(into: (0.0, 0.0)) { sums, pair in
      if pair.0 > 0 { sums.0 += pair.1 } else { sums.1 += pair.1 }
    }
    statistic = min(positive, negative)
    let plain = ties.allSatisfy { $0 == 1 } && ranked == differences.count
    method = plain && ranked <= 50 || differences.count <= 13 ? .exact : .asymptotic
    if ranked == 0 {
      pValue = 1
    } else if method == .exact {
      pValue = Self.exact(positive, ranks)
    } else {
      let n = Double(ranked)
      let tied = ties.reduce(0) { $0 + Double($1 * $1 * $1 - $1) }
      let deviation = ((n * (n + 1) * (2 * n + 1) - tied / 2) / 24).squareRoot()
      let z = (positive - n * (n + 1) / 4) / deviation
      pValue = min(1, 2 * NormalDistribution.cumulative(-abs(z)))
    }
  }

  /// The rank of each value from 1, ties sharing their mean, and how many values share each rank.
  private static func ranks(_ values: [Double]) -> (ranks: [Double], ties: [Int]) {
    let order = values.indices.sorted { (values[$0], $0) < (values[$1], $1) }
    var ranks = [Double](repeating: 0, count: values.count)
    var ties: [Int] = []
    var first = 0
    while first < order.count {
      var end = first + 1
      while end < order.count && values[order[end]] == values[order[first]] { end += 1 }
      for place in first..<end { ranks[order[place]] = Double(first + 1 + end) / 2 }
      ties.append(end - first)
      first = end
    }
    return (ranks, ties)
  }

  /// The two-sided p over all signs, each as likely: twice the smaller tail. Counted by adding rank after rank to the
  /// distribution of twice the sum, which is whole even when ranks are shared.
  private static func exact(_ positive: Double, _ ranks: [Double]) -> Double {
    let doubled = ranks.map { Int(2 * $0) }
    var chances = [Double](repeating: 0, count: doubled.reduce(1, +))
    chances[0] = 1
    var top = 0
    for rank in doubled {
      top += rank
      for sum in stride(from: top, through: 0, by: -1) {
        chances[sum] = 0.5 * (chances[sum] + (sum >= rank ? chances[sum - rank] : 0))
      }
    }
    let observed = Int(2 * positive)
    let lower = chances[...observed].reduce(0, +)
    let upper = chances[observed...].reduce(0, +)
    return min(1, 2 * min(lower, upper))
  }
}
