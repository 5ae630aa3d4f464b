import Networks
import Training

/// What a self-distillation does, in plain numbers. The defaults are DINOv2's and DINOv3's where a size does not decide.
public struct SelfDistillationConfiguration: Sendable {
  /// Student and teacher; DropPath is the student's.
  public var backbone: VisionTransformerConfiguration
  public var views: MultiCropViews
  /// The head on class tokens.
  public var head: ProjectionHead.Configuration
  /// The head on masked patches.
  public var patchHead: ProjectionHead.Configuration
  public var seed: UInt64
  public var iterations: Int
  /// Images in each iteration.
  public var batch: Int

  /// The factor of the loss between views.
  public var viewWeight: Double
  /// The factor of the loss on masked patches; 0 masks nothing.
  public var maskedWeight: Double
  /// The factor of the loss that keeps images' class tokens apart, summed over the large views; DINOv3 takes 0.1.
  public var koLeoWeight: Double
  /// The probability that a large view of the student's has masked patches.
  public var maskProbability: Double
  /// Which part of such a view's patches.
  public var maskRatio: ClosedRange<Double>

  public var studentTemperature: Double
  /// The teacher's temperature rises in a straight line from the first to the second over so many iterations.
  public var teacherTemperature: (start: Double, end: Double, warmUp: Int)
  /// How much of the teacher stays in each iteration, along a cosine from the first to the second.
  public var momentum: (start: Double, end: Double)

  public var learningRate: Double
  public var finalLearningRate: Double
  public var warmUp: Int
  /// Decoupled, along a cosine from the first to the second; biases, norms and LayerScale do not decay.
  public var weightDecay: (start: Double, end: Double)
  public var betas: (first: Double, second: Double)
  public var epsilon: Double
  /// The greatest norm of all gradients together.
  public var gradientNorm: Double
  /// For so many iterations the prototypes stay as they are.
  public var frozenPrototypes: Int

  /// A record is taken after every so many iterations.
  public var iterationsPerRecord: Int
  /// A checkpoint is written after every so many iterations, and at the end.
  public var iterationsPerCheckpoint: Int
  /// The digest of everything that determines the result: checkpoints of another one are refused.
  public var identity: String

  public init(
    backbone: VisionTransformerConfiguration, views: MultiCropViews, head: ProjectionHead.Configuration = .init(),
    patchHead: ProjectionHead.Configuration? = nil, seed: UInt64 = 0, iterations: Int, batch: Int,
    viewWeight: Double = 1, maskedWeight: Double = 1, koLeoWeight: Double = 0, maskProbability: Double = 0.5,
    maskRatio: ClosedRange<Double> = 0.1...0.5, studentTemperature: Double = 0.1,
    teacherTemperature: (start: Double, end: Double, warmUp: Int), momentum: (start: Double, end: Double) = (0.992, 1),
    learningRate: Double, finalLearningRate: Double = 1e-6, warmUp: Int,
    weightDecay: (start: Double, end: Double) = (0.04, 0.4), betas: (first: Double, second: Double) = (0.9, 0.999),
    epsilon: Double = 1e-8, gradientNorm: Double = 3, frozenPrototypes: Int, iterationsPerRecord: Int = 10,
    iterationsPerCheckpoint: Int, identity: String
  ) {
    precondition(iterations > 0 && batch > 0 && iterationsPerRecord > 0 && iterationsPerCheckpoint > 0, "no iterations")
    precondition(views.globalSize % backbone.patch == 0 && views.localSize % backbone.patch == 0, "views in patches")
    precondition(maskRatio.lowerBound >= 0 && maskRatio.upperBound <= 1, "a part of the patches")
    self.backbone = backbone
    self.views = views
    self.head = head
    self.patchHead = patchHead ?? head
    self.seed = seed
    self.iterations = iterations
    self.batch = batch
    self.viewWeight = viewWeight
    self.maskedWeight = maskedWeight
    self.koLeoWeight = koLeoWeight
    self.maskProbability = maskProbability
    self.maskRatio = maskRatio
    self.studentTemperature = studentTemperature
    self.teacherTemperature = teacherTemperature
    self.momentum = momentum
    self.learningRate = learningRate
    self.finalLearningRate = finalLearningRate
    self.warmUp = warmUp
    self.weightDecay = weightDecay
    self.betas = betas
    self.epsilon = epsilon
    self.gradientNorm = gradientNorm
    self.frozenPrototypes = frozenPrototypes
    self.iterationsPerRecord = iterationsPerRecord
    self.iterationsPerCheckpoint = iterationsPerCheckpoint
    self.identity = identity
  }

