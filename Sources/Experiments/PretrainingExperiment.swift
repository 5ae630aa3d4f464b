import Datasets
import Files
import Foundation
import Networks
import Pretraining
import Recipes
import Tensors

/// Trains an encoder without labels, and leaves its weights for the rows that start from it.
struct PretrainingExperiment {
  let runner: Runner
  let recipe: ResolvedRecipe
  let settings: PretrainingRecipe
  let seed: UInt64
  let identity: String
  let folder: URL

  func run() throws -> RunRecord {
    var seconds: [String: Double] = [:]
    let checkpoints = try CheckpointFiles(folder, say: runner.say)
    let images = settings.images
    let trainer = try SelfDistillationTrainer(
      images: PretrainingImages(count: images.count) { index in
        Tensor(
          DeadLeaves.image(
            seed: images.seed, index: index, height: images.size, width: images.size, channels: .grey),
          shape: [images.size, images.size])
      }, configuration: configuration, checkpoint: checkpoints.latest)
    let outcome = try timed("train", &seconds) {
      try trainer.run(progress: runner.progress("pretraining"), isCancelled: runner.isCancelled)
    }
    guard outcome == .finished else { throw CancellationError() }
    let weights = folder.appendingPathComponent("weights.safetensors")
    let parameters = trainer.backbone.parameters
    try Safetensors.write(WeightMapping.own(parameters).arrays(of: parameters), to: weights)
    EngineMemory.releaseUnused()
    return RunRecord(
      description: RunRecord.Description(
        identity: identity, title: recipe.recipe.title, kind: recipe.recipe.kind.rawValue,
        profile: recipe.profile ?? "", seed: Int(seed), dataDigest: "", initialWeightsDigest: "", dependencies: [],
        weightsDigest: try Digest.sha256(ofFileAt: weights), seconds: seconds),
      recipe: recipe.yamlText, provenance: .current(root: runner.workspace.root), curves: curves(trainer.records),
      metrics: nil)
  }

  private var configuration: SelfDistillationConfiguration {
    let distillation = settings.selfDistillation
    return SelfDistillationConfiguration(
      backbone: VisionTransformerConfiguration(settings.vit),
      views: MultiCropViews(
        globalSize: distillation.globalCrops.size, localSize: distillation.localCrops.size,
        localCount: distillation.localCrops.count, globalScale: distillation.globalCrops.scale,
        localScale: distillation.localCrops.scale, brightness: distillation.jitter.brightness,
        contrast: distillation.jitter.contrast, gamma: distillation.jitter.gamma),
      head: ProjectionHead.Configuration(
        hiddenWidth: distillation.headHiddenWidth, bottleneckWidth: distillation.headBottleneckWidth,
        prototypes: distillation.prototypes),
      seed: seed, iterations: distillation.iterations, batch: distillation.batchSize,
      maskedWeight: distillation.maskedPatches.weight, maskProbability: distillation.maskedPatches.probability,
      maskRatio: distillation.maskedPatches.ratio, studentTemperature: distillation.studentTemperature,
      teacherTemperature: (
        distillation.teacherTemperature.first, distillation.teacherTemperature.last,
        distillation.temperatureWarmupIterations
      ), momentum: (distillation.teacherMomentum.first, distillation.teacherMomentum.last),
      learningRate: distillation.learningRate, finalLearningRate: distillation.finalLearningRate,
      warmUp: distillation.warmupIterations,
      weightDecay: (distillation.weightDecay.first, distillation.weightDecay.last),
      betas: (distillation.beta1, distillation.beta2), epsilon: distillation.epsilon,
      gradientNorm: distillation.gradientClip, frozenPrototypes: distillation.frozenLastLayerIterations,
      iterationsPerCheckpoint: max(10, distillation.iterations / 8), identity: identity)
  }

  private func curves(_ records: [PretrainingRecord]) -> [(name: String, values: [Double])] {
    [
      ("iterations", records.map { Double($0.iterations) }), ("view loss", records.map(\.viewLoss)),
      ("masked loss", records.map(\.maskedLoss)), ("teacher entropy", records.map(\.teacherEntropy)),
      ("token rank", records.map(\.tokenRank)), ("token spread", records.map(\.tokenSpread)),
      ("gradient norm", records.map(\.gradientNorm)), ("learning rate", records.map(\.learningRate)),
    ]
  }
}
