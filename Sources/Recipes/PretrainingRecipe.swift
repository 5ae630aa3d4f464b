/// Self-distillation of an encoder on images without labels.
public struct PretrainingRecipe: Sendable, Equatable {
  public let vit: VisionTransformerSettings
  public let initialWeights: InitialWeights
  public let images: ImageSettings
  public let selfDistillation: SelfDistillationSettings

  init(_ reader: SectionReader) throws {
    let network = reader.section("network")
    let kind = network.text("kind")
    guard kind == RecipeSchema.bareEncoder else {
      throw network.contradiction("kind", "is `\(kind)`, but pretraining trains the encoder alone: `vit`")
    }
    vit = try VisionTransformerSettings(network.section("vit"))
    let weights = reader.section("initial_weights")
    initialWeights = InitialWeights(weights)
    try initialWeights.requireLayout(among: WeightLayout.visionTransformers, network: kind, weights)
    images = try ImageSettings(reader.section("images"))
    selfDistillation = try SelfDistillationSettings(reader.section("self_distillation"), patchSize: vit.patchSize)
    if case .recipe = initialWeights { return }
    guard selfDistillation.headStart == .random, selfDistillation.gram == nil else {
      let key = selfDistillation.gram == nil ? "head.start" : "gram"
      throw reader.contradiction(
        "self_distillation",
        "asks in `\(key)` for what an earlier pretraining left, but `initial_weights.from` names no recipe")
    }
  }
}

/// Sides of the views of a batch, in pixels: multiples of the ViT's patch.
public struct ViewSizeSettings: Sendable, Equatable {
  public let global: Int
  public let local: Int
  /// Of the large views as the Gram teacher sees them.
  public let gram: Int?
  /// How often, in parts of all shares.
  public let share: Double

  init(_ reader: SectionReader, patchSize: Int) throws {
    global = reader.integer("global")
    local = reader.integer("local")
    gram = reader.has("gram") ? reader.integer("gram") : nil
    share = reader.number("share")
    for (key, size) in [("global", global), ("local", local), ("gram", gram ?? global)] where size % patchSize != 0 {
      throw reader.contradiction(key, "is \(size), not a multiple of the ViT's patch of \(patchSize)")
    }
  }
}

/// The views of an image.
public struct CropSettings: Sendable, Equatable {
  public let sizes: [ViewSizeSettings]
  /// Smallest and largest part of the image's area.
  public let globalScale: ClosedRange<Double>
  public let localScale: ClosedRange<Double>
  /// Small views of each image.
  public let localCount: Int
  /// How likely a view is mirrored.
  public let flips: (vertical: Double, horizontal: Double)
  public let intensities: Intensities

  /// Whose changes of the views' intensities, and whose resampling with them.
  public enum Intensities: Sendable, Equatable {
    case ct(JitterSettings)
    case dinov3(ColorSettings)
  }

  init(_ reader: SectionReader, patchSize: Int) throws {
    sizes = try reader.sections("sizes").map { try ViewSizeSettings($0, patchSize: patchSize) }
    globalScale = try reader.section("global").range("scale")
    let local = reader.section("local")
    localScale = try local.range("scale")
    localCount = local.integer("count")
    let flips = reader.section("flips")
    self.flips = (flips.number("vertical"), flips.number("horizontal"))
    intensities =
      reader.text("kind") == "ct"
      ? .ct(JitterSettings(reader.section("jitter"))) : .dinov3(ColorSettings(reader.section("color")))
  }

  public static func == (a: Self, b: Self) -> Bool {
    a.sizes == b.sizes && a.globalScale == b.globalScale && a.localScale == b.localScale && a.flips == b.flips
      && a.localCount == b.localCount && a.intensities == b.intensities
  }
}

/// DINOv3's changes of a view's intensities, of which grey images see brightness, contrast, blur and solarisation.
public struct ColorSettings: Sendable, Equatable {
  /// How likely brightness and contrast change.
  public let jitter: Double
  /// The factor lies between 1 - brightness and 1 + brightness.
  public let brightness: Double
  public let contrast: Double
  /// How likely the first large view, the second and a small one are blurred.
  public let blur: (first: Double, second: Double, local: Double)
  /// How likely the second large view is solarised.
  public let solarize: Double

  init(_ reader: SectionReader) {
    jitter = reader.number("jitter")
    brightness = reader.number("brightness")
    contrast = reader.number("contrast")
    let blur = reader.section("blur")
    self.blur = (blur.number("first"), blur.number("second"), blur.number("local"))
    solarize = reader.number("solarize")
  }

