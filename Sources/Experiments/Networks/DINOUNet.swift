import Files
import Networks
import Recipes

/// `network.kind: dino-u-net`: a frozen ViT, an adapter and nnU-Net's decoder.
public struct DINOUNetSettings: TrainableNetwork {
  public static let name = "dino-u-net"

  public static let fields = [
    Field("vit", .section(RecipeSchema.visionTransformer), "the encoder"),
    Field(
      "adapter",
      .section(
        Section([
          Field("blocks", .list(of: .integer(0...127), count: 4...4), "the ViT's blocks it reads, counted from 0"),
          Field("heads", .integer(1...128), "heads of its deformable attention"),
          Field("points", .integer(1...64), "points that a head looks at"),
          Field("ratio", .number(.above(0, upTo: 16)), "width of the attention's values over the token's"),
          Field("feed_forward_ratio", .number(.above(0, upTo: 16)), "hidden width over the token's"),
          Field("prior_width", .integer(1...4096), "channels of its convolutions at a quarter of the resolution"),
          Field("drop_path", .number(.from(0, below: 1)), "rate of stochastic depth"),
        ])), "what makes a pyramid of features of the tokens and the image"),
    Field("projection_rank", .integer(1...65536), "width in which the pyramid's features are projected"),
    Field(
      "decoder_widths", .list(of: .integer(1...65536), count: 4...4),
      "the decoder's channels, in place of the plan's first four", .optional),
    Field(
      "patch_embedding", .choice(PatchEmbeddingSource.self),
      "whether the frozen patch embedding keeps its initial weights or is drawn anew after they are loaded"),
  ]

  /// What becomes of the encoder's patch embedding.
  public enum PatchEmbeddingSource: String, Sendable, CaseIterable {
    case kept
    /// As the published code's initialisation of the decoder does, which reaches into the encoder.
    case redrawn
  }

  public let vit: VisionTransformerSettings
  public let blocks: [Int]
  public let adapter: DINOUNetConfiguration.Adapter
  public let rank: Int
  public let widths: [Int]?
  public let patchEmbedding: PatchEmbeddingSource

  public init(_ network: SectionReader) throws {
    vit = try VisionTransformerSettings(network.section("vit"))
    let section = network.section("adapter")
    blocks = section.integers("blocks")
    adapter = DINOUNetConfiguration.Adapter(
      heads: section.integer("heads"), points: section.integer("points"), ratio: section.number("ratio"),
      feedForwardRatio: section.number("feed_forward_ratio"), priorWidth: section.integer("prior_width"),
      dropPath: section.number("drop_path"))
    rank = network.integer("projection_rank")
    widths = network.has("decoder_widths") ? network.integers("decoder_widths") : nil
    patchEmbedding = network.choice("patch_embedding", PatchEmbeddingSource.self)
    for (index, block) in blocks.enumerated() {
      guard block < vit.depth else {
        throw section.contradiction("blocks", "names block \(block), but the ViT's blocks are 0 to \(vit.depth - 1)")
      }
      guard index == 0 || block > blocks[index - 1] else {
        throw section.contradiction("blocks", "must name blocks in rising order, each once")
      }
    }
    let inner = Int(Double(vit.width) * adapter.ratio)
    guard inner > 0, inner % adapter.heads == 0 else {
      throw section.contradiction(
        "heads",
        "is \(adapter.heads), which does not divide the values' width of \(inner), \(adapter.ratio) x \(vit.width)")
    }
    guard Int(Double(vit.width) * adapter.feedForwardRatio) > 0 else {
      throw section.contradiction("feed_forward_ratio", "leaves no hidden width of \(vit.width)")
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
