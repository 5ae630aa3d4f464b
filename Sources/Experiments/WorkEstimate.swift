import Foundation
import Recipes
import Tensors

/// How much arithmetic a segmentation recipe's training takes, and how long that is on this machine.
struct WorkEstimate {
  /// Multiplications and additions of the whole training, forward and backward (three times the forward pass).
  let operations: Double

  /// Nil when the batch, the patch or the network is only known after planning.
  init?(_ recipe: SegmentationRecipe, classes: Int = 16) {
    guard let side = recipe.plan.configuration.patchSize, let batch = recipe.plan.batchSize,
      let forward = recipe.network.trainable.forwardOperations(height: side, width: side, classes: classes)
    else { return nil }
    let steps = Double(recipe.training.epochs * recipe.training.stepsPerEpoch)
    operations = 2 * 3 * forward * Double(batch) * steps
  }

  /// Operations in a second that finished trainings reached here; nil when there are none to go by.
  static func rate(of finished: [(SegmentationRecipe, RunRecord)]) -> Double? {
    let known = finished.compactMap { recipe, record in
      WorkEstimate(recipe).flatMap { work in record.description.seconds["train"].map { (work.operations, $0) } }
    }
    let seconds = known.reduce(0) { $0 + $1.1 }
    // Records of other machines may hold any number.
    return seconds > 1e-3 && seconds.isFinite ? known.reduce(0) { $0 + $1.0 } / seconds : nil
  }

  /// Half of what matrix products reach here, measured in a moment: what trainings of larger networks reach at least.
  static func probedRate() -> Double {
    let size = 768
    let a = Tensor(repeating: 0.5, shape: [size, size])
    _ = matrixProduct(a, a)
    let start = ContinuousClock.now
    for _ in 0..<5 { _ = matrixProduct(a, a) }
    let seconds = (ContinuousClock.now - start) / .seconds(1)
    return 0.5 * 5 * 2 * pow(Double(size), 3) / max(seconds, 1e-9)
  }
}
