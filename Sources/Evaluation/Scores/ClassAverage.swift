/// Averages over cases and classes, as the paper's published code takes them: for each class over the cases that count
/// (`Averaging`), then over the classes. Sums run in the order of the cases and classes, so that equal values give equal bits.
public enum ClassAverage {
  /// The mean of the defined values; `nil` when none is.
  public static func mean(_ values: [Double?]) -> Double? {
    var (sum, count) = (0.0, 0)
    for case let value? in values { (sum, count) = (sum + value, count + 1) }
    return count == 0 ? nil : sum / Double(count)
  }

  /// The sample standard deviation (n - 1) of the defined values; `nil` with fewer than two.
  public static func standardDeviation(_ values: [Double?]) -> Double? {
    guard let mean = mean(values) else { return nil }
    var (sum, count) = (0.0, 0)
    for case let value? in values { (sum, count) = (sum + (value - mean) * (value - mean), count + 1) }
    return count < 2 ? nil : (sum / Double(count - 1)).squareRoot()
  }

  /// For each class the mean over the cases.
  /// - Parameters:
  ///   - values: `[case][class]`, `nil` where a case does not count.
  ///   - counts: how often each case counts, as in a bootstrap sample; once where there are none.
  public static func overCases(_ values: [[Double?]], classes: Int, counts: [Int]? = nil) -> [Double?] {
    (0..<classes).map { index in
      var (sum, weight) = (0.0, 0)
      for (place, row) in values.enumerated() {
        let count = counts?[place] ?? 1
        if count > 0, let value = row[index] { (sum, weight) = (sum + Double(count) * value, weight + count) }
      }
      return weight == 0 ? nil : sum / Double(weight)
    }
  }

  /// The mean over the classes of `overCases`.
  public static func overClasses(_ values: [[Double?]], classes: Int, counts: [Int]? = nil) -> Double? {
    mean(overCases(values, classes: classes, counts: counts))
  }
}
