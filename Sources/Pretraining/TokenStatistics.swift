import Tensors

/// How patch tokens spread over their space: what a collapse shows in first.
public struct TokenStatistics: Sendable, Equatable {
  /// (tr C)² / tr C² of the tokens' covariance C: the number of directions in which they vary, between 1 and their width.
  public var rank: Double
  /// tr C of the tokens scaled to length 1, between 0 (all point the same way) and 1.
  public var spread: Double

  /// - Parameter tokens: `[·, width]`
  public init(_ tokens: Tensor) {
    let width = tokens.shape.last!
    let count = tokens.count / width
    let unit = tokens.reshaped([count, width]).normalized()
    let centred = unit - unit.mean(axes: [0], keep: true)
    let covariance = matrixProduct(centred, centred, transposeA: true) / Double(count)
    let (trace, squares) = covariance.withUnsafeElements(of: Float.self) { values in
      var (trace, squares) = (0.0, 0.0)
      for row in 0..<width {
        trace += Double(values[row * width + row])
        for column in 0..<width {
          squares += Double(values[row * width + column]) * Double(values[row * width + column])
        }
      }
      return (trace, squares)
    }
    spread = trace
    rank = squares > 0 ? trace * trace / squares : 0
  }
}