  public static func == (a: Self, b: Self) -> Bool {
    [a.jitter, a.brightness, a.contrast, a.solarize] == [b.jitter, b.brightness, b.contrast, b.solarize]
      && a.blur == b.blur
  }
}

/// SegBench's own changes of a CT view's intensities.
public struct JitterSettings: Sendable, Equatable {
  /// Greatest shift in standard deviations of the image.
  public let brightness: Double
  /// The factor lies between 1 - contrast and 1 + contrast.
  public let contrast: Double
  /// The exponent lies between 1 / gamma and gamma.
  public let gamma: Double
  /// Greatest deviation of a Gaussian blur, in pixels of the view.
  public let blur: Double
  /// Greatest deviation of noise, in standard deviations of the image.
  public let noise: Double

  init(_ reader: SectionReader) {
    brightness = reader.number("brightness")
    contrast = reader.number("contrast")
    gamma = reader.number("gamma")
    blur = reader.number("blur")
    noise = reader.number("noise")
  }
}

/// Patches of large views that the student does not see and must guess.
public struct MaskedPatchSettings: Sendable, Equatable {
  /// Weight of their loss beside the loss between views, whose weight is 1; 0 masks nothing.
  public let weight: Double
  /// The part of the large views that has any, rounded down.
  public let probability: Double
  /// Smallest and largest part of such a view's patches, which the views share out in equal steps.
  public let ratio: ClosedRange<Double>

  init(_ reader: SectionReader) throws {
    weight = reader.number("weight")
    probability = reader.number("probability")
    ratio = try reader.range("ratio")
  }
}

/// What the squared differences of an image's Gram matrices come to.
public enum GramNormalization: String, Sendable, CaseIterable {
  case mean, frobenius
}

/// Where the projection heads start.
public enum HeadStart: String, Sendable, CaseIterable {
  case random, previous
}

/// Where the student begins that goes on from another pretraining.
public enum StudentStart: String, Sendable, CaseIterable {
  /// At that one's teacher, as its own teacher does.
  case teacher
  /// At that one's student.
  case student
}

/// Gram anchoring: patches' similarities are held to those of an earlier model.
public struct GramSettings: Sendable, Equatable {
  public enum Teacher: Sendable, Equatable {
    /// The teacher that the recipe which this one starts from kept after that iteration.
    case snapshot(iteration: Int)
    /// The Gram teacher which that recipe had.
    case previous
  }

  public let weight: Double
  /// Steps in which the weight rises from 0.
  public let riseIterations: Int
  public let normalization: GramNormalization
  public let teacher: Teacher

  init(_ reader: SectionReader) {
    weight = reader.number("weight")
    riseIterations = reader.integer("rise_iterations")
    normalization = reader.choice("normalization", GramNormalization.self)
    let teacher = reader.section("teacher")
    self.teacher =
      teacher.text("from") == "snapshot" ? .snapshot(iteration: teacher.integer("iteration")) : .previous
  }
}

/// Which gradients are clipped together: the backbone's and each head's apart, or all.
public enum GradientClipScope: String, Sendable, CaseIterable {
  case module, global
}

/// What the highest learning rate of a pretraining is multiplied by.
public enum RateScaling: String, Sendable, CaseIterable {
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

/// The first and the last value of something that changes over a training.
public struct Span: Sendable, Equatable {
  public let first: Double
  public let last: Double
}

/// The DINO loss between views and the iBOT loss on masked patches, with an averaged teacher and Sinkhorn-Knopp centring.
public struct SelfDistillationSettings: Sendable, Equatable {
  public let iterations: Int
  public let batchSize: Int
  /// How many of the batch's images are in memory together; a divisor of the batch.
  public let imagesAtOnce: Int
  public let crops: CropSettings
  public let maskedPatches: MaskedPatchSettings
  /// Weight of the loss that keeps images apart.
  public let koLeoWeight: Double
  /// Images among which that loss looks for the nearest other one; a divisor of the batch.
  public let koLeoGroup: Int
  /// First and last weight of the small views, half a cosine between them over `localWeightIterations`.
  public let localWeight: Span
  public let localWeightIterations: Int
  public let gram: GramSettings?
  public let headStart: HeadStart
  public let studentStart: StudentStart
  public let prototypes: Int
  public let headHiddenWidth: Int
  public let headBottleneckWidth: Int
  /// The standard deviation of random weights.
  public let headInitialDeviation: Double
  /// First and last momentum of the teacher, a cosine between them.
  public let teacherMomentum: Span
  /// First and last temperature of the teacher, a line between them over the warm-up.
  public let teacherTemperature: Span
  public let temperatureWarmupIterations: Int
  public let studentTemperature: Double
  /// The highest learning rate as it is applied, its scaling included.
  public let learningRate: Double
  public let schedule: PretrainingSchedule
  public let warmupIterations: Int
  /// Factor of the learning rate for each block below the last.
  public let layerDecay: Double
  /// Factor of the patch embedding's learning rate beside that.
  public let patchEmbeddingRate: Double
  public let beta1: Double
  public let beta2: Double
  public let epsilon: Double
  /// First and last weight decay, a cosine between them.
  public let weightDecay: Span
  public let gradientClip: Double
  public let gradientClipScope: GradientClipScope
  public let frozenLastLayerIterations: Int
  /// Iterations after which the teacher is kept.
  public let snapshots: [Int]

