/// What a DINO U-Net is built from.
public struct DINOUNetConfiguration: Sendable, Equatable {
  /// The frozen vision transformer; in training it draws its positions and its DropPath, as one that learns does.
  public var encoder: VisionTransformerConfiguration
  /// The four blocks whose tokens the adapter reads, ascending, from 0.
  public var blocks: [Int]
  public var adapter: Adapter
  /// The width in which the projection of the adapter's features works.
  public var rank: Int
  /// The U-Net's channels at the whole, half, quarter and eighth resolution.
  public var widths: [Int]
  /// The convolutions of each of the decoder's stages.
  public var convolutions: Int

  /// The adapter's part (Chen et al. 2023).
  public struct Adapter: Sendable, Equatable {
    /// Heads of the deformable attention.
    public var heads: Int
    /// Points that a head looks at.
    public var points: Int
    /// The attention's values' width over the tokens'.
    public var ratio: Double
    /// The feed-forward networks' hidden width over the tokens'.
    public var feedForwardRatio: Double
    /// Channels at a quarter of the resolution in the convolutions beside the transformer.
    public var priorWidth: Int
    /// The rate at which an image skips a feed-forward network in training.
    public var dropPath: Double

    public init(
      heads: Int = 16, points: Int = 4, ratio: Double = 0.5, feedForwardRatio: Double = 0.25, priorWidth: Int = 64,
      dropPath: Double = 0.3
    ) {
      self.heads = heads
      self.points = points
      self.ratio = ratio
      self.feedForwardRatio = feedForwardRatio
      self.priorWidth = priorWidth
      self.dropPath = dropPath
    }
  }

  public init(
    encoder: VisionTransformerConfiguration, blocks: [Int], adapter: Adapter = Adapter(),
    rank: Int = 256, widths: [Int] = [32, 64, 128, 256], convolutions: Int = 2
  ) {
    self.encoder = encoder
    self.blocks = blocks
    self.adapter = adapter
    self.rank = rank
    self.widths = widths
    self.convolutions = convolutions
  }

  public static let small = Self(encoder: .small, blocks: [2, 5, 8, 11])
  public static let base = Self(encoder: .base, blocks: [2, 5, 8, 11])
  public static let large = Self(encoder: .large, blocks: [4, 11, 17, 23])

  /// What is wrong with these numbers, as one clause; nil when a network can be built from them.
  public var problem: String? {
    if let problem = encoder.problem { return "in its encoder, \(problem)" }
    if blocks.count != 4 || !zip(blocks, blocks.dropFirst()).allSatisfy(<) || blocks[0] < 0
      || blocks[3] >= encoder.depth
    {
      return "its blocks \(blocks) are not four of 0 to \(encoder.depth - 1) in rising order"
    }
    let sizes = [
      ("adapter's heads", adapter.heads), ("adapter's points", adapter.points), ("prior's width", adapter.priorWidth),
      ("rank", rank), ("convolutions", convolutions),
    ]
    for (name, size) in sizes where size < 1 || size > 65536 { return "its \(name) of \(size) are not in 1...65536" }
    for (name, ratio) in [("ratio", adapter.ratio), ("feed-forward ratio", adapter.feedForwardRatio)]
    where !(ratio > 0 && ratio <= 16) || Int(Double(encoder.width) * ratio) < 1 {
      return "its adapter's \(name) of \(ratio) leaves no width or is above 16"
    }
    let inner = Int(Double(encoder.width) * adapter.ratio)
    if inner % adapter.heads != 0 {
      return "its adapter's values of a width of \(inner) do not divide into \(adapter.heads) heads"
    }
    if !(adapter.dropPath >= 0 && adapter.dropPath < 1) {
      return "its adapter's drop path rate of \(adapter.dropPath) is not in [0, 1)"
    }
    if widths.count != 4 || widths.contains(where: { $0 < 1 || $0 > 65536 }) {
      return "its widths \(widths) are not four of 1...65536"
    }
    return nil
  }
}
