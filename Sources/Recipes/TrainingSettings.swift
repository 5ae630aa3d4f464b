/// What is done to training patches.
public enum Augmentation: String, Sendable, CaseIterable {
  case nnUNetDefault = "nnu-net-default"
  /// The same without mirroring: nnU-Net's own `nnUNetTrainerNoMirroring`.
  case nnUNetNoMirroring = "nnu-net-no-mirroring"
  case none
}

/// A supervised training.
public struct TrainingSettings: Sendable, Equatable {
  public let epochs: Int
  public let stepsPerEpoch: Int
  public let validationSteps: Int
  public let optimizer: OptimizerSettings
  public let schedule: ScheduleSettings
  /// Largest norm of all gradients together.
  public let gradientClip: Double
  /// Part of a batch that must show foreground.
  public let foregroundOversampling: Double
  public let augmentation: Augmentation
  /// Whether networks' parts are computed again on the way back instead of kept: less memory, more time, the same bits.
  public let recompute: Bool

  init(_ reader: SectionReader, network: NetworkSettings) throws {
    epochs = reader.integer("epochs")
    stepsPerEpoch = reader.integer("steps_per_epoch")
    validationSteps = reader.integer("validation_steps")
    optimizer = try OptimizerSettings(reader.section("optimizer"), network: network)
    schedule = try ScheduleSettings(reader.section("schedule"), epochs: epochs)
    gradientClip = reader.number("gradient_clip")
    foregroundOversampling = reader.number("foreground_oversampling")
    augmentation = reader.choice("augmentation", Augmentation.self)
    recompute = reader.has("recompute") ? reader.boolean("recompute") : false
  }
}

/// The optimiser, with one learning rate for a pretrained encoder and one for the rest.
public struct OptimizerSettings: Sendable, Equatable {
  public enum Algorithm: Sendable, Equatable {
    case adamW(beta1: Double, beta2: Double, epsilon: Double)
    case sgd(momentum: Double, nesterov: Bool)
  }

  public let algorithm: Algorithm
  public let learningRate: Double
  /// Nil for networks without an encoder that learns.
  public let encoderLearningRate: Double?
  public let weightDecay: Double

  init(_ reader: SectionReader, network: NetworkSettings) throws {
    switch reader.text("kind") {
    case "sgd":
      algorithm = .sgd(momentum: reader.number("momentum"), nesterov: reader.boolean("nesterov"))
    default:
      let (beta1, beta2) = reader.pair("betas")
      algorithm = .adamW(beta1: beta1, beta2: beta2, epsilon: reader.number("epsilon"))
    }
    learningRate = reader.number("learning_rate")
    encoderLearningRate = reader.has("encoder_learning_rate") ? reader.number("encoder_learning_rate") : nil
    weightDecay = reader.number("weight_decay")
    guard network.kind.encoderLearns == (encoderLearningRate != nil) else {
      throw reader.contradiction(
        "encoder_learning_rate",
        network.kind.encoderLearns
          ? "is missing: `\(network.name)` has an encoder that learns"
          : "has no meaning: `\(network.name)` has no encoder that learns")
    }
  }
}

/// The learning rate over the epochs, as a factor of the initial one.
public struct ScheduleSettings: Sendable, Equatable {
  public enum Form: Sendable, Equatable {
    case constant
    /// (1 - epoch / epochs) to a power.
    case polynomial(power: Double)
    /// A straight line, or half a cosine, to a part of the initial rate.
    case linear(finalFraction: Double)
    case cosine(finalFraction: Double)
  }

  public let form: Form
  /// Epochs over which the rate rises in a straight line before the form begins.
  public let warmupEpochs: Int

  init(_ reader: SectionReader, epochs: Int) throws {
    switch reader.text("kind") {
    case "polynomial": form = .polynomial(power: reader.number("power"))
    case "linear": form = .linear(finalFraction: reader.number("final_fraction"))
    case "cosine": form = .cosine(finalFraction: reader.number("final_fraction"))
    default: form = .constant
    }
    warmupEpochs = reader.has("warmup_epochs") ? reader.integer("warmup_epochs") : 0
    guard warmupEpochs < epochs else {
      throw reader.contradiction("warmup_epochs", "is \(warmupEpochs), but there are only \(epochs) epochs")
    }
  }
}
