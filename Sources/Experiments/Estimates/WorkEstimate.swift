import Recipes

/// How much arithmetic a step of a segmentation recipe's training takes: by it a time that was measured of one training is
/// scaled to another.
struct WorkEstimate {
  /// Multiplications and additions, forward and backward (three times the forward pass).
  let operationsPerStep: Double

  /// Nil when the batch, the patch or the network is only known after planning.
  init?(_ recipe: SegmentationRecipe, classes: Int = 16) {
    guard let side = recipe.plan.configuration.patchSize, let batch = recipe.plan.batchSize,
      let forward = recipe.network.trainable.forwardOperations(height: side, width: side, classes: classes)
    else { return nil }
    operationsPerStep = 2 * 3 * forward * Double(batch)
  }
}
