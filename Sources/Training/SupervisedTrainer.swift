import Datasets
import Files
import Foundation
import Networks
import Tensors

/// How a training's run ended.
public enum TrainingOutcome: Sendable, Equatable {
  case finished
  /// The caller asked it to stop; the checkpoint holds the place where it goes on.
  case cancelled
}

/// Gives the batch of a step. A function of its two arguments alone.
public typealias BatchProvider = (_ epoch: Int, _ step: Int) throws -> Batch

/// Trains a segmentation network with labels, in nnU-Net's manner: epochs of a fixed number of steps, the learning rate
/// falling from epoch to epoch, a few validation batches after each epoch.
///
/// Equal configurations, batches and initial weights give equal bits, whether or not the training was stopped and resumed.
public final class SupervisedTrainer {
  public let network: any SegmentationNetwork
  public let configuration: SupervisedTrainingConfiguration
  /// Where checkpoints are written, and read when the training goes on.
  public let checkpoint: URL
  /// What the finished epochs were like.
  public private(set) var records: [EpochRecord] = []

  /// What checkpoints of this trainer call themselves.
  public static let checkpointKind = "supervised training"

  /// The network's, where batches go.
  private let device: Device
  private let training: BatchProvider
  private let validation: BatchProvider?
  private let optimizer: any Optimizer
  /// Steps finished in the epoch under way, and the sum of their losses.
  private var step = 0
  private var lossSum = 0.0
  /// When the last checkpoint was written, or the training began.
  private var lastCheckpoint = ContinuousClock.now

  /// - Parameters:
  ///   - training: the batch of each training step.
  ///   - validation: the batch of each validation step; without it no pseudo-Dice is taken.
  ///   - checkpoint: an HDF5 file. If it is there, `run` goes on from it.
  public init(
    network: any SegmentationNetwork, training: @escaping BatchProvider, validation: BatchProvider?,
    configuration: SupervisedTrainingConfiguration, checkpoint: URL
  ) {
    self.network = network
    device = network.device
    self.training = training
    self.validation = configuration.validationSteps > 0 ? validation : nil
    self.configuration = configuration
    self.checkpoint = checkpoint
    // The published code lists the decoder first; sums over parameters follow this order.
    optimizer = configuration.optimizer.optimizer(
      [
        ParameterGroup(
          name: "decoder", parameters: network.decoderParameters.filter(\.isTrainable),
          learningRate: configuration.learningRate, weightDecay: configuration.weightDecay),
        ParameterGroup(
          name: "encoder", parameters: network.encoderParameters.filter(\.isTrainable),
          learningRate: configuration.encoderLearningRate, weightDecay: configuration.weightDecay),
      ].filter { !$0.parameters.isEmpty })
  }

  /// Trains from the checkpoint, if there is one, to the last epoch.
  /// - Parameters:
  ///   - progress: told of every step.
  ///   - isCancelled: asked after every step; when true, a checkpoint is written and the run ends.
  ///   - onResume: told how many steps of how many were done when it goes on from a checkpoint.
  ///   - onEpoch: gets the record of every epoch as it ends; those of a resumed training's earlier epochs come first.
  /// - Throws: `TrainingError` when the loss is no longer finite, `CheckpointError` when the checkpoint belongs to another
  ///   training, `FileError` and `HDF5Error` about the file, and what the batches throw.
  public func run(
    progress: Files.Progress = .silent, isCancelled: () -> Bool = { false },
    onResume: (_ done: Int, _ total: Int) -> Void = { _, _ in }, onEpoch: (EpochRecord) throws -> Void = { _ in }
  ) throws -> TrainingOutcome {
    try device { try train(progress, isCancelled, onResume, onEpoch) }
  }

  private func train(
    _ progress: Files.Progress, _ isCancelled: () -> Bool, _ onResume: (_ done: Int, _ total: Int) -> Void,
    _ onEpoch: (EpochRecord) throws -> Void
  ) throws -> TrainingOutcome {
    if FileManager.default.fileExists(atPath: checkpoint.path) { try resume() }
    for record in records { try onEpoch(record) }
    let total = configuration.epochs * configuration.stepsPerEpoch
    let done = records.count * configuration.stepsPerEpoch + step
    if done > 0 && done < total { onResume(done, total) }
    if done < total { progress(done, of: total) }
    lastCheckpoint = .now
    while records.count < configuration.epochs {
      let epoch = records.count
      let start = ContinuousClock.now
      let decay = configuration.schedule.factor(at: epoch, of: configuration.epochs)
      while step < configuration.stepsPerEpoch {
        guard let loss = try trainingStep(epoch: epoch, decay: decay) else {
          try writeCheckpoint()
          return .cancelled
        }
        lossSum += loss
        step += 1
        let last = records.last.map { ", pseudo-Dice \(String(format: "%.3f", $0.meanPseudoDice))" } ?? ""
        progress(
          epoch * configuration.stepsPerEpoch + step, of: total,
          note: "epoch \(epoch + 1)/\(configuration.epochs), loss \(String(format: "%.3f", loss))\(last)")
        if isCancelled() {
          try writeCheckpoint()
          return .cancelled
        }
        if ContinuousClock.now - lastCheckpoint > Checkpoint.longestWait { try writeCheckpoint() }
      }
      guard let (validationLoss, dice) = try validate(epoch: epoch, isCancelled) else {
        try writeCheckpoint()
        return .cancelled
      }
      let mean = dice?.mean ?? .nan
      let record = EpochRecord(
        epoch: epoch, learningRates: optimizer.groups.map { $0.learningRate * decay },
        trainingLoss: lossSum / Double(configuration.stepsPerEpoch), validationLoss: validationLoss,
        pseudoDice: dice?.perClass ?? [], meanPseudoDice: mean,
        movingAverage: EpochRecord.movingAverage(after: records.last?.movingAverage, mean: mean),
        seconds: (ContinuousClock.now - start) / .seconds(1))
      records.append(record)
      (step, lossSum) = (0, 0)
      let isLast = records.count == configuration.epochs
      if isLast || records.count % configuration.epochsPerCheckpoint == 0 { try writeCheckpoint() }
      try onEpoch(record)
      if !isLast && isCancelled() {
        try writeCheckpoint()
        return .cancelled
      }
    }
    return .finished
  }

