import Tensors

/// A linear map from features to classes, fitted in closed form by ridge regression on one-hot targets: how much of the
/// classes a straight line sees in features that are not trained for them (Alain and Bengio, "Understanding intermediate
/// layers using linear classifier probes", 2016).
public struct LinearProbe {
  public let width: Int
  public let classes: Int
  /// Sums over the vectors of features, with a 1 appended: xᵀx and xᵀy.
  private var moments: [Double]
  private var products: [Double]
  private var count = 0.0

  public init(width: Int, classes: Int) {
    precondition(width > 0 && classes > 1, "a probe of \(width) features for \(classes) classes")
    self.width = width
    self.classes = classes
    moments = [Double](repeating: 0, count: (width + 1) * (width + 1))
    products = [Double](repeating: 0, count: (width + 1) * classes)
  }

  /// Adds vectors `[N, width]` with their classes.
  public mutating func add(_ features: Tensor, labels: [Int]) {
    precondition(features.shape == [labels.count, width], "\(features.shape) with \(labels.count) classes")
    let ones = Tensor(repeating: 1, shape: [labels.count, 1])
    let x = concatenate([features, ones], axis: 1)
    let targets = Tensor(shape: [labels.count, classes], of: Float.self) { values in
      for (row, label) in labels.enumerated() { values[row * classes + label] = 1 }
    }
    func accumulate(_ sum: inout [Double], _ product: Tensor) {
      product.moved(to: .cpu).withUnsafeElements(of: Float.self) { values in
        for index in values.indices { sum[index] += Double(values[index]) }
      }
    }
    accumulate(&moments, matrixProduct(x, x, transposeA: true))
    accumulate(&products, matrixProduct(x, targets, transposeA: true))
    count += Double(labels.count)
  }

  /// The map `[classes, width]` and its offsets `[classes]`.
  /// - Parameter penalty: of the squared weights, beside the mean squared error; the offsets are free.
  /// - Returns: nil when no vector was added.
  public func fit(penalty: Double = 1e-3) -> (weight: Tensor, bias: Tensor)? {
    guard count > 0 else { return nil }
    let size = width + 1
    var a = moments.map { $0 / count }
    for index in 0..<width { a[index * size + index] += penalty }
    a[size * size - 1] += 1e-12
    var b = products.map { $0 / count }
    Self.solve(&a, size, &b, classes)
    return (
      Tensor((0..<classes).flatMap { c in (0..<width).map { Float(b[$0 * classes + c]) } }, shape: [classes, width]),
      Tensor((0..<classes).map { Float(b[width * classes + $0]) }, shape: [classes])
    )
  }

  /// a x = b for a symmetric positive definite `a` by Cholesky's decomposition; x takes b's place.
  private static func solve(_ a: inout [Double], _ size: Int, _ b: inout [Double], _ columns: Int) {
    a.withUnsafeMutableBufferPointer { a in
      for j in 0..<size {
        for i in j..<size {
          var sum = a[i * size + j]
          for k in 0..<j { sum -= a[i * size + k] * a[j * size + k] }
          a[i * size + j] = i == j ? max(sum, 1e-30).squareRoot() : sum / a[j * size + j]
        }
      }
      b.withUnsafeMutableBufferPointer { b in
        for i in 0..<size {
          for c in 0..<columns {
            var sum = b[i * columns + c]
            for k in 0..<i { sum -= a[i * size + k] * b[k * columns + c] }
            b[i * columns + c] = sum / a[i * size + i]
          }
        }
        for i in (0..<size).reversed() {
          for c in 0..<columns {
            var sum = b[i * columns + c]
            for k in (i + 1)..<size { sum -= a[k * size + i] * b[k * columns + c] }
            b[i * columns + c] = sum / a[i * size + i]
          }
        }
      }
    }
  }
}
