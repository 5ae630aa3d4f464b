/// What a supervised training does, in plain numbers. The defaults are the published Primus trainers'.
public struct SupervisedTrainingConfiguration: Sendable {
  public var epochs: Int
  public var stepsPerEpoch: Int
  public var validationSteps: Int
  /// Seeds what the network draws in training (DropPath).
  public var seed: UInt64
  public var optimizer: OptimizerKind
  /// The learning rate of parameters that start at random.
  public var learningRate: Double
  /// The learning rate of the parameters named `encoder.…`, if there are any.
  public var encoderLearningRate: Double
  /// Of every parameter: biases and norms too, as the published trainers have it.
  public var weightDecay: Double
  /// The factor of the learning rates from epoch to epoch.
  public var schedule: LearningRateSchedule
  /// The greatest norm of all gradients together.
  public var gradientNorm: Double
  public var loss: SegmentationLoss
  /// Whether networks' parts are computed again on the way back instead of kept: less memory, the same bits.
  public var recomputes: Bool
  /// A checkpoint is written after every so many epochs, and at the end.
  public var epochsPerCheckpoint: Int
  /// The digest of everything that determines the result (recipe, data): checkpoints of another one are refused.
  public var identity: String

  public init(
    epochs: Int = 1000, stepsPerEpoch: Int = 250, validationSteps: Int = 50, seed: UInt64 = 0,
    optimizer: OptimizerKind = .adamW(beta1: 0.9, beta2: 0.98, epsilon: 1e-8), learningRate: Double = 3e-4,
    encoderLearningRate: Double = 3e-4, weightDecay: Double = 5e-2,
    schedule: LearningRateSchedule = LearningRateSchedule(.polynomial(power: 1)),
    gradientNorm: Double = 12, loss: SegmentationLoss = SegmentationLoss(), recomputes: Bool = false,
    epochsPerCheckpoint: Int = 50,
    identity: String
  ) {
    precondition(
      epochs > 0 && stepsPerEpoch > 0 && validationSteps >= 0 && epochsPerCheckpoint > 0 && gradientNorm > 0,
      "a training without epochs, steps or room for gradients")
    self.epochs = epochs
    self.stepsPerEpoch = stepsPerEpoch
    self.validationSteps = validationSteps
    self.seed = seed
    self.optimizer = optimizer
    self.learningRate = learningRate
    self.encoderLearningRate = encoderLearningRate
    self.weightDecay = weightDecay
    self.schedule = schedule
    self.gradientNorm = gradientNorm
    self.loss = loss
    self.recomputes = recomputes
    self.epochsPerCheckpoint = epochsPerCheckpoint
    self.identity = identity
  }
}
