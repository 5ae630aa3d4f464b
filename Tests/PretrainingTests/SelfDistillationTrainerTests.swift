import Files
import Foundation
import Networks
import Pretraining
import Tensors
import Testing
import Training

/// Pictures of stripes and spots of several widths.
private let images = PretrainingImages(count: 24) { index in
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

private func configuration(
  iterations: Int = 12, maskedWeight: Double = 1, identity: String = "a", learningRate: Double = 2e-3
) -> SelfDistillationConfiguration {
  SelfDistillationConfiguration(
    backbone: VisionTransformerConfiguration(
      width: 16, depth: 2, heads: 2, patch: 4, channels: 1, storageTokens: 1, layerScale: 0.1,
      dropPath: DropPath(rate: 0.2)),
    views: MultiCropViews(globalSize: 16, localSize: 8, localCount: 2),
    head: .init(hiddenWidth: 32, bottleneckWidth: 16, prototypes: 24), seed: 9, iterations: iterations, batch: 4,
    maskedWeight: maskedWeight, koLeoWeight: 0.1, teacherTemperature: (0.04, 0.07, 5), momentum: (0.95, 1),
    learningRate: learningRate,
    warmUp: 3, frozenPrototypes: 2, iterationsPerRecord: 4, iterationsPerCheckpoint: 5, identity: identity)
}

@Suite struct SelfDistillationTrainerTests {
  @Test func lossFalls() throws {
    try withTemporaryFolder { folder in
      let trainer = try SelfDistillationTrainer(
        images: images, configuration: configuration(iterations: 120, learningRate: 5e-3),
        checkpoint: folder.appendingPathComponent("pretraining.h5"))
      let before = Checkpoint.digest(of: trainer.backbone.parameters)
      var streamed: [PretrainingRecord] = []
      let outcome = try trainer.run(onRecord: { streamed.append($0) })
      #expect(outcome == .finished && streamed == trainer.records && streamed.count == 30)
      #expect(streamed.last!.viewLoss < streamed[0].viewLoss - 0.2, "\(streamed[0]) \(streamed.last!)")
      #expect(streamed.last!.maskedLoss < streamed[0].maskedLoss)
      #expect(streamed.allSatisfy { $0.tokenRank > 1 && $0.teacherEntropy > 0 })
      #expect(Checkpoint.digest(of: trainer.backbone.parameters) != before)
    }
  }

  @Test(arguments: [0.0, 1.0])
  func resumingGivesTheSameBytes(maskedWeight: Double) throws {
    try withTemporaryFolder { folder in
      func trainer(_ file: URL) throws -> SelfDistillationTrainer {
        try SelfDistillationTrainer(
          images: images, configuration: configuration(maskedWeight: maskedWeight), checkpoint: file)
      }
      let whole = folder.appendingPathComponent("whole.h5")
      let first = try trainer(whole)
      _ = try first.run()
      for stops in [[1], [4, 3], [2, 2, 2, 2, 2]] {
        let file = folder.appendingPathComponent("stopped\(stops).h5")
        for stop in stops {
          var asked = 0
          let outcome = try trainer(file).run(isCancelled: {
            asked += 1
            return asked == stop
          })
          #expect(outcome == .cancelled)
        }
        let last = try trainer(file)
        let outcome = try last.run()
        #expect(outcome == .finished && last.records == first.records)
        try #expect(Digest.sha256(ofFileAt: whole) == Digest.sha256(ofFileAt: file), "\(stops)")
      }
    }
  }

  @Test func collapseStops() throws {
    try withTemporaryFolder { folder in
      let file = folder.appendingPathComponent("pretraining.h5")
      let even = PretrainingImages(count: 1) { _ in Tensor(repeating: 2, shape: [32, 32]) }
      var same = configuration()
      same.views.brightness = 0
      let trainer = try SelfDistillationTrainer(images: even, configuration: same, checkpoint: file)
      let error = #expect(throws: PretrainingError.self) { try trainer.run() }
      #expect(error?.description.hasPrefix("Self-distillation has collapsed by iteration 4: the ") == true)
      #expect(!FileManager.default.fileExists(atPath: file.path))
    }
  }

  @Test func otherConfigurationIsRefused() throws {
    try withTemporaryFolder { folder in
      let file = folder.appendingPathComponent("pretraining.h5")
      _ = try SelfDistillationTrainer(images: images, configuration: configuration(iterations: 5), checkpoint: file)
        .run()
      #expect(throws: CheckpointError.otherConfiguration(path: file.path, found: "a", expected: "b")) {
        try SelfDistillationTrainer(images: images, configuration: configuration(identity: "b"), checkpoint: file).run()
      }
      #expect(throws: CheckpointError.notACheckpoint(path: file.path, expected: "supervised training")) {
        try Checkpoint.readParameters(file, kind: SupervisedTrainer.checkpointKind, ("network", []))
      }
    }
  }
}
