/// Self-distillation of an encoder on images without labels.
public struct PretrainingRecipe: Sendable, Equatable {
  public let vit: VisionTransformerSettings
  public let images: ImageSettings
  public let selfDistillation: SelfDistillationSettings

  init(_ reader: SectionReader) throws {
    let network = reader.section("network")
    guard network.choice("kind", NetworkKind.self) == .vit else {
      throw network.contradiction("kind", "is `primus`, but pretraining trains the encoder alone: `vit`")
    }
    vit = try VisionTransformerSettings(network.section("vit"))
    images = ImageSettings(reader.section("images"))
    selfDistillation = try SelfDistillationSettings(reader.section("self_distillation"), patchSize: vit.patchSize)
  }
}

/// Dead leaves: procedural images with natural-image statistics.
public struct ImageSettings: Sendable, Equatable {
  public let count: Int
  /// Pixels along a side.
  public let size: Int
  public let seed: UInt64

  init(_ reader: SectionReader) {
    _ = reader.text("kind")
    count = reader.integer("count")
    size = reader.integer("size")
    seed = UInt64(reader.integer("seed"))
  }
}

/// Views of one kind.
public struct CropSettings: Sendable, Equatable {
  /// Views of each image.
  public let count: Int
  /// Pixels along a side; a multiple of the ViT's patch.
  public let size: Int
  /// Smallest and largest part of the image's area.
  public let scale: ClosedRange<Double>

  init(_ reader: SectionReader, patchSize: Int) throws {
    count = reader.integer("count")
    size = reader.integer("size")
    let (smallest, largest) = reader.pair("scale")
    guard smallest <= largest else {
      throw reader.contradiction("scale", "begins with \(smallest), above its end of \(largest)")
    }
    scale = smallest...largest
    guard size % patchSize == 0 else {
      throw reader.contradiction("size", "is \(size), not a multiple of the ViT's patch of \(patchSize)")
    }
  }
}

/// The first and the last value of something that changes over a training.
public struct Span: Sendable, Equatable {
  public let first: Double
  public let last: Double
}

/// The DINO loss with an averaged teacher, multi-crop views and Sinkhorn-Knopp centring.
public struct SelfDistillationSettings: Sendable, Equatable {
  public let iterations: Int
  public let batchSize: Int
  public let globalCrops: CropSettings
  public let localCrops: CropSettings
  public let prototypes: Int
  public let headHiddenWidth: Int
  public let headBottleneckWidth: Int
  /// First and last momentum of the teacher, a cosine between them.
  public let teacherMomentum: Span
  /// First and last temperature of the teacher, a line between them over the warm-up.
  public let teacherTemperature: Span
  public let temperatureWarmupIterations: Int
  public let studentTemperature: Double
  public let sinkhornIterations: Int
  public let learningRate: Double
  public let finalLearningRate: Double
  public let warmupIterations: Int
  public let beta1: Double
  public let beta2: Double
  public let epsilon: Double
  /// First and last weight decay, a cosine between them.
  public let weightDecay: Span
  public let gradientClip: Double
  public let frozenLastLayerIterations: Int

  init(_ reader: SectionReader, patchSize: Int) throws {
    iterations = reader.integer("iterations")
    batchSize = reader.integer("batch_size")
    let crops = reader.section("crops")
    globalCrops = try CropSettings(crops.section("global"), patchSize: patchSize)
    localCrops = try CropSettings(crops.section("local"), patchSize: patchSize)
    let head = reader.section("head")
    prototypes = head.integer("prototypes")
    headHiddenWidth = head.integer("hidden_width")
    headBottleneckWidth = head.integer("bottleneck_width")
    let teacher = reader.section("teacher")
    teacherMomentum = teacher.span("momentum")
    teacherTemperature = teacher.span("temperature")
    temperatureWarmupIterations = teacher.integer("temperature_warmup_iterations")
    studentTemperature = reader.number("student_temperature")
    sinkhornIterations = reader.integer("sinkhorn_iterations")
    let optimizer = reader.section("optimizer")
    _ = optimizer.text("kind")
    learningRate = optimizer.number("learning_rate")
    finalLearningRate = optimizer.number("final_learning_rate")
    warmupIterations = optimizer.integer("warmup_iterations")
    (beta1, beta2) = optimizer.pair("betas")
    epsilon = optimizer.number("epsilon")
    weightDecay = optimizer.span("weight_decay")
    gradientClip = reader.number("gradient_clip")
    frozenLastLayerIterations = reader.integer("frozen_last_layer_iterations")
    guard finalLearningRate <= learningRate else {
      throw optimizer.contradiction(
        "final_learning_rate", "is \(finalLearningRate), above `learning_rate` \(learningRate)")
    }
    guard warmupIterations < iterations else {
      throw optimizer.contradiction(
        "warmup_iterations", "is \(warmupIterations), but there are only \(iterations) iterations")
    }
  }
}
