import Files
import Networks
import Recipes

/// `network.kind: dino-u-net`: a frozen ViT, an adapter and nnU-Net's decoder.
public struct DINOUNetSettings: TrainableNetwork {
  public static let name = "dino-u-net"

  @Key("vit", "the encoder") public var vit: VisionTransformerSettings
  @Key("adapter", "what makes a pyramid of features of the tokens and the image") private var adapterKeys: Adapter
  @Key("projection_rank", 1...65536, "width in which the pyramid's features are projected") public var rank: Int
  @Key(
    "decoder_widths", .list(4, of: 1...65536), "the decoder's channels, in place of the plan's first four")
  public var widths: [Int]?
  @Key(
    "patch_embedding",
    "whether the frozen patch embedding keeps its initial weights or is drawn anew after they are loaded")
  public var patchEmbedding: PatchEmbeddingSource

  private struct Adapter: RecipeSection {
    @Key("blocks", .list(4, of: 0...127), "the ViT's blocks it reads, counted from 0") var blocks: [Int]
    @Key("heads", 1...128, "heads of its deformable attention") var heads: Int
    @Key("points", 1...64, "points that a head looks at") var points: Int
    @Key("ratio", .above(0, upTo: 16), "width of the attention's values over the token's") var ratio: Double
    @Key("feed_forward_ratio", .above(0, upTo: 16), "hidden width over the token's") var feedForwardRatio: Double
    @Key("prior_width", 1...4096, "channels of its convolutions at a quarter of the resolution") var priorWidth: Int
    @Key("drop_path", .from(0, below: 1), "rate of stochastic depth") var dropPath: Double
  }

  /// What becomes of the encoder's patch embedding.
  public enum PatchEmbeddingSource: String, KeyChoice {
    case kept
    /// As the published code's initialisation of the decoder does, which reaches into the encoder.
    case redrawn
  }

  public init() {}

  public var blocks: [Int] { adapterKeys.blocks }
  public var adapter: DINOUNetConfiguration.Adapter {
    DINOUNetConfiguration.Adapter(
      heads: adapterKeys.heads, points: adapterKeys.points, ratio: adapterKeys.ratio,
      feedForwardRatio: adapterKeys.feedForwardRatio, priorWidth: adapterKeys.priorWidth,
      dropPath: adapterKeys.dropPath)
  }

  public func check(_ network: SectionReader) throws {
    for (index, block) in blocks.enumerated() {
      guard block < vit.depth else {
        throw network.contradiction(
          "adapter.blocks", "names block \(block), but the ViT's blocks are 0 to \(vit.depth - 1)")
      }
      guard index == 0 || block > blocks[index - 1] else {
        throw network.contradiction("adapter.blocks", "must name blocks in rising order, each once")
      }
    }
    let inner = Int(Double(vit.width) * adapter.ratio)
    guard inner > 0, inner % adapter.heads == 0 else {
      throw network.contradiction(
        "adapter.heads",
        "is \(adapter.heads), which does not divide the values' width of \(inner), \(adapter.ratio) x \(vit.width)")
    }
    guard Int(Double(vit.width) * adapter.feedForwardRatio) > 0 else {
      throw network.contradiction("adapter.feed_forward_ratio", "leaves no hidden width of \(vit.width)")
    }
  }

  public static let weightLayouts = Recipes.WeightLayout.visionTransformers
  public var encoder: VisionTransformerSettings? { vit }
  public var encoderLearns: Bool { false }
  public var patchMultiple: (size: Int, reason: String)? { (32, "the adapter's coarsest resolution of 1/32") }

  public func build(_ request: NetworkRequest) throws -> any SegmentationNetwork {
    let stages = request.plan.network
    guard let widths = widths ?? stages.map({ Array($0.featuresPerStage.prefix(4)) }), widths.count == 4 else {
      throw DINOUNetPlanMismatch(configuration: request.plan.name)
    }
    let initializer = Initializer(seed: request.seed)
    let network = DINOUNet(
      DINOUNetConfiguration(
        encoder: VisionTransformerConfiguration(vit), blocks: blocks, adapter: adapter,
        rank: rank, widths: widths, convolutions: stages?.convolutionsPerDecoderStage.first ?? 2),
      classes: request.classes,
      initializer)
    try request.weights?.load(into: network.encoder, named: "encoder")
    if patchEmbedding == .redrawn { network.redrawPatchEmbedding(initializer) }
    return network
  }

  public func forwardOperations(height: Int, width: Int, classes: Int) -> Double? {
    guard let widths else { return nil }
    let pixels = Double(height * width)
    let (channels, rank) = (Double(vit.width), Double(rank))
    var sum = vit.forwardOperations(height: height, width: width)
    let queries = pixels * (1.0 / 64 + 1.0 / 256 + 1.0 / 1024)
    let samples = Double(adapter.heads * adapter.points)
    let attention = channels * (3 * samples + channels * adapter.ratio) + 5 * samples * channels
    sum += 6 * queries * (attention + 2 * channels * channels * adapter.feedForwardRatio)
    let prior = Double(adapter.priorWidth * adapter.priorWidth)
    sum += pixels / 4 * 18 * prior + pixels / 64 * 18 * prior + pixels / 256 * 72 * prior + pixels / 1024 * 144 * prior
    for (level, width) in widths.enumerated() {
      let places = pixels / Double(16 << (2 * level))
      let width = Double(width)
      sum += places * (2 * channels * rank + 2 * rank * rank + 2 * rank * width + 20 * width * width)
      if level < 3 { sum += 16 * places * 9 * 3 * width * width }
    }
    return sum + pixels * Double(widths[0] * classes)
  }
}

/// A plan that does not say how wide a DINO U-Net's decoder should be.
struct DINOUNetPlanMismatch: InputError {
  let configuration: String

  var description: String {
    "the plan's configuration \(configuration) describes no U-Net of four stages or more, whose first four widths the DINO "
      + "U-Net's decoder takes; set `network.decoder_widths`, such as [32, 64, 128, 256]"
  }
}
