import Tensors

/// Clipping of gradients by their common Euclidean norm.
public enum GradientClipping {
  /// The Euclidean norm of the parameters' gradients taken as one vector, summed in the parameters' order.
  public static func globalNorm(_ gradients: Gradients, of parameters: [Parameter]) -> Double {
    var sum = 0.0
    for parameter in parameters {
      if let gradient = gradients[parameter] { sum += ParameterKernels.sumOfSquares(gradient) }
    }
    return sum.squareRoot()
  }

  /// What to multiply the gradients by so that their norm is at most `maximum`; the 1e-6 is PyTorch's.
  public static func scale(norm: Double, maximum: Double) -> Double { min(1, maximum / (norm + 1e-6)) }
}
