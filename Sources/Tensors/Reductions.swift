/// What training and prediction count and choose, without a gradient.
package protocol Reductions {
  /// Pixels of each class, or of each region, predicted rightly, wrongly, and missed: int32 `[3, C]`. The prediction is the
  /// class of the greatest logit, the first of equal ones, or every region whose logit exceeds `threshold`.
  /// - Parameters:
  ///   - logits: float32 `[N, C, H, W]`
  ///   - labels: int32 `[N, H, W]`, those below 0 ignored.
  func overlapCounts(logits: Tensor, labels: Tensor, regions: RegionTable?, threshold: Float) -> Tensor

  /// Labels int32 `[N, H, W]` at another size, each pixel the one under its centre (PyTorch's "nearest-exact").
  func resizedLabels(_ labels: Tensor, height: Int, width: Int) -> Tensor

  /// For each row of a square matrix float32 `[B, B]` the place of its greatest element off the diagonal, the first of equal
  /// ones: int32 `[B]`.
  func greatestOffDiagonal(_ matrix: Tensor) -> Tensor

  /// The mean over the rows of the entropy -Σ p log p of distributions float32 `[R, K]`, in nats.
  func entropy(_ distributions: Tensor) -> Double

  /// Sinkhorn-Knopp's balancing of a whole batch's logits.
  func sinkhornKnopp(_ problem: SinkhornKnoppProblem) -> any BalancedTargets
}

/// Logits of a batch to turn into targets that use all prototypes alike (Caron et al., "Unsupervised learning of visual
/// features by contrasting cluster assignments", NeurIPS 2020): exp(logits / temperature), then in turns every prototype's
/// column brought to the same total and every sample's row to the sum 1.
package struct SinkhornKnoppProblem {
  /// R, of the whole batch.
  package let samples: Int
  /// K
  package let prototypes: Int
  package let temperature: Double
  package let rounds: Int
  /// A matrix of more elements is computed again in each round, so many elements at once.
  package let keptElements: Int
  /// The logits of some of the samples, float32 `[·, K]`; asked for repeatedly.
  package let logits: (_ samples: Range<Int>) -> Tensor

  package init(
    samples: Int, prototypes: Int, temperature: Double, rounds: Int, keptElements: Int,
    logits: @escaping (_ samples: Range<Int>) -> Tensor
  ) {
    precondition(samples > 0 && prototypes > 0 && temperature > 0 && rounds > 0, "\(samples) samples' targets")
    (self.samples, self.prototypes, self.temperature) = (samples, prototypes, temperature)
    (self.rounds, self.keptElements, self.logits) = (rounds, keptElements, logits)
  }
}

/// What Sinkhorn-Knopp found.
package protocol BalancedTargets {
  /// The targets of some of the samples, float32 `[·, K]`; each row's sum is 1.
  func targets(_ samples: Range<Int>) -> Tensor
}