  init(_ reader: SectionReader, patchSize: Int) throws {
    iterations = reader.integer("iterations")
    batchSize = reader.integer("batch_size")
    imagesAtOnce = reader.integer("images_at_once")
    crops = try CropSettings(reader.section("crops"), patchSize: patchSize)
    maskedPatches = try MaskedPatchSettings(reader.section("masked_patches"))
    koLeoWeight = reader.number("koleo_weight")
    let group = reader.integer("koleo_group")
    koLeoGroup = min(group, batchSize)
    let localLoss = reader.section("local_loss")
    localWeight = localLoss.span("weight")
    localWeightIterations = localLoss.integer("iterations")
    gram = reader.has("gram") ? GramSettings(reader.section("gram")) : nil
    let head = reader.section("head")
    headStart = head.choice("start", HeadStart.self)
    studentStart = reader.choice("student_start", StudentStart.self)
    prototypes = head.integer("prototypes")
    headHiddenWidth = head.integer("hidden_width")
    headBottleneckWidth = head.integer("bottleneck_width")
    headInitialDeviation = head.number("initial_deviation")
    let teacher = reader.section("teacher")
    teacherMomentum = teacher.span("momentum")
    teacherTemperature = teacher.span("temperature")
    temperatureWarmupIterations = teacher.integer("temperature_warmup_iterations")
    studentTemperature = reader.number("student_temperature")
    let optimizer = reader.section("optimizer")
    _ = optimizer.text("kind")
    let scaling = optimizer.choice("rate_scaling", RateScaling.self)
    learningRate = optimizer.number("learning_rate") * scaling.factor(batchSize: batchSize)
    schedule =
      switch optimizer.text("schedule") {
      case "cosine": .cosine(finalLearningRate: optimizer.number("final_learning_rate"))
      case "constant": .constant
      default: .rising
      }
    warmupIterations = optimizer.integer("warmup_iterations")
    layerDecay = optimizer.number("layer_decay")
    patchEmbeddingRate = optimizer.number("patch_embedding_rate")
    (beta1, beta2) = optimizer.pair("betas")
    epsilon = optimizer.number("epsilon")
    weightDecay = optimizer.span("weight_decay")
    gradientClip = reader.number("gradient_clip")
    gradientClipScope = reader.choice("gradient_clip_scope", GradientClipScope.self)
    frozenLastLayerIterations = reader.integer("frozen_last_layer_iterations")
    snapshots = reader.integers("snapshots")
    guard batchSize % imagesAtOnce == 0 else {
      throw reader.contradiction(
        "images_at_once", "is \(imagesAtOnce), which does not divide the batch of \(batchSize)")
    }
    if let late = snapshots.first(where: { $0 > iterations }) {
      throw reader.contradiction("snapshots", "names iteration \(late), but there are only \(iterations)")
    }
    guard studentStart == .teacher || headStart == .previous else {
      throw reader.contradiction(
        "student_start", "is `student`, which keeps its heads: `head.start` must be `previous`, not `random`")
    }
    guard batchSize % koLeoGroup == 0 else {
      throw reader.contradiction("koleo_group", "is \(group), which does not divide the batch of \(batchSize)")
    }
    if case .cosine(let last) = schedule, last > learningRate {
      throw optimizer.contradiction(
        "final_learning_rate",
        "is \(last), above the highest rate, which is \(learningRate): `learning_rate` "
          + "\(optimizer.number("learning_rate")) with `rate_scaling` \(scaling.rawValue) at a batch of \(batchSize)")
    }
    // A rise may take all of the training, a warm-up only the first part of it.
    guard warmupIterations < iterations || (schedule == .rising && warmupIterations == iterations) else {
      throw optimizer.contradiction(
        "warmup_iterations", "is \(warmupIterations), but there are only \(iterations) iterations")
    }
  }
}
