import Tensors

/// The cross-entropies between a teacher's targets and a student's softmax.
public enum SelfDistillationLoss {
  /// DINO's loss: the mean of the cross-entropies of every pair of a teacher's view and another view of the student's, over
  /// pairs and images.
  /// - Parameters:
  ///   - student: logits `[views · B, K]`, view by view, the teacher's views first and in the same order.
  ///   - targets: `[teacherViews · B, K]`, each row summing to 1.
  ///   - images: B.
  ///   - temperature: the student's.
  ///   - localWeight: a factor of the pairs of which the student's view is none of the teacher's; the mean's divisor stays.
  public static func views(
    student: Tensor, targets: Tensor, images: Int, temperature: Double, localWeight: Double = 1
  ) -> Tensor {
    let prototypes = student.shape[1]
    let (views, teacherViews) = (student.shape[0] / images, targets.shape[0] / images)
    precondition(views > 1 && teacherViews > 0 && targets.shape[1] == prototypes, "views to compare")
    let pairs = views * teacherViews - teacherViews
    // A view's cross-entropies with several targets are one with the targets' sum.
    let perView = (0..<teacherViews).map { targets.sliced(axis: 0, ($0 * images)..<(($0 + 1) * images)) }
    func sum(without view: Int) -> Tensor {
      let others = perView.indices.filter { $0 != view }.map { perView[$0] }
      guard let first = others.first else { return Tensor(zeros: [images, prototypes], on: targets.device) }
      return others.dropFirst().reduce(first) { $0 + $1 }
    }
    let small = views > teacherViews ? sum(without: views) * localWeight : nil
    let sums = concatenate((0..<views).map { $0 < teacherViews ? sum(without: $0) : small! }, axis: 0)
    return (logSoftmax(student / temperature) * sums).sum() / -Double(pairs * images)
  }

  /// iBOT's loss: the cross-entropies of masked patches, averaged over the patches of each view, then over all views, of
  /// which those without masked patches count as 0 (Zhou et al., "iBOT: image BERT pre-training with online tokenizer",
  /// ICLR 2022).
  /// - Parameters:
  ///   - student: logits `[M, K]` of the masked patches, view by view.
  ///   - targets: `[M, K]`
  ///   - weights: `[M, 1]`, one over the number of masked patches in a patch's view: `weights(counts:)`.
  ///   - views: how many there are, those without masked patches included.
  public static func maskedPatches(
    student: Tensor, targets: Tensor, weights: Tensor, views: Int, temperature: Double
  ) -> Tensor {
    precondition(weights.count == student.shape[0], "\(weights.shape) weights of \(student.shape)")
    return (logSoftmax(student / temperature) * (targets * weights)).sum() / -Double(views)
  }

  /// The weight `[M, 1]` of every masked patch, view by view.
  /// - Parameter counts: how many masked patches each view has; their sum is M.
  public static func weights(counts: [Int]) -> Tensor {
    let weights = counts.flatMap { count in [Float](repeating: 1 / Float(max(count, 1)), count: count) }
    return Tensor(weights, shape: [weights.count, 1])
  }

  /// The mean over the rows of the entropy -Σ p log p of targets `[R, K]`, in nats.
  public static func entropy(_ targets: Tensor) -> Double {
    targets.device.backend.entropy(targets)
  }
}
