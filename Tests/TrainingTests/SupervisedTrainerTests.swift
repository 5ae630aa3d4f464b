import Datasets
import Files
import Foundation
import Networks
import Random
import Tensors
import TestSupport
import Testing
import Training

/// Squares of three brightnesses, which say the label, on noise.
private func batch(_ purpose: String, _ epoch: Int, _ step: Int) -> Batch {
  var random = CounterRandom(seed: 3, purpose: purpose, epoch: epoch, step: step)
  var images = [Float](repeating: 0, count: 2 * 16 * 16)
  var labels = [Int32](repeating: 0, count: 2 * 16 * 16)
  for item in 0..<2 {
    for label in 1...2 {
      let (top, left) = (random.integer(below: 3) * 4, 8 * (label - 1))
      for y in top..<(top + 8) {
        for x in left..<(left + 8) { labels[(item * 16 + y) * 16 + x] = Int32(label) }
      }
    }
  }
  for index in images.indices { images[index] = Float(labels[index]) - 1 + Float(random.normal()) * 0.1 }
  return Batch(images: Tensor(images, shape: [2, 1, 16, 16]), labels: Tensor(labels, shape: [2, 16, 16]))
}

private func network(width: Int = 16, seed: UInt64 = 1) -> PrimusNetwork {
  PrimusNetwork(
    VisionTransformerConfiguration(
      width: width, depth: 2, heads: 2, patch: 4, channels: 1, storageTokens: 1, dropPath: DropPath(rate: 0.3)),
    blocks: [0, 1], classes: 3, Initializer(seed: seed))
}

private func configuration(
  epochs: Int = 4, identity: String = "a", learningRate: Double = 1e-2,
  optimizer: OptimizerKind = .adamW(beta1: 0.9, beta2: 0.98, epsilon: 1e-8)
) -> SupervisedTrainingConfiguration {
  SupervisedTrainingConfiguration(
    epochs: epochs, stepsPerEpoch: 5, validationSteps: 2, seed: 11, optimizer: optimizer, learningRate: learningRate,
    encoderLearningRate: learningRate / 2, epochsPerCheckpoint: 3, identity: identity)
}

private func trainer(
  _ checkpoint: URL, _ configuration: SupervisedTrainingConfiguration = configuration(), width: Int = 16
) -> SupervisedTrainer {
  SupervisedTrainer(
    network: network(width: width), training: { batch("training", $0, $1) },
    validation: { batch("validation", $0, $1) }, configuration: configuration, checkpoint: checkpoint)
}

@Suite struct SupervisedTrainerTests {
  @Test func lossFallsAndDiceRises() throws {
    try withTemporaryFolder { folder in
      let trainer = trainer(folder.appendingPathComponent("final.h5"), configuration(epochs: 12))
      var streamed: [EpochRecord] = []
      try #expect(trainer.run(onEpoch: { streamed.append($0) }) == .finished)
      #expect(streamed == trainer.records && streamed.map(\.epoch) == Array(0..<12))
      let (first, last) = (streamed[0], streamed[11])
      #expect(last.trainingLoss < first.trainingLoss - 0.8, "\(first.trainingLoss) to \(last.trainingLoss)")
      #expect(last.validationLoss < first.validationLoss)
      #expect(last.meanPseudoDice > 0.8, "\(last.pseudoDice)")
      #expect(abs(streamed[1].movingAverage - (0.9 * first.meanPseudoDice + 0.1 * streamed[1].meanPseudoDice)) < 1e-12)
      #expect(abs(streamed[6].learningRates[0] - 5e-3) < 1e-12 && abs(streamed[6].learningRates[1] - 2.5e-3) < 1e-12)
    }
  }

  /// A stop that comes while a batch is made loses no step.
  @Test func aStopWhileABatchIsMadeKeepsWhatWasDone() throws {
    try withTemporaryFolder { folder in
      let (whole, stopped) = (folder.appendingPathComponent("whole.h5"), folder.appendingPathComponent("stopped.h5"))
      try #expect(trainer(whole).run() == .finished)
      let interrupted = SupervisedTrainer(
        network: network(),
        training: { epoch, step in
          if (epoch, step) == (1, 2) { throw CancellationError() }
          return batch("training", epoch, step)
        }, validation: { batch("validation", $0, $1) }, configuration: configuration(), checkpoint: stopped)
      try #expect(interrupted.run() == .cancelled)
      var first: (epoch: Int, step: Int)?
      let resumed = SupervisedTrainer(
        network: network(),
        training: { epoch, step in
          if first == nil { first = (epoch, step) }
          return batch("training", epoch, step)
        }, validation: { batch("validation", $0, $1) }, configuration: configuration(), checkpoint: stopped)
      try #expect(resumed.run() == .finished)
      #expect(first?.epoch == 1 && first?.step == 2)
      try #expect(Data(contentsOf: stopped) == Data(contentsOf: whole))
    }
  }

