import Tensors

#if canImport(Glibc)
  import Glibc
#endif

/// Turns a teacher's logits into targets that use all prototypes alike (Caron et al., "Unsupervised learning of visual
/// features by contrasting cluster assignments", NeurIPS 2020).
public enum SinkhornKnopp {
  /// Targets `[R, K]` for logits `[R, K]`: exp(logits / temperature), then in turns every prototype's column brought to the
  /// same total and every sample's row to the sum 1. In double precision, in a fixed order.
  /// - Parameters:
  ///   - logits: between -1 and 1, as a head gives them.
  ///   - temperature: at least 0.003, so that no sample's numbers all vanish.
  public static func targets(_ logits: Tensor, temperature: Double, rounds: Int = 3) -> Tensor {
    let (rows, columns) = (logits.shape[0], logits.shape[1])
    precondition(rows > 0 && columns > 0 && temperature >= 0.003, "targets of \(logits.shape) at \(temperature)")
    let scaled = logits.values(as: Float.self).map { Double($0) / temperature }
    let greatest = scaled.max()!
    var q = scaled.map { exp($0 - greatest) }
    var sums = [Double](repeating: 0, count: columns)
    q.withUnsafeMutableBufferPointer { q in
      sums.withUnsafeMutableBufferPointer { sums in
        for _ in 0..<rounds {
          for column in 0..<columns { sums[column] = 0 }
          for row in 0..<rows {
            for column in 0..<columns { sums[column] += q[row * columns + column] }
          }
          // A prototype that no sample comes near has the sum 0 and is left out.
          for column in 0..<columns { sums[column] = sums[column] > 0 ? 1 / sums[column] : 0 }
          for row in 0..<rows {
            var total = 0.0
            for column in 0..<columns {
              q[row * columns + column] *= sums[column]
              total += q[row * columns + column]
            }
            let factor = total > 0 ? 1 / total : 0
            for column in 0..<columns { q[row * columns + column] *= factor }
          }
        }
      }
    }
    return Tensor(q.map { Float($0) }, shape: [rows, columns])
  }
}
