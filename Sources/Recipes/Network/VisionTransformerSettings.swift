import Networks

/// A plain vision transformer with rotary positions, LayerScale and storage tokens: DINOv3's.
public struct VisionTransformerSettings: RecipeSection {
  @Key("width", 4...8192, "channels of a token") public var width: Int
  @Key("depth", 1...128, "blocks") public var depth: Int
  @Key("heads", 1...128, "attention heads") public var heads: Int
  /// A power of two.
  @Key("patch_size", 2...64, "pixels along a patch's side") public var patchSize: Int
  @Key("input_channels", 1...16, "channels of the patch embedding; a single image channel is repeated")
  public var inputChannels: Int
  @Key("mlp_ratio", .above(0, upTo: 16), "width of the MLP over the token's width") public var mlpRatio: Double
  @Key("storage_tokens", 0...64, "extra tokens beside the CLS token (registers)") public var storageTokens: Int
  @Key("layer_norm_epsilon", .above(0, upTo: 0.01), "added to the variance by LayerNorm")
  public var layerNormEpsilon: Double
  @Key("rope_base", .above(1, upTo: 1e6), "base of the rotary position embedding's periods")
  public var ropeBase: Double
  @Key(
    "rope_rescale", .closed(1, 100), default: 1,
    "greatest factor of all positions, drawn in training for each block; 1 for none")
  public var ropeRescale: Double
  @Key("rope_jitter", .closed(1, 100), default: 1, "the same for each axis by itself; 1 for none")
  public var ropeJitter: Double
  @Key(
    "rope_shift", .closed(0, 100), default: 0,
    "greatest offset of each axis's positions, which run from -1 to 1, drawn likewise; 0 for none")
  public var ropeShift: Double
  @Key("qkv_bias", "whether queries, keys and values have a bias") public var qkvBias: Bool
  @Key("mask_k_bias", "whether the keys' part of that bias is held at zero") public var maskKBias: Bool
  @Key("layer_scale", .above(0, upTo: 10), "initial LayerScale") public var layerScale: Double
  @Key("drop_path", .from(0, below: 1), "rate of stochastic depth") public var dropPath: Double
  @Key(
    "drop_path_selection", default: .subset,
    "which images skip a branch: all but exactly floor((1 - rate) x images), or each by itself")
  public var dropPathSelection: DropPath.Selection

  public init() {}

  public func check(_ section: SectionReader) throws {
    guard width % (4 * heads) == 0 else {
      throw section.contradiction(
        "width", "is \(width), which \(heads) heads cannot share: rotary positions need a multiple of 4 for each head")
    }
    guard patchSize & (patchSize - 1) == 0 else {
      throw section.contradiction("patch_size", "is \(patchSize), but must be a power of two")
    }
    let hidden = Double(width) * mlpRatio
    guard hidden >= 1, hidden == hidden.rounded() else {
      throw section.contradiction("mlp_ratio", "is \(mlpRatio), which times the width \(width) is not a whole number")
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

/// `network.kind: vit`: a vision transformer alone, for pretraining.
public struct BareEncoder: NetworkKind {
  public static let name = "vit"

  @Key("vit", "the encoder") public var vit: VisionTransformerSettings

  public init() {}

  public var encoder: VisionTransformerSettings? { vit }
}
