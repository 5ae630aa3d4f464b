import Tensors

#if canImport(Glibc)
  import Glibc
#endif

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
    let size = images * prototypes
    let sums = Tensor(shape: student.shape, of: Float.self) { sums in
      targets.withUnsafeElements(of: Float.self) { targets in
        for view in 0..<views {
          for teacherView in 0..<teacherViews where teacherView != view {
            for index in 0..<size { sums[view * size + index] += targets[teacherView * size + index] }
          }
          if localWeight != 1 && view >= teacherViews {
            for index in 0..<size { sums[view * size + index] *= Float(localWeight) }
          }
        }
      }
    }
    return (logSoftmax(student / temperature) * sums).sum() / -Double(pairs * images)
  }

  /// iBOT's loss: the cross-entropies of masked patches, averaged over the patches of each view, then over all views, of
  /// which those without masked patches count as 0 (Zhou et al., "iBOT: image BERT pre-training with online tokenizer",
  /// ICLR 2022).
  /// - Parameters:
  ///   - student: logits `[M, K]` of the masked patches, view by view.
  ///   - targets: `[M, K]`
  ///   - counts: how many masked patches each view has; their sum is M.
  public static func maskedPatches(student: Tensor, targets: Tensor, counts: [Int], temperature: Double) -> Tensor {
    precondition(counts.reduce(0, +) == student.shape[0], "\(counts) masked patches in \(student.shape)")
    let weights = counts.flatMap { count in [Float](repeating: 1 / Float(max(count, 1)), count: count) }
    let weighted = targets * Tensor(weights, shape: [weights.count, 1])
    return (logSoftmax(student / temperature) * weighted).sum() / -Double(counts.count)
  }

  /// The mean over the rows of the entropy -Σ p log p of targets `[R, K]`, in nats.
  public static func entropy(_ targets: Tensor) -> Double {
    targets.withUnsafeElements(of: Float.self) { values in
      var sum = 0.0
      for p in values where p > 0 { sum -= Double(p) * log(Double(p)) }
      return sum / Double(targets.shape[0])
    }
  }
}
