import Tensors

/// How patch tokens spread over their space: what a collapse shows in first.
public struct TokenStatistics: Sendable, Equatable {
  /// (tr C)² / tr C² of the tokens' covariance C: the number of directions in which they vary, between 1 and their width.
  public var rank: Double
  /// tr C of the tokens scaled to length 1, between 0 (all point the same way) and 1.
  public var spread: Double

  /// - Parameter tokens: `[·, width]`
  public init(_ tokens: Tensor) {
    var sums = Sums()
    sums.add(tokens)
    self = sums.statistics
  }

  private init(rank: Double, spread: Double) {
    self.rank = rank
    self.spread = spread
  }

  /// Of tokens that come in several parts.
  package struct Sums {
    private var count = 0
    /// The first part's mean, `[1, width]`, from which all are measured, so that close tokens lose no digits.
    private var origin: Tensor?
    private var first: [Double] = []
    private var second: [Double] = []

    package init() {}

    /// - Parameter tokens: `[·, width]`
    package mutating func add(_ tokens: Tensor) {
      let width = tokens.shape.last!
      let unit = tokens.reshaped([tokens.count / width, width]).normalized()
      let origin = self.origin ?? unit.mean(axes: [0], keep: true)
      let centred = unit - origin
      let sums = centred.sum(axes: [0]).values(as: Float.self)
      let products = matrixProduct(centred, centred, transposeA: true).values(as: Float.self)
      if self.origin == nil {
        self.origin = origin
        (first, second) = (.init(repeating: 0, count: width), .init(repeating: 0, count: width * width))
      }
      for index in first.indices { first[index] += Double(sums[index]) }
      for index in second.indices { second[index] += Double(products[index]) }
      count += unit.shape[0]
    }

    package var statistics: TokenStatistics {
      let (width, count) = (first.count, Double(count))
      var (trace, squares) = (0.0, 0.0)
      for row in 0..<width {
        for column in 0..<width {
          let covariance = second[row * width + column] / count - first[row] / count * (first[column] / count)
          if row == column { trace += covariance }
          squares += covariance * covariance
        }
      }
      return TokenStatistics(rank: squares > 0 ? trace * trace / squares : 0, spread: trace)
    }
  }
}
