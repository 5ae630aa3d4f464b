import Tensors

/// Turns a teacher's logits into targets that use all prototypes alike (Caron et al., "Unsupervised learning of visual
/// features by contrasting cluster assignments", NeurIPS 2020): exp(logits / temperature), then in turns every prototype's
/// column brought to the same total and every sample's row to the sum 1.
///
/// The samples are those of a whole batch, too many at once for a matrix `[samples, prototypes]`: where the matrix is large, its
/// rows are computed again in each round.
public struct SinkhornKnopp {
  private let balanced: any BalancedTargets

  /// - Parameters:
  ///   - samples: R, of the whole batch.
  ///   - prototypes: K.
  ///   - keptElements: a matrix of more is computed again in each round, so many elements at once.
  ///   - logits: those of some of the samples, float32 `[·, K]`; asked for repeatedly.
  public init(
    samples: Int, prototypes: Int, temperature: Double, rounds: Int = 3, keptElements: Int = 1 << 25,
    logits: @escaping (_ samples: Range<Int>) -> Tensor
  ) {
    balanced = Device.current.backend.sinkhornKnopp(
      SinkhornKnoppProblem(
        samples: samples, prototypes: prototypes, temperature: temperature, rounds: rounds,
        keptElements: keptElements, logits: logits))
  }

  /// The targets of some of the samples, float32 `[·, K]`; each row's sum is 1.
  public func targets(_ samples: Range<Int>) -> Tensor { balanced.targets(samples) }

  /// Targets `[R, K]` for logits `[R, K]`, all of the batch's.
  public static func targets(_ logits: Tensor, temperature: Double, rounds: Int = 3) -> Tensor {
    let samples = logits.shape[0]
    return Self(samples: samples, prototypes: logits.shape[1], temperature: temperature, rounds: rounds) {
      $0.count == samples ? logits : logits.sliced(axis: 0, $0)
    }.targets(0..<samples)
  }
}