  /// Stopped in the middle of an epoch, in validation and between epochs: the file has the bytes of one never stopped.
  @Test(arguments: [
    OptimizerKind.adamW(beta1: 0.9, beta2: 0.98, epsilon: 1e-8), .sgd(momentum: 0.99, nesterov: true),
  ])
  func resumingGivesTheSameBytes(optimizer: OptimizerKind) throws {
    func trainer(_ file: URL) -> SupervisedTrainer {
      TrainingTests.trainer(file, configuration(optimizer: optimizer))
    }
    try withTemporaryFolder { folder in
      let whole = folder.appendingPathComponent("whole.h5")
      try #expect(trainer(whole).run() == .finished)
      let again = folder.appendingPathComponent("again.h5")
      try #expect(trainer(again).run() == .finished)
      try #expect(Digest.sha256(ofFileAt: whole) == Digest.sha256(ofFileAt: again))

      // Asked after every training step and every validation step: 7 times an epoch and once after it.
      for stops in [[3], [6, 1], [8], [2, 2, 2, 2, 2], [23]] {
        let file = folder.appendingPathComponent("stopped\(stops).h5")
        for stop in stops {
          var asked = 0
          let outcome = try trainer(file).run(isCancelled: {
            asked += 1
            return asked == stop
          })
          #expect(outcome == .cancelled)
        }
        let last = trainer(file)
        try #expect(last.run() == .finished)
        #expect(last.records.count == 4)
        try #expect(Digest.sha256(ofFileAt: whole) == Digest.sha256(ofFileAt: file), "\(stops)")
      }
    }
  }

  @Test func finishedTrainingIsNotRepeated() throws {
    try withTemporaryFolder { folder in
      let file = folder.appendingPathComponent("final.h5")
      let first = trainer(file)
      #expect(try first.run() == .finished)
      let second = trainer(file)
      var records: [EpochRecord] = []
      try #expect(second.run(isCancelled: { true }, onEpoch: { records.append($0) }) == .finished)
      #expect(records.map(\.trainingLoss) == first.records.map(\.trainingLoss))
      #expect(records.map(\.pseudoDice) == first.records.map(\.pseudoDice))
      #expect(zip(records, first.records).allSatisfy { abs($0.seconds - $1.seconds) < 1e-3 })

      let other = network(seed: 2)
      #expect(Checkpoint.digest(of: other.parameters) != Checkpoint.digest(of: first.network.parameters))
      try Checkpoint.readParameters(file, kind: SupervisedTrainer.checkpointKind, ("network", other.parameters))
      #expect(Checkpoint.digest(of: other.parameters) == Checkpoint.digest(of: first.network.parameters))
    }
  }

  @Test func foreignCheckpointsAreRefused() throws {
    try withTemporaryFolder { folder in
      let file = folder.appendingPathComponent("final.h5")
      try #expect(trainer(file, configuration(epochs: 1)).run() == .finished)
      #expect(throws: CheckpointError.otherConfiguration(path: file.path, found: "a", expected: "b")) {
        try trainer(file, configuration(identity: "b")).run()
      }
      let wider = trainer(file, width: 32)
      let before = Checkpoint.digest(of: wider.network.parameters)
      let error = #expect(throws: CheckpointError.self) { try wider.run() }
      #expect(error?.description.contains("[1, 1, 16], not [1, 1, 32]") == true, "\(String(describing: error))")
      #expect(Checkpoint.digest(of: wider.network.parameters) == before)
      #expect(throws: CheckpointError.notACheckpoint(path: file.path, expected: "self-distillation")) {
        try Checkpoint.readParameters(file, kind: "self-distillation", ("network", wider.network.parameters))
      }
      let bytes = try Data(contentsOf: file)
      try bytes.prefix(bytes.count / 2).write(to: file)
      #expect(throws: HDF5Error.self) { try trainer(file).run() }
      try HDF5File.create(file, sealed: true) { try $0.write(text: "hello", to: "greeting") }
      #expect(throws: CheckpointError.self) { try trainer(file).run() }
    }
  }

  @Test func divergenceIsSaid() throws {
    try withTemporaryFolder { folder in
      let file = folder.appendingPathComponent("final.h5")
      let diverging = SupervisedTrainer(
        network: network(),
        training: { epoch, step in
          let sound = batch("training", epoch, step)
          return (epoch, step) == (1, 2)
            ? Batch(images: Tensor(repeating: .nan, shape: sound.images.shape), labels: sound.labels) : sound
        }, validation: nil, configuration: configuration(), checkpoint: file)
      let error = #expect(throws: TrainingError.self) { try diverging.run() }
      #expect(error?.description.contains("step 2 of epoch 1") == true)
      #expect(diverging.records.count == 1 && diverging.records[0].meanPseudoDice.isNaN)
      #expect(!FileManager.default.fileExists(atPath: file.path))
    }
  }
}