  /// What the schedules say in an iteration counted from 0.
  struct Moment {
    let learningRate, weightDecay, momentum, teacherTemperature: Double
  }

  func moment(_ iteration: Int) -> Moment {
    let warmUp = teacherTemperature.warmUp
    let progress = warmUp > 0 ? min(1, Double(iteration) / Double(warmUp)) : 1
    return Moment(
      learningRate: CosineSchedule(peak: learningRate, end: finalLearningRate, warmUp: self.warmUp, total: iterations)
        .value(at: iteration),
      weightDecay: CosineSchedule(peak: weightDecay.start, end: weightDecay.end, total: iterations).value(
        at: iteration),
      momentum: CosineSchedule(peak: momentum.start, end: momentum.end, total: iterations).value(at: iteration),
      teacherTemperature: teacherTemperature.start
        + (teacherTemperature.end - teacherTemperature.start) * progress)
  }
}

/// What some iterations of self-distillation were like.
public struct PretrainingRecord: Sendable, Equatable {
  /// How many iterations were finished.
  public var iterations: Int
  /// The mean losses of the iterations since the last record.
  public var viewLoss: Double
  /// Of those views that have masked patches.
  public var maskedLoss: Double
  public var koLeoLoss: Double
  /// The mean entropy of the teacher's targets in nats, in the last iteration as all that follows.
  public var teacherEntropy: Double
  /// In how many directions the teacher's patch tokens vary, and how much: see `TokenStatistics`.
  public var tokenRank: Double
  public var tokenSpread: Double
  /// Of all gradients together, before clipping.
  public var gradientNorm: Double
  public var learningRate: Double

  static let columns = [
    "iterations", "viewLoss", "maskedLoss", "koLeoLoss", "teacherEntropy", "tokenRank", "tokenSpread", "gradientNorm",
    "learningRate",
  ]

  var values: [Double] {
    [
      Double(iterations), viewLoss, maskedLoss, koLeoLoss, teacherEntropy, tokenRank, tokenSpread, gradientNorm,
      learningRate,
    ]
  }

  init(_ values: [Double]) {
    iterations = Int(exactly: values[0]) ?? 0
    viewLoss = values[1]
    maskedLoss = values[2]
    koLeoLoss = values[3]
    teacherEntropy = values[4]
    tokenRank = values[5]
    tokenSpread = values[6]
    gradientNorm = values[7]
    learningRate = values[8]
  }
}

/// Why a self-distillation cannot go on.
public enum PretrainingError: Error, CustomStringConvertible, Equatable {
  /// The loss or its gradient became infinite or not a number.
  case diverged(iteration: Int)
  /// The teacher says the same of everything.
  case collapsed(iteration: Int, sign: String)

  public var description: String {
    switch self {
    case .diverged(let iteration):
      return "The loss or its gradient is no longer finite in iteration \(iteration); a lower learning rate may help. "
        + "The last checkpoint is untouched."
    case .collapsed(let iteration, let sign):
      return "Self-distillation has collapsed by iteration \(iteration): \(sign). A lower learning rate, a higher "
        + "momentum of the teacher or more varied images may help. The last checkpoint is untouched."
    }
  }
}
