import Pretraining
import Tensors

/// The DINO loss between views and the iBOT loss on masked patches, with an averaged teacher and Sinkhorn-Knopp centring.
public struct SelfDistillationSettings: RecipeSection {
  @Key("iterations", 1...10_000_000, "optimiser steps") public var iterations: Int
  @Key("batch_size", 1...65536, "images in a batch") public var batchSize: Int
  @Key(
    "micro_batch_size", 1...65536,
    "of these, how many are in memory together: a divisor of the batch; but for rounding, results are the same",
    affectsResult: false)
  public var microBatchSize: Int
  @Key("precision", "bf16 for matrix products, convolutions and attention, on PyTorch alone (float32)")
  private var precisionKey: ComputePrecision?
  @Key("crops", "the views of an image") public var crops: CropSettings
  @Key("masked_patches", "the patches that the student must guess") public var maskedPatches: MaskedPatchSettings
  @Key("koleo_weight", .closed(0, 100), "weight of the loss that keeps images apart") public var koLeoWeight: Double
  @Key(
    "koleo_group_size", 2...65536,
    "images among which it looks for the nearest other one: a divisor of the batch, or all of a smaller one")
  private var largestKoLeoGroupSize: Int
  @Key("local_loss", "how much the small views count in the loss between views") public var localLoss: LocalLossSettings
  @Key("gram", "Gram anchoring; left out: none") public var gram: GramSettings?
  @Key("head", "the projection heads of the CLS token and of masked patches") public var head: HeadSettings
  @Key("teacher", "the moving average that the student learns from") public var teacher: TeacherSettings
  @Key(
    "student_start", default: .teacher,
    "whether the student begins at the teacher or at the student of the recipe that this one starts from; the teacher "
      + "always begins at the teacher")
  public var studentStart: StudentStart
  @Key("student_temperature", .above(0, upTo: 10), "temperature of the student's softmax")
  public var studentTemperature: Double
  @Key("optimizer", "the optimiser") public var optimizer: PretrainingOptimizerSettings
  @Key("gradient_clip", .above(0, upTo: 1e6), "largest norm of the gradients that are clipped together")
  public var gradientClip: Double
  @Key("gradient_clip_scope", "what is clipped together: the backbone and each head apart, or all gradients")
  public var gradientClipScope: SelfDistillationConfiguration.Clipping
  @Key("frozen_last_layer_iterations", 0...10_000_000, "first steps without updates of the prototypes")
  public var frozenLastLayerIterations: Int
  @Key("snapshots", .list(0...1000, of: 1...10_000_000), default: [], "steps after which the teacher is kept")
  public var snapshots: [Int]

  public init() {}

  /// Images among which the KoLeo loss looks for the nearest other one; a divisor of the batch.
  public var koLeoGroup: Int { min(largestKoLeoGroupSize, batchSize) }
  /// The highest learning rate as it is applied, its scaling included.
  public var learningRate: Double { optimizer.learningRate * optimizer.rateScaling.factor(batchSize: batchSize) }

  /// In what networks compute where the device can.
  public var precision: ComputePrecision { precisionKey ?? .float32 }

  public func check(_ section: SectionReader) throws {
    guard batchSize % microBatchSize == 0 else {
      throw section.contradiction(
        "micro_batch_size", "is \(microBatchSize), which does not divide the batch of \(batchSize)")
    }
    if let late = snapshots.first(where: { $0 > iterations }) {
      throw section.contradiction("snapshots", "names iteration \(late), but there are only \(iterations)")
    }
    guard studentStart == .teacher || head.start == .previous else {
      throw section.contradiction(
        "student_start", "is `student`, which keeps its heads: `head.start` must be `previous`, not `random`")
    }
    guard batchSize % koLeoGroup == 0 else {
      throw section.contradiction(
        "koleo_group_size", "is \(largestKoLeoGroupSize), which does not divide the batch of \(batchSize)")
    }
    if case .cosine(let last) = optimizer.schedule, last > learningRate {
      throw section.contradiction(
        "optimizer.final_learning_rate",
        "is \(last), above the highest rate, which is \(learningRate): `learning_rate` "
          + "\(optimizer.learningRate) with `rate_scaling` \(optimizer.rateScaling.rawValue) at a batch of \(batchSize)"
      )
    }
    // A rise may take all of the training, a warm-up only the first part of it.
    let warmup = optimizer.warmupIterations
    guard warmup < iterations || (optimizer.schedule == .rising && warmup == iterations) else {
      throw section.contradiction(
        "optimizer.warmup_iterations", "is \(warmup), but there are only \(iterations) iterations")
    }
  }
}

