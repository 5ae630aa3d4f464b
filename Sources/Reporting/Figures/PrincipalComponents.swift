import Random
import Tensors

/// The directions in which vectors vary most, by subspace iteration on their covariance in double precision.
package struct PrincipalComponents {
  package let mean: [Double]
  /// Unit vectors at right angles, the one of the greatest variance first; each one's entry of the greatest size is positive.
  package let directions: [[Double]]
  /// The variance along each, as a part of the whole.
  package let shares: [Double]

  /// - Parameters:
  ///   - vectors: float32 `[N, width]`.
  ///   - count: how many directions, at most the width.
  package init(of vectors: Tensor, count: Int) {
    let (rows, width) = (vectors.shape[0], vectors.shape[1])
    precondition(rows > 0 && count > 0 && count <= width, "\(count) directions of \(vectors.shape)")
    let centre = vectors.mean(axes: [0], keep: true)
    let centred = vectors - centre
    mean = centre.values(as: Float.self).map(Double.init)
    let covariance = (matrixProduct(centred, centred, transposeA: true) / Double(rows)).values(as: Float.self).map(
      Double.init)
    let trace = (0..<width).reduce(0) { $0 + covariance[$1 * width + $1] }
    // More directions than asked for make the wanted ones settle sooner.
    let subspace = min(width, count + 8)
    var basis = (0..<subspace).map { index -> [Double] in
      var random = CounterRandom(seed: 0, purpose: "principal components", sample: index)
      return (0..<width).map { _ in random.normal() }
    }
    Self.orthonormalise(&basis)
    var values = [Double](repeating: 0, count: subspace)
    for _ in 0..<1000 {
      var next = basis.map { Self.product(covariance, $0) }
      let found = zip(next, basis).map { Self.dot($0, $1) }
      Self.orthonormalise(&next)
      let change = zip(found, values).map { abs($0 - $1) }.max()!
      (basis, values) = (next, found)
      if change <= 1e-12 * max(trace, .leastNormalMagnitude) { break }
    }
    let order = (0..<subspace).sorted { values[$0] > values[$1] || (values[$0] == values[$1] && $0 < $1) }.prefix(count)
    directions = order.map { index in
      let vector = basis[index]
      let greatest = vector.max { abs($0) < abs($1) }!
      return greatest < 0 ? vector.map { -$0 } : vector
    }
    shares = order.map { trace > 0 ? max(0, values[$0]) / trace : 0 }
  }

  /// The coordinates of vectors `[N, width]` along the directions, row by row.
  func coordinates(of vectors: Tensor) -> [[Double]] {
    let width = vectors.shape[1]
    return vectors.moved(to: .cpu).withUnsafeElements(of: Float.self) { values in
      (0..<vectors.shape[0]).map { row in
        directions.map { direction in
          var sum = 0.0
          for index in 0..<width { sum += (Double(values[row * width + index]) - mean[index]) * direction[index] }
          return sum
        }
      }
    }
  }

  private static func dot(_ a: [Double], _ b: [Double]) -> Double { zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } }

  private static func product(_ matrix: [Double], _ vector: [Double]) -> [Double] {
    let width = vector.count
    return matrix.withUnsafeBufferPointer { matrix in
      vector.withUnsafeBufferPointer { vector in
        (0..<width).map { row in
          var sum = 0.0
          for column in 0..<width { sum += matrix[row * width + column] * vector[column] }
          return sum
        }
      }
    }
  }

  /// Gram-Schmidt, twice for each vector; one without a direction of its own becomes zero.
  private static func orthonormalise(_ basis: inout [[Double]]) {
    for index in basis.indices {
      for _ in 0..<2 {
        for other in 0..<index {
          let part = dot(basis[index], basis[other])
          for place in basis[index].indices { basis[index][place] -= part * basis[other][place] }
        }
      }
      let length = dot(basis[index], basis[index]).squareRoot()
      for place in basis[index].indices { basis[index][place] = length > 1e-300 ? basis[index][place] / length : 0 }
    }
  }
}
