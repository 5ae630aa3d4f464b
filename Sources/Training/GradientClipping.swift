import Tensors

/// Clipping of gradients by their common Euclidean norm.
public enum GradientClipping {
  /// The Euclidean norm of the parameters' gradients taken as one vector, summed in the parameters' order.
  public static func globalNorm(_ gradients: Gradients, of parameters: [Parameter]) -> Double {
    let found = parameters.compactMap { gradients[$0] }
    return found.first.map { $0.device.backend.sumOfSquares(found).squareRoot() } ?? 0
  }

  /// What to multiply the gradients by so that their norm is at most `maximum`; the 1e-6 is PyTorch's.
  public static func scale(norm: Double, maximum: Double) -> Double { min(1, maximum / (norm + 1e-6)) }
}
