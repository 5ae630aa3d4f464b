/// Self-distillation of an encoder on images without labels.
public struct PretrainingRecipe: Sendable, Equatable {
  public let vit: VisionTransformerSettings
  public let images: ImageSettings
  public let selfDistillation: SelfDistillationSettings

  init(_ reader: SectionReader) throws {
    let network = reader.section("network")
    let kind = network.text("kind")
    guard kind == RecipeSchema.bareEncoder else {
      throw network.contradiction("kind", "is `\(kind)`, but pretraining trains the encoder alone: `vit`")
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

  /// - Parameter count: how many there always are; nil where the recipe says.
  init(_ reader: SectionReader, count: Int? = nil, patchSize: Int) throws {
    self.count = count ?? reader.integer("count")
    size = reader.integer("size")
    scale = try reader.range("scale")
    guard size % patchSize == 0 else {
      throw reader.contradiction("size", "is \(size), not a multiple of the ViT's patch of \(patchSize)")
    }
  }
}

/// Random changes of a view's intensities.
public struct JitterSettings: Sendable, Equatable {
  /// Greatest shift in standard deviations of the image.
  public let brightness: Double
  /// The factor lies between 1 - contrast and 1 + contrast.
  public let contrast: Double
  /// The exponent lies between 1 / gamma and gamma.
  public let gamma: Double

  init(_ reader: SectionReader) {
    brightness = reader.number("brightness")
    contrast = reader.number("contrast")
    gamma = reader.number("gamma")
  }
}

/// Patches of large views that the student does not see and must guess.
public struct MaskedPatchSettings: Sendable, Equatable {
  /// Weight of their loss beside the loss between views, whose weight is 1; 0 masks nothing.
  public let weight: Double
  /// How likely a large view has any.
  public let probability: Double
  /// Smallest and largest part of such a view's patches.
  public let ratio: ClosedRange<Double>

  init(_ reader: SectionReader) throws {
    weight = reader.number("weight")
    probability = reader.number("probability")
    ratio = try reader.range("ratio")
  }
}

/// The first and the last value of something that changes over a training.
public struct Span: Sendable, Equatable {
  public let first: Double
  public let last: Double
}

/// The DINO loss between views and the iBOT loss on masked patches, with an averaged teacher and Sinkhorn-Knopp centring.
public struct SelfDistillationSettings: Sendable, Equatable {
  public let iterations: Int
  public let batchSize: Int
  public let globalCrops: CropSettings
  public let localCrops: CropSettings
  public let jitter: JitterSettings
  public let maskedPatches: MaskedPatchSettings
  public let prototypes: Int
  public let headHiddenWidth: Int
  public let headBottleneckWidth: Int
  /// First and last momentum of the teacher, a cosine between them.
  public let teacherMomentum: Span
  /// First and last temperature of the teacher, a line between them over the warm-up.
  public let teacherTemperature: Span
  public let temperatureWarmupIterations: Int
  public let studentTemperature: Double
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
    globalCrops = try CropSettings(crops.section("global"), count: 2, patchSize: patchSize)
    localCrops = try CropSettings(crops.section("local"), patchSize: patchSize)
    jitter = JitterSettings(crops.section("jitter"))
    maskedPatches = try MaskedPatchSettings(reader.section("masked_patches"))
    let head = reader.section("head")
    prototypes = head.integer("prototypes")
    headHiddenWidth = head.integer("hidden_width")
    headBottleneckWidth = head.integer("bottleneck_width")
    let teacher = reader.section("teacher")
    teacherMomentum = teacher.span("momentum")
    teacherTemperature = teacher.span("temperature")
    temperatureWarmupIterations = teacher.integer("temperature_warmup_iterations")
    studentTemperature = reader.number("student_temperature")
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