/// Patches of large views that the student does not see and must guess.
public struct MaskedPatchSettings: RecipeSection {
  /// Beside the loss between views, whose weight is 1.
  @Key("weight", .closed(0, 100), "weight of the loss on masked patches; 0 masks nothing") public var weight: Double
  @Key("probability", .closed(0, 1), "the part of the large views that has masked patches, rounded down")
  public var probability: Double
  @Key("ratio", .closed(0, 1), "smallest and largest part of them masked, shared out in equal steps")
  public var ratio: ClosedRange<Double>

  public init() {}
}

public struct LocalLossSettings: RecipeSection {
  @Key("weight", .closed(0, 100), "first and last weight, half a cosine between them") public var weight: Span
  @Key("iterations", 0...10_000_000, "steps from the first weight to the last; 0: the last from the start")
  public var iterations: Int

  public init() {}
}

/// Gram anchoring: patches' similarities are held to those of an earlier model.
public struct GramSettings: RecipeSection {
  @Key("weight", .above(0, upTo: 100), "weight of the loss") public var weight: Double
  @Key(
    "warmup_iterations", 0...10_000_000, "steps in which the weight rises from 0 along half a cosine; 0: none")
  public var warmupIterations: Int
  @Key("normalization", "the mean of the squared differences, or their sum, the squared Frobenius norm")
  public var normalization: GramLoss.Normalization
  @Key("teacher", "the earlier model") public var teacher: Teacher

  public init() {}

  public enum Teacher: KeyView {
    /// The teacher that the recipe which this one starts from kept after that iteration.
    case snapshot(iteration: Int)
    /// The Gram teacher which that recipe had.
    case previous

    public struct Settings: RecipeSection {
      @Key(
        "from", "a snapshot of the recipe that this one starts from, or the Gram teacher which that one had",
        selects: true)
      fileprivate var from: From
      @Key("iteration", 1...10_000_000, "the snapshot's step", in: ["snapshot"]) fileprivate var iteration: Int

      fileprivate enum From: String, KeyChoice {
        case snapshot, previous
      }

      public init() {}
    }

    public init(_ keys: Settings) {
      switch keys.from {
      case .snapshot: self = .snapshot(iteration: keys.iteration)
      case .previous: self = .previous
      }
    }
  }
}

/// Where the projection heads start.
public enum HeadStart: String, KeyChoice {
  case random, previous
}

public struct HeadSettings: RecipeSection {
  @Key("start", "random, or where the recipe that this one starts from left them") public var start: HeadStart
  @Key("prototypes", 2...1_000_000, "outputs") public var prototypes: Int
  @Key("hidden_width", 1...65536, "width of the two hidden layers") public var hiddenWidth: Int
  @Key("bottleneck_width", 1...65536, "width before the prototypes") public var bottleneckWidth: Int
  @Key("initial_deviation", .above(0, upTo: 10), "standard deviation of random weights")
  public var initialDeviation: Double

  public init() {}
}

public struct TeacherSettings: RecipeSection {
  @Key("momentum", .closed(0, 1), "first and last, a cosine between them") public var momentum: Span
  @Key("temperature", .above(0, upTo: 10), "first and last, a line between them") public var temperature: Span
  @Key("temperature_warmup_iterations", 0...10_000_000, "steps from the first to the last temperature")
  public var temperatureWarmupIterations: Int

  public init() {}
}

/// Where the student begins that goes on from another pretraining.
public enum StudentStart: String, KeyChoice {
  /// At that one's teacher, as its own teacher does.
  case teacher
  /// At that one's student.
  case student
}
