import Tensors

/// Keeps an image's features away from those of the image most like it: minus the mean logarithm of the distance to the
/// nearest other one, after Kozachenko and Leonenko's estimate of entropy (Sablayrolles et al., "Spreading vectors for
/// similarity search", ICLR 2019).
public enum KoLeoLoss {
  /// - Parameter features: `[B, width]` of one view, B at least 2; their lengths do not count.
  public static func loss(_ features: Tensor) -> Tensor {
    let count = features.shape[0]
    precondition(count > 1, "one image has no other")
    let unit = features.normalized(epsilon: 1e-8)
    let nearest = Tape.withoutRecording { nearestOthers(unit.detached) }
    let difference = unit - unit.gathered(nearest)
    let distance = ((difference * difference).sum(axes: [1]) + 1e-16).activated(.squareRoot)
    return (distance + 1e-8).activated(.logarithm).mean() * -1
  }

  /// For each row of unit vectors the index of the other one with the greatest product, the first of equal ones.
  private static func nearestOthers(_ unit: Tensor) -> Tensor {
    unit.device.backend.greatestOffDiagonal(matrixProduct(unit, unit, transposeB: true))
  }
}
