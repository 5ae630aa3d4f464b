/// A resolved recipe: every value settled, in range, and consistent with the others.
public struct Recipe: Sendable, Equatable {
  public enum Kind: String, Sendable, CaseIterable {
    case segmentation, pretraining
    /// Predictions that another tool made, to be scored.
    case predictions
    /// Images brought together for pretraining; nothing is trained.
    case curation
  }

  /// Which value to take where the paper and the code its authors published differ.
  public enum Fidelity: String, Sendable, CaseIterable {
    case paper, code
  }

  /// What is trained, and everything it takes.
  public enum Task: Sendable, Equatable {
    case segmentation(SegmentationRecipe)
    case pretraining(PretrainingRecipe)
    case predictions(PredictionsRecipe)
    case curation(ImageSettings)
  }

  public let title: String
  public let description: String?
  public let fidelity: Fidelity
  /// One run for each; 0 alone for predictions, which no seed of ours made.
  public let seeds: [UInt64]
  public let task: Task

  public var kind: Kind {
    switch task {
    case .segmentation: .segmentation
    case .pretraining: .pretraining
    case .predictions: .predictions
    case .curation: .curation
    }
  }

  /// The segmentation recipe, nil for others.
  public var segmentation: SegmentationRecipe? {
    if case .segmentation(let recipe) = task { recipe } else { nil }
  }

  /// The pretraining recipe, nil for others.
  public var pretraining: PretrainingRecipe? {
    if case .pretraining(let recipe) = task { recipe } else { nil }
  }

  /// The recipe of predictions made elsewhere, nil for others.
  public var predictions: PredictionsRecipe? {
    if case .predictions(let recipe) = task { recipe } else { nil }
  }

  /// The dataset whose cases are scored, and how; nil for a recipe without scores.
  public var scored: (dataset: DatasetSettings, scoring: ScoringSettings)? {
    switch task {
    case .segmentation(let recipe): (recipe.dataset, recipe.evaluation.scoring)
    case .predictions(let recipe): (recipe.dataset, recipe.scoring)
    case .pretraining, .curation: nil
    }
  }

  /// The seeds to run: those asked for in place of the recipe's, where seeds have a meaning.
  public func seeds(inPlace asked: [UInt64]?) -> [UInt64] { predictions == nil ? asked ?? seeds : seeds }

  /// The images of a pretraining or a curation, nil for others.
  public var images: ImageSettings? {
    switch task {
    case .segmentation, .predictions: nil
    case .pretraining(let recipe): recipe.images
    case .curation(let images): images
    }
  }

  /// - Parameter node: checked and completed by `schema`.
  init(_ node: YAMLNode, schema: RecipeSchema) throws {
    let reader = SectionReader(node)
    title = reader.text("title")
    description = reader.has("description") ? reader.text("description") : nil
    if reader.has("profile") { _ = reader.text("profile") }
    fidelity = reader.choice("fidelity", Fidelity.self)
    let numbers = reader.integers("seeds")
    guard Set(numbers).count == numbers.count else {
      throw reader.contradiction("seeds", "names a seed twice")
    }
    seeds = numbers.map(UInt64.init)
    switch reader.choice("kind", Kind.self) {
    case .segmentation: task = .segmentation(try SegmentationRecipe(reader, kinds: schema.networks))
    case .pretraining: task = .pretraining(try PretrainingRecipe(reader))
    case .predictions:
      guard seeds == [0] else {
        throw reader.contradiction("seeds", "has no meaning: predictions made elsewhere are scored once; leave it out")
      }
      task = .predictions(try PredictionsRecipe(reader))
    case .curation: task = .curation(try ImageSettings(reader.section("images")))
    }
    precondition(reader.unread.isEmpty, "nothing reads the schema's \(reader.unread)")
  }
}

/// A plain vision transformer with rotary positions, LayerScale and storage tokens: DINOv3's.
public struct VisionTransformerSettings: Sendable, Equatable {
  public let width: Int
  public let depth: Int
  public let heads: Int
  /// Pixels along a patch's side; a power of two.
  public let patchSize: Int
  /// Channels of the patch embedding; a single image channel is repeated as often.
  public let inputChannels: Int
  public let mlpRatio: Double
  public let storageTokens: Int
  public let layerNormEpsilon: Double
  public let ropeBase: Double
  /// The greatest factor of all positions in training, that of an axis, and the greatest offset of an axis.
  public let ropeRescale: Double
  public let ropeJitter: Double
  public let ropeShift: Double
  public let qkvBias: Bool
  public let maskKBias: Bool
  public let layerScale: Double
  public let dropPath: Double
  public let dropPathSelection: DropPathSelection

  /// How the images that skip a branch are chosen.
  public enum DropPathSelection: String, Sendable, CaseIterable {
    /// Exactly ⌊(1 - rate) · B⌋ of B images keep it, at least one.
    case subset
    /// Each image by itself.
    case independent
  }

  /// - Parameter reader: a section with the keys of `RecipeSchema.visionTransformer`.
  public init(_ reader: SectionReader) throws {
    width = reader.integer("width")
    depth = reader.integer("depth")
    heads = reader.integer("heads")
    patchSize = reader.integer("patch_size")
    inputChannels = reader.integer("input_channels")
    mlpRatio = reader.number("mlp_ratio")
    storageTokens = reader.integer("storage_tokens")
    layerNormEpsilon = reader.number("layer_norm_epsilon")
    ropeBase = reader.number("rope_base")
    ropeRescale = reader.number("rope_rescale")
    ropeJitter = reader.number("rope_jitter")
    ropeShift = reader.number("rope_shift")
    qkvBias = reader.boolean("qkv_bias")
    maskKBias = reader.boolean("mask_k_bias")
    layerScale = reader.number("layer_scale")
    dropPath = reader.number("drop_path")
    dropPathSelection = reader.choice("drop_path_selection", DropPathSelection.self)
    guard width % (4 * heads) == 0 else {
      throw reader.contradiction(
        "width", "is \(width), which \(heads) heads cannot share: rotary positions need a multiple of 4 for each head")
    }
    guard patchSize & (patchSize - 1) == 0 else {
      throw reader.contradiction("patch_size", "is \(patchSize), but must be a power of two")
    }
    let hidden = Double(width) * mlpRatio
    guard hidden >= 1, hidden == hidden.rounded() else {
      throw reader.contradiction("mlp_ratio", "is \(mlpRatio), which times the width \(width) is not a whole number")
    }
  }

  /// The keys that must agree for weights to fit, with their values as text.
  var fit: [(key: String, value: String)] {
    [
      ("width", "\(width)"), ("depth", "\(depth)"), ("heads", "\(heads)"), ("patch_size", "\(patchSize)"),
      ("input_channels", "\(inputChannels)"), ("mlp_ratio", "\(mlpRatio)"), ("storage_tokens", "\(storageTokens)"),
      ("rope_base", "\(ropeBase)"), ("qkv_bias", "\(qkvBias)"), ("mask_k_bias", "\(maskKBias)"),
      ("layer_norm_epsilon", "\(layerNormEpsilon)"),
    ]
  }
}
