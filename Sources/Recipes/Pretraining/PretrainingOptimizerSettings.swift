/// AdamW with the learning rate of a pretraining.
public struct PretrainingOptimizerSettings: RecipeSection {
  @Key("kind", "the algorithm") private var kind: Kind
  @Key("learning_rate", .above(0, upTo: 10), "highest learning rate, before its scaling") public var learningRate:
    Double
  @Key(
    "rate_scaling", "what the highest learning rate is multiplied by: 1, or 4 times the square root of batch / 1024")
  public var rateScaling: RateScaling
  @Key(
    "schedule",
    "half a cosine down after the warm-up, constant after it, or half a cosine up for the warm-up, then constant",
    selects: true)
  private var scheduleKind: ScheduleKind
  @Key(
    "final_learning_rate", .closed(0, 10), "last learning rate, at the end of the cosine; never scaled",
    in: ["cosine"])
  private var finalLearningRate: Double
  @Key("warmup_iterations", 0...10_000_000, "steps from zero to the highest learning rate")
  public var warmupIterations: Int
  @Key("layer_decay", .above(0, upTo: 1), "factor of the learning rate for each block below the last")
  public var layerDecay: Double
  @Key("patch_embedding_rate", .closed(0, 10), "factor of the patch embedding's learning rate beside that")
  public var patchEmbeddingRate: Double
  @Key("betas", .list(2, of: .from(0, below: 1)), "decay of the two moments") private var betaPair: [Double]
  @Key("epsilon", .above(0, upTo: 0.1), default: 1e-8, "added to the root of the second moment")
  public var epsilon: Double
  @Key("weight_decay", .closed(0, 10), "first and last, a cosine between them") public var weightDecay: Span

  private enum Kind: String, KeyChoice {
    case adamW = "adamw"
  }

  private enum ScheduleKind: String, KeyChoice {
    case cosine, constant, rising
  }

  public init() {}

  public var betas: (Double, Double) { (betaPair[0], betaPair[1]) }

  public var schedule: PretrainingSchedule {
    switch scheduleKind {
    case .cosine: .cosine(finalLearningRate: finalLearningRate)
    case .constant: .constant
    case .rising: .rising
    }
  }
}

/// What the highest learning rate of a pretraining is multiplied by.
public enum RateScaling: String, KeyChoice {
  case none
  /// 4 √(batch / 1024): `scaling_rule: sqrt_wrt_1024` of DINOv2's and DINOv3's configurations.
  case sqrt1024 = "sqrt-wrt-1024"

  public func factor(batchSize: Int) -> Double {
    switch self {
    case .none: 1
    case .sqrt1024: 4 * (Double(batchSize) / 1024).squareRoot()
    }
  }
}

/// How the learning rate of a pretraining changes.
public enum PretrainingSchedule: Sendable, Equatable {
  case cosine(finalLearningRate: Double)
  case constant
  case rising
}
