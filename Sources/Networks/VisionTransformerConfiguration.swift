/// What a vision transformer is built from.
public struct VisionTransformerConfiguration: Sendable, Equatable {
  /// The tokens' width.
  public var width: Int
  /// The number of blocks.
  public var depth: Int
  public var heads: Int
  /// The patches' height and width in pixels.
  public var patch: Int
  /// The MLP's hidden width as a multiple of `width`.
  public var mlpRatio: Double
  /// Channels of the patch embedding's weights; an image has as many, or one that stands for all.
  public var channels: Int
  /// Storage (register) tokens beside the class token (Darcet et al. 2024).
  public var storageTokens: Int
  public var attentionBias: AttentionBias
  /// LayerScale's initial value; nil for none.
  public var layerScale: Double?
  public var normEpsilon: Double
  /// The base of the rotary embedding's periods.
  public var rotaryBase: Double
  /// What happens to positions in training.
  public var rotaryAugmentation: RotaryAugmentation
  /// On both branches of every block, at the same rate.
  public var dropPath: DropPath

  /// DINOv3's settings unless told otherwise.
  public init(
    width: Int, depth: Int, heads: Int, patch: Int = 16, mlpRatio: Double = 4, channels: Int = 3,
    storageTokens: Int = 4,
    attentionBias: AttentionBias = .queryAndValue, layerScale: Double? = 1e-5, normEpsilon: Double = 1e-5,
    rotaryBase: Double = 100, rotaryAugmentation: RotaryAugmentation = .none, dropPath: DropPath = .none
  ) {
    self.width = width
    self.depth = depth
    self.heads = heads
    self.patch = patch
    self.mlpRatio = mlpRatio
    self.channels = channels
    self.storageTokens = storageTokens
    self.attentionBias = attentionBias
    self.layerScale = layerScale
    self.normEpsilon = normEpsilon
    self.rotaryBase = rotaryBase
    self.rotaryAugmentation = rotaryAugmentation
    self.dropPath = dropPath
  }

  public static let small = Self(width: 384, depth: 12, heads: 6)
  public static let base = Self(width: 768, depth: 12, heads: 12)
  public static let large = Self(width: 1024, depth: 24, heads: 16)

  /// The MLP's hidden width.
  public var hiddenWidth: Int { Int(Double(width) * mlpRatio) }

  /// What is wrong with these numbers, as one clause; nil when a network can be built from them.
  public var problem: String? {
    let sizes = [
      ("width", width), ("depth", depth), ("heads", heads), ("patch size", patch), ("channels", channels),
    ]
    for (name, size) in sizes where size < 1 || size > 65536 { return "its \(name) of \(size) is not in 1...65536" }
    if width % (4 * heads) != 0 { return "its width of \(width) is not a multiple of 4 x \(heads) heads" }
    if storageTokens < 0 || storageTokens > 1024 { return "its \(storageTokens) storage tokens are not in 0...1024" }
    if !(mlpRatio > 0 && mlpRatio <= 64) || hiddenWidth < 1 { return "its MLP ratio of \(mlpRatio) is not in (0, 64]" }
    if !(normEpsilon > 0 && normEpsilon < 1) { return "its LayerNorm epsilon of \(normEpsilon) is not in (0, 1)" }
    if !(rotaryBase > 0 && rotaryBase.isFinite) { return "its rotary base of \(rotaryBase) is not positive" }
    return rotaryAugmentation.problem
  }
}
