import Tensors

/// Clipping of all gradients together by their common Euclidean norm.
public enum GradientClipping {
  /// The Euclidean norm of the parameters' gradients taken as one vector, summed in the parameters' order.
  public static func globalNorm(_ gradients: Gradients, of parameters: [Parameter]) -> Double {
    var sum = 0.0
    for parameter in parameters {
      guard let gradient = gradients[parameter] else { continue }
      sum += gradient.withUnsafeElements(of: Float.self) { squaredNorm($0) }
    }
    return sum.squareRoot()
  }

  /// What to multiply the gradients by so that their norm is at most `maximum`; the 1e-6 is PyTorch's.
  public static func scale(norm: Double, maximum: Double) -> Double { min(1, maximum / (norm + 1e-6)) }

  /// Eight sums side by side, in double precision, added in a fixed order.
  private static func squaredNorm(_ values: UnsafeBufferPointer<Float>) -> Double {
    var sums = SIMD8<Double>.zero
    let whole = values.count / 8 * 8
    let bytes = UnsafeRawPointer(values.baseAddress!)
    for index in stride(from: 0, to: whole, by: 8) {
      let eight = SIMD8<Double>(bytes.loadUnaligned(fromByteOffset: index * 4, as: SIMD8<Float>.self))
      sums += eight * eight
    }
    var sum = sums.sum()
    for index in whole..<values.count { sum += Double(values[index]) * Double(values[index]) }
    return sum
  }
}
