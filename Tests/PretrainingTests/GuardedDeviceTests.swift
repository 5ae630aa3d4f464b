import Foundation
import TestSupport
import Networks
import Pretraining
import Random
import Tensors
import Testing

@Suite struct GuardedDeviceTests {
  private static let images = PretrainingImages(count: 6) { index in
    Tensor(shape: [32, 32], of: Float.self) { values in
      var random = CounterRandom(seed: 5, purpose: "images", sample: index)
      for place in values.indices { values[place] = Float(random.normal()) }
    }
  }

  /// An iteration's views and masks go to the device, and a few scalars come back.
  @Test func anIterationBringsViewsInAndAFewScalarsOut() throws {
    let guarded = GuardedBackend()
    let device = Device(guarded)
    func transfers(iterations: Int) throws -> GuardedBackend.Transfers {
      try withTemporaryFolder { folder in
        let configuration = SelfDistillationConfiguration(
          backbone: VisionTransformerConfiguration(width: 16, depth: 2, heads: 2, patch: 4, channels: 1),
          views: MultiCropViews(globalSize: 16, localSize: 8, localCount: 2),
          head: .init(hiddenWidth: 32, bottleneckWidth: 16, prototypes: 24, initialDeviation: 0.2), seed: 9,
          iterations: iterations, batch: 4, maskedWeight: 1, koLeoWeight: 0.1, teacherTemperature: (0.04, 0.07, 5),
          momentum: (0.95, 1), learningRate: 1e-3, schedule: .cosine(warmUp: 3, end: 1e-6),
          frozenLastLayerIterations: 2, iterationsPerRecord: 100, iterationsPerCheckpoint: 100, identity: "a")
        let trainer = try device {
          try SelfDistillationTrainer(
            images: Self.images, configuration: configuration,
            checkpoint: folder.appendingPathComponent("pretraining.h5"))
        }
        _ = guarded.takeTransfers()
        _ = try trainer.run()
        return guarded.takeTransfers()
      }
    }
    let (two, three) = (try transfers(iterations: 2), try transfers(iterations: 3))
    // Large and small views, and the mask, its patches' indices and their weights where patches are masked.
    #expect((2...5).contains(three.inCount - two.inCount))
    // Three losses and their sum, and the norms of the backbone's and the two heads' gradients.
    #expect(three.outCount - two.outCount <= 7)
    #expect(three.outBytes - two.outBytes <= 4 * 4 + 3 * 8)
  }
}
