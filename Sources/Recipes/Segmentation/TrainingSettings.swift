import Tensors
import Training

/// What is done to training patches.
public enum Augmentation: String, KeyChoice {
  case nnUNetDefault = "nnu-net-default"
  /// The same without mirroring: nnU-Net's own `nnUNetTrainerNoMirroring`.
  case nnUNetNoMirroring = "nnu-net-no-mirroring"
  case none
}

/// A supervised training.
public struct TrainingSettings: RecipeSection {
  @Key("epochs", 1...1_000_000, "epochs") public var epochs: Int
  @Key("steps_per_epoch", 1...1_000_000, "optimiser steps in an epoch") public var stepsPerEpoch: Int
  @Key("validation_steps", 1...1_000_000, "batches for an epoch's validation pseudo-Dice")
  public var validationSteps: Int
  @Key("optimizer", "the optimiser") public var optimizer: OptimizerSettings
  @Key("schedule", "the learning rate over the epochs") private var scheduleKeys: ScheduleSettings
  @Key("gradient_clip", .above(0, upTo: 1e6), "largest norm of all gradients together") public var gradientClip: Double
  @Key("foreground_oversampling", .closed(0, 1), "part of a batch that must show foreground")
  public var foregroundOversampling: Double
  @Key("augmentation", "what is done to training patches") public var augmentation: Augmentation
  @Key(
    "recompute", "whether networks' parts are computed twice to save memory; the same bits", affectsResult: false)
  private var recomputeKey: Bool?
  @Key("precision", "bf16 for matrix products, convolutions and attention, on PyTorch alone (float32)")
  private var precisionKey: ComputePrecision?

  public init() {}

  /// The learning rate over the epochs, as a factor of the initial one.
  public var schedule: LearningRateSchedule { scheduleKeys.schedule }
  /// Whether networks' parts are computed again in the backward pass instead of kept: less memory, more time, the same bits.
  public var recompute: Bool { recomputeKey ?? false }
  /// In what networks compute where the device can.
  public var precision: ComputePrecision { precisionKey ?? .float32 }

  public func check(_ section: SectionReader) throws {
    guard schedule.warmUp < epochs else {
      throw section.contradiction(
        "schedule.warmup_epochs", "is \(schedule.warmUp), but there are only \(epochs) epochs")
    }
  }
}

/// The optimiser, with one learning rate for a pretrained encoder and one for the rest.
public struct OptimizerSettings: RecipeSection {
  @Key("kind", "the algorithm", selects: true) private var kind: Kind
  @Key("learning_rate", .above(0, upTo: 10), "initial learning rate of everything but the encoder")
  public var learningRate: Double
  /// Nil for networks without an encoder that learns.
  @Key(
    "encoder_learning_rate", .closed(0, 10),
    "initial learning rate of the encoder, where the network has one that learns")
  public var encoderLearningRate: Double?
  @Key("betas", .list(2, of: .from(0, below: 1)), "decay of the two moments", in: ["adamw"])
  private var betas: [Double]
  @Key("epsilon", .above(0, upTo: 0.1), default: 1e-8, "added to the root of the second moment", in: ["adamw"])
  private var epsilon: Double
  @Key("momentum", .from(0, below: 1), "decay of the velocity", in: ["sgd"]) private var momentum: Double
  @Key("nesterov", default: true, "whether the velocity is looked ahead along", in: ["sgd"])
  private var nesterov: Bool
  @Key("weight_decay", .closed(0, 10), "weight decay: adamw's decoupled, sgd's added to the gradient")
  public var weightDecay: Double

  private enum Kind: String, KeyChoice {
    case adamW = "adamw"
    case sgd
  }

  public init() {}

  public var algorithm: OptimizerKind {
    switch kind {
    case .adamW: .adamW(beta1: betas[0], beta2: betas[1], epsilon: epsilon)
    case .sgd: .sgd(momentum: momentum, nesterov: nesterov)
    }
  }
}

struct ScheduleSettings: RecipeSection {
  @Key("kind", "how the rate falls; polynomial is (1 - epoch / epochs) to a power", selects: true) private var kind:
    Kind
  @Key("power", .above(0, upTo: 10), "that power; 1 is a straight line", in: ["polynomial"]) private var power: Double
  @Key(
    "final_fraction", .closed(0, 1), default: 0, "the part of the initial rate that it comes to",
    in: ["linear", "cosine"])
  private var finalFraction: Double
  @Key("warmup_epochs", 0...1_000_000, "epochs over which the rate rises before the schedule begins")
  private var warmupEpochs: Int?

  private enum Kind: String, KeyChoice {
    case polynomial, linear, cosine, constant
  }

  var schedule: LearningRateSchedule {
    let form: LearningRateSchedule.Kind =
      switch kind {
      case .polynomial: .polynomial(power: power)
      case .linear: .linear(finalFraction: finalFraction)
      case .cosine: .cosine(finalFraction: finalFraction)
      case .constant: .constant
      }
    return LearningRateSchedule(form, warmUp: warmupEpochs ?? 0)
  }
}
