import Pretraining
import Random
import Tensors
import Networks

/// Pictures of stripes and spots of several widths.
let stripedImages = PretrainingImages(count: 24) { index in
  Tensor(shape: [32, 32], of: Float.self) { values in
    var random = CounterRandom(seed: 5, purpose: "pretraining test", sample: index)
    let (across, down) = (random.uniform(0.1, 1.5), index % 3 == 0 ? 0 : random.uniform(0.1, 1.5))
    for y in 0..<32 {
      for x in 0..<32 {
        let wave =
          index % 2 == 0 ? across * Double(x) + down * Double(y) : across * Double((x - 16) * (x - 16) + y * y) / 16
        values[y * 32 + x] = Float(wave.truncatingRemainder(dividingBy: 2) + 0.1 * random.normal())
      }
    }
  }
}

func smallConfiguration(
  iterations: Int = 12, maskedWeight: Double = 1, identity: String = "a", learningRate: Double = 2e-3
) -> SelfDistillationConfiguration {
  SelfDistillationConfiguration(
    backbone: VisionTransformerConfiguration(
      width: 16, depth: 2, heads: 2, patch: 4, channels: 1, storageTokens: 1, layerScale: 0.1,
      dropPath: DropPath(rate: 0.2)),
    views: MultiCropViews(globalSize: 16, localSize: 8, localCount: 2),
    head: .init(hiddenWidth: 32, bottleneckWidth: 16, prototypes: 24, initialDeviation: 0.2), seed: 9,
    iterations: iterations, batch: 4,
    maskedWeight: maskedWeight, koLeoWeight: 0.1, teacherTemperature: (0.04, 0.07, 5), momentum: (0.95, 1),
    learningRate: learningRate, schedule: .cosine(warmUp: 3, end: 1e-6), frozenLastLayerIterations: 2,
    iterationsPerRecord: 4,
    iterationsPerCheckpoint: 5, identity: identity)
}
