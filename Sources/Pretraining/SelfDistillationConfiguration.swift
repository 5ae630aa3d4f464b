import Networks
import Random
import Tensors
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
  /// Sizes of the views that iterations draw from in place of `views`' own; empty: always its own.
  public var resolutions: [ViewSizes]
  public var seed: UInt64
  public var iterations: Int
  /// Images in each iteration.
  public var batch: Int
  /// How many of them are in memory together, a divisor of the batch; the gradients of a batch's parts are averaged. Apart
  /// from rounding, nothing depends on it.
  public var microBatch: Int

  /// The factor of the loss between views.
  public var viewWeight: Double
  /// The factor of the loss on masked patches; 0 masks nothing.
  public var maskedWeight: Double
  /// The factor of the loss that keeps images' class tokens apart, summed over the large views; DINOv3 takes 0.1.
  public var koLeoWeight: Double
  /// So many images of a batch are a group within which KoLeo looks for the nearest other one: a divisor of the batch.
  public var koLeoGroupSize: Int
  /// The factor of those terms of the loss between views of which the student's view is a small one.
  public var localWeight: Ramp
  /// The loss that holds patches' similarities to those of an earlier model; nil for none.
  public var gram: Gram?
  /// Which part of a batch's large views of the student's has masked patches, rounded down.
  public var maskProbability: Double
  /// Which part of such a view's patches; the views of a batch share out this range in equal steps.
  public var maskRatio: ClosedRange<Double>

  public var studentTemperature: Double
  /// The teacher's temperature rises in a straight line from the first to the second over so many iterations.
  public var teacherTemperature: (start: Double, end: Double, warmUp: Int)
  /// How much of the teacher stays in each iteration, along a cosine from the first to the second.
  public var momentum: (start: Double, end: Double)

  /// The greatest learning rate, as it is applied.
  public var learningRate: Double
  public var schedule: RateSchedule
  /// The learning rate of a backbone of n blocks is multiplied by this to the power n - b in block b (counted from 0), to
  /// the power n + 1 in the patch embedding and the tokens, and by 1 in the last norm and the heads (Bao et al., BEiT, 2022).
  public var layerDecay: Double
  /// Multiplies the patch embedding's learning rate again.
  public var patchEmbeddingRate: Double
  /// Decoupled, along a cosine from the first to the second; biases, norms and LayerScale do not decay.
  public var weightDecay: (start: Double, end: Double)
  public var betas: (first: Double, second: Double)
  public var epsilon: Double
  /// The greatest norm of the gradients that are clipped together.
  public var gradientNorm: Double
  public var clipping: Clipping
  /// For so many iterations the prototypes stay as they are.
  public var frozenLastLayerIterations: Int

  /// After these iterations `run` hands out the teacher.
  public var snapshots: Set<Int>
  /// A record is taken after every so many iterations.
  public var iterationsPerRecord: Int
  /// A checkpoint is written after every so many iterations, and at the end.
  public var iterationsPerCheckpoint: Int
  /// The digest of everything that determines the result: checkpoints of another one are refused.
  public var identity: String

  /// Which gradients are clipped together.
  public enum Clipping: String, Sendable, CaseIterable {
    /// The backbone's with the mask token's, and each head's apart: DINOv3's code.
    case module
    /// All.
    case global
  }

  /// Gram anchoring.
  public struct Gram: Sendable, Equatable {
    public var weight: Ramp
    public var normalization: GramLoss.Normalization

    public init(weight: Ramp = Ramp(2), normalization: GramLoss.Normalization = .mean) {
      self.weight = weight
      self.normalization = normalization
    }
  }

  public init(
    backbone: VisionTransformerConfiguration, views: MultiCropViews, head: ProjectionHead.Configuration = .init(),
    patchHead: ProjectionHead.Configuration? = nil, resolutions: [ViewSizes] = [], seed: UInt64 = 0, iterations: Int,
    batch: Int, microBatch: Int? = nil, viewWeight: Double = 1, maskedWeight: Double = 1, koLeoWeight: Double = 0,
    koLeoGroupSize: Int? = nil, localWeight: Ramp = Ramp(1), gram: Gram? = nil, maskProbability: Double = 0.5,
    maskRatio: ClosedRange<Double> = 0.1...0.5, studentTemperature: Double = 0.1,
    teacherTemperature: (start: Double, end: Double, warmUp: Int), momentum: (start: Double, end: Double) = (0.992, 1),
    learningRate: Double, schedule: RateSchedule, layerDecay: Double = 1,
    patchEmbeddingRate: Double = 1,
    weightDecay: (start: Double, end: Double) = (0.04, 0.4), betas: (first: Double, second: Double) = (0.9, 0.999),
    epsilon: Double = 1e-8, gradientNorm: Double = 3, clipping: Clipping = .module, frozenLastLayerIterations: Int,
    snapshots: Set<Int> = [], iterationsPerRecord: Int = 10, iterationsPerCheckpoint: Int, identity: String
  ) {
    precondition(iterations > 0 && batch > 0 && iterationsPerRecord > 0 && iterationsPerCheckpoint > 0, "no iterations")
    let sizes = resolutions + [views.sizes]
    let sides = sizes.flatMap { [$0.global, $0.local, $0.gram ?? $0.global] }
    precondition(sides.allSatisfy { $0 > 0 && $0 % backbone.patch == 0 }, "views in patches")
    let images = microBatch ?? batch
    precondition(images > 0 && batch % images == 0, "a batch of \(batch) in parts of \(images)")
    let group = koLeoGroupSize ?? batch
    precondition(group > 0 && batch % group == 0, "a batch of \(batch) in groups of \(group)")
    precondition(layerDecay > 0 && patchEmbeddingRate >= 0, "factors of the learning rate")
    precondition(maskRatio.lowerBound >= 0 && maskRatio.upperBound <= 1, "a part of the patches")
    self.backbone = backbone
    self.views = views
    self.head = head
    self.patchHead = patchHead ?? head
    self.resolutions = resolutions
    self.seed = seed
    self.iterations = iterations
    self.batch = batch
    self.microBatch = images
    self.viewWeight = viewWeight
    self.maskedWeight = maskedWeight
    self.koLeoWeight = koLeoWeight
    self.koLeoGroupSize = group
    self.localWeight = localWeight
    self.gram = gram
    self.maskProbability = maskProbability
    self.maskRatio = maskRatio
    self.studentTemperature = studentTemperature
    self.teacherTemperature = teacherTemperature
    self.momentum = momentum
    self.learningRate = learningRate
    self.schedule = schedule
    self.layerDecay = layerDecay
    self.patchEmbeddingRate = patchEmbeddingRate
    self.weightDecay = weightDecay
    self.betas = betas
    self.epsilon = epsilon
    self.gradientNorm = gradientNorm
    self.clipping = clipping
    self.frozenLastLayerIterations = frozenLastLayerIterations
    self.snapshots = snapshots
    self.iterationsPerRecord = iterationsPerRecord
    self.iterationsPerCheckpoint = iterationsPerCheckpoint
    self.identity = identity
  }

  /// The parts of a batch.
  var parts: Int { batch / microBatch }

  /// The images of a part, counted in the batch.
  func images(ofPart part: Int) -> Range<Int> { part * microBatch..<(part + 1) * microBatch }

  /// The images of a group of KoLeo's; nil where there is nothing to compute.
  var koLeoGroup: Int? { koLeoWeight > 0 && koLeoGroupSize > 1 ? koLeoGroupSize : nil }

  /// The views of an iteration, counted from 0: of its own resolution where there are several.
  package func views(_ iteration: Int) -> MultiCropViews {
    guard !resolutions.isEmpty else { return views }
    var random = CounterRandom(seed: seed, purpose: "resolution", epoch: iteration)
    var place = random.uniform(0, resolutions.reduce(0) { $0 + $1.ratio })
    let chosen = resolutions.first { sizes in
      place -= sizes.ratio
      return place < 0
    }
    return views.sized(chosen ?? resolutions.last!)
  }

  /// What the schedules say in an iteration counted from 0.
  struct ScheduledValues {
    let learningRate, weightDecay, momentum, teacherTemperature, gramWeight: Double
  }

  func scheduledValues(at iteration: Int) -> ScheduledValues {
    let warmUp = teacherTemperature.warmUp
    let progress = warmUp > 0 ? min(1, Double(iteration) / Double(warmUp)) : 1
    return ScheduledValues(
      learningRate: schedule.value(at: iteration, peak: learningRate, total: iterations),
      weightDecay: CosineSchedule(peak: weightDecay.start, end: weightDecay.end, total: iterations).value(
        at: iteration),
      momentum: CosineSchedule(peak: momentum.start, end: momentum.end, total: iterations).value(at: iteration),
      teacherTemperature: teacherTemperature.start
        + (teacherTemperature.end - teacherTemperature.start) * progress,
      gramWeight: gram?.weight.value(at: iteration) ?? 0)
  }
}