  // MARK: - Steps

  /// A batch on the network's device; nil when a stop was asked for while it was made, before anything has changed.
  private func batch(_ provider: BatchProvider, epoch: Int, step: Int) throws -> Batch? {
    do {
      return try Device.cpu { try provider(epoch, step) }.moved(to: device)
    } catch is CancellationError {
      return nil
    }
  }

  /// The step's loss; nil when it was not taken.
  private func trainingStep(epoch: Int, decay: Double) throws -> Double? {
    guard let batch = try batch(training, epoch: epoch, step: step) else { return nil }
    let (loss, gradients) = Tape.gradients(recomputing: configuration.recomputes) {
      let context = ForwardContext.training(seed: configuration.seed, epoch: epoch, step: step)
      return configuration.loss(outputs: network.logits(batch.images, context), labels: batch.labels)
    }
    let value = loss.scalarValue
    guard value.isFinite else {
      throw TrainingError.divergedLoss(epoch: epoch, step: step, validating: false, loss: value)
    }
    let norm = GradientClipping.globalNorm(gradients, of: optimizer.parameters)
    guard norm.isFinite else { throw TrainingError.divergedGradient(epoch: epoch, step: step) }
    optimizer.step(
      gradients, gradientScale: GradientClipping.scale(norm: norm, maximum: configuration.gradientNorm),
      learningRateFactor: decay, weightDecayFactor: 1)
    return value
  }

  /// The mean validation loss and the pseudo-Dice, NaN and nil without validation; nil when cancelled on the way.
  private func validate(epoch: Int, _ isCancelled: () -> Bool) throws -> (loss: Double, dice: PseudoDice?)? {
    guard let validation else { return (.nan, nil) }
    var sum = 0.0
    var dice: PseudoDice?
    for step in 0..<configuration.validationSteps {
      guard let batch = try batch(validation, epoch: epoch, step: step) else { return nil }
      let outputs = network.logits(batch.images, .evaluation)
      let loss = configuration.loss(outputs: outputs, labels: batch.labels).scalarValue
      guard loss.isFinite else {
        throw TrainingError.divergedLoss(epoch: epoch, step: step, validating: true, loss: loss)
      }
      sum += loss
      var counts =
        dice ?? configuration.loss.regions.map(PseudoDice.init(regions:)) ?? PseudoDice(classCount: outputs[0].shape[1])
      counts.add(logits: outputs[0], labels: batch.labels)
      dice = counts
      if isCancelled() { return nil }
    }
    return (sum / Double(configuration.validationSteps), dice)
  }

  // MARK: - Checkpoints

  private func writeCheckpoint() throws {
    defer { lastCheckpoint = .now }
    var state = Checkpoint(kind: Self.checkpointKind, configuration: configuration.identity)
    state.counters = [("epochs", records.count), ("step", step)]
    state.curves = [
      ("trainingLoss", records.map(\.trainingLoss)), ("validationLoss", records.map(\.validationLoss)),
      ("meanPseudoDice", records.map(\.meanPseudoDice)), ("movingAverage", records.map(\.movingAverage)),
      ("learningRates", records.flatMap(\.learningRates)), ("pseudoDice", records.flatMap(\.pseudoDice)),
      ("lossSum", [lossSum]),
    ]
    try Cancellation.deferred {
      try state.write(to: checkpoint, [("network", network.parameters)], optimizer: optimizer)
    }
    try EpochSeconds.write(records.map(\.seconds), beside: checkpoint)
  }

  private func resume() throws {
    let names = [
      "trainingLoss", "validationLoss", "meanPseudoDice", "movingAverage", "learningRates", "pseudoDice", "lossSum",
    ]
    let state = try Checkpoint.read(
      checkpoint, kind: Self.checkpointKind, configuration: configuration.identity, counters: ["epochs", "step"],
      curves: names, [("network", network.parameters)], optimizer: optimizer)
    let epochs = state.counters[0].value
    let curves = state.curves.map(\.values)
    let classes = epochs == 0 ? 0 : curves[5].count / epochs
    guard epochs <= configuration.epochs, state.counters[1].value <= configuration.stepsPerEpoch,
      curves[0..<4].allSatisfy({ $0.count == epochs }), curves[4].count == epochs * optimizer.groups.count,
      curves[5].count == epochs * classes, curves[6].count == 1
    else {
      throw CheckpointError.inconsistent(path: checkpoint.path, problem: "its curves do not have \(epochs) epochs")
    }
    let seconds = EpochSeconds.read(beside: checkpoint, count: epochs)
    let groups = optimizer.groups.count
    records = (0..<epochs).map { epoch in
      EpochRecord(
        epoch: epoch, learningRates: Array(curves[4][(epoch * groups)..<((epoch + 1) * groups)]),
        trainingLoss: curves[0][epoch], validationLoss: curves[1][epoch],
        pseudoDice: Array(curves[5][(epoch * classes)..<((epoch + 1) * classes)]), meanPseudoDice: curves[2][epoch],
        movingAverage: curves[3][epoch], seconds: seconds[epoch])
    }
    step = state.counters[1].value
    lossSum = curves[6][0]
  }
}
