/// Holm's correction of p-values for having made several tests: the chance that any true null hypothesis is rejected
/// stays below the level, whatever their dependence (Holm, "A simple sequentially rejective multiple test procedure", 1979).
public enum HolmCorrection {
  /// The corrected p-values, in the order given: the k-th smallest of m times m - k + 1, never below a smaller one's, at
  /// most 1.
  public static func corrected(_ pValues: [Double]) -> [Double] {
    let order = pValues.indices.sorted { (pValues[$0], $0) < (pValues[$1], $1) }
    var corrected = pValues
    var largest = 0.0
    for (place, index) in order.enumerated() {
      largest = max(largest, min(1, pValues[index] * Double(pValues.count - place)))
      corrected[index] = largest
    }
    return corrected
  }
}
