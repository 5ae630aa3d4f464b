import Files
import Foundation
import Networks
import Recipes

/// `network.kind: primus`: a ViT with the Primus decoder on the patch tokens of its last block or of several.
public struct PrimusSettings: TrainableNetwork {
  public static let name = "primus"

  @Key("vit", "the encoder") public var vit: VisionTransformerSettings
  @Key("decoder", "what turns patch tokens into logits") private var decoder: Decoder

  private struct Decoder: RecipeSection {
    @Key("multi_scale", "whether it sees several blocks' tokens or only the last block's") var multiScale: Bool
    @Key("blocks", .list(1...16, of: 0...127), "the blocks it sees, counted from 0, if multi-scale")
    var blocks: [Int]
  }

  public init() {}

  /// Whether the decoder sees several blocks' tokens.
  public var multiScale: Bool { decoder.multiScale }
  /// The blocks whose patch tokens the decoder sees, counted from 0: the last alone unless multi-scale.
  public var decoderBlocks: [Int] { multiScale ? decoder.blocks : [vit.depth - 1] }

  public func check(_ network: SectionReader) throws {
    let blocks = decoder.blocks
    for (index, block) in blocks.enumerated() where multiScale {
      guard block < vit.depth else {
        throw network.contradiction(
          "decoder.blocks", "names block \(block), but the ViT's blocks are 0 to \(vit.depth - 1)")
      }
      guard index == 0 || block > blocks[index - 1] else {
        throw network.contradiction("decoder.blocks", "must name blocks in rising order, each once")
      }
    }
    guard (decoderBlocks.count * vit.width) % vit.patchSize == 0 else {
      throw network.contradiction(
        "decoder.blocks",
        "give the decoder \(decoderBlocks.count * vit.width) channels, which cannot be halved once for each doubling from "
          + "a patch of \(vit.patchSize) to a pixel")
    }
  }

  public static let weightLayouts = Recipes.WeightLayout.visionTransformers
  public var encoder: VisionTransformerSettings? { vit }
  public var patchMultiple: (size: Int, reason: String)? { (vit.patchSize, "the ViT's patch of \(vit.patchSize)") }
  /// A decoder of the last block alone asks for no others.
  public var idleKeys: [String] { multiScale ? [] : ["decoder.blocks"] }

  public func build(_ request: NetworkRequest) throws -> any SegmentationNetwork {
    let network = PrimusNetwork(
      VisionTransformerConfiguration(vit), blocks: decoderBlocks, classes: request.classes,
      Initializer(seed: request.seed))
    try request.weights?.load(into: network.encoder, named: "encoder")
    return network
  }

  public func forwardOperations(height: Int, width: Int, classes: Int) -> Double? {
    var forward = vit.forwardOperations(height: height, width: width)
    // Every step of the decoder halves the width and doubles both sides.
    let pixels = Double(height * width)
    var places = pixels / Double(vit.patchSize * vit.patchSize)
    var channels = Double(vit.width * decoderBlocks.count)
    while places < pixels {
      forward += places * channels * channels / 2 * 4
      channels /= 2
      places *= 4
    }
    return forward + places * channels * Double(classes)
  }
}

extension VisionTransformerSettings {
  /// Multiplications and additions of one image's forward pass.
  func forwardOperations(height: Int, width: Int) -> Double {
    let tokens = Double(height * width / (patchSize * patchSize))
    let products = tokens * Double(self.width * self.width) * (4 + 2 * mlpRatio)
    let attention = 2 * tokens * tokens * Double(self.width)
    return Double(depth) * (products + attention)
      + tokens * Double(patchSize * patchSize * inputChannels * self.width)
  }
}

extension VisionTransformerConfiguration {
  /// The transformer that a recipe describes.
  init(_ settings: VisionTransformerSettings) {
    self.init(
      width: settings.width, depth: settings.depth, heads: settings.heads, patch: settings.patchSize,
      mlpRatio: settings.mlpRatio, channels: settings.inputChannels, storageTokens: settings.storageTokens,
      attentionBias: !settings.qkvBias ? .none : settings.maskKBias ? .queryAndValue : .all,
      layerScale: settings.layerScale, normEpsilon: settings.layerNormEpsilon, rotaryBase: settings.ropeBase,
      rotaryAugmentation: RotaryAugmentation(
        rescale: settings.ropeRescale, jitter: settings.ropeJitter, shift: settings.ropeShift),
      dropPath: DropPath(
        rate: settings.dropPath, selection: settings.dropPathSelection))
  }
}

extension Recipes.WeightLayout {
  /// The layout of an encoder's file; nil for one that holds another network.
  fileprivate var ofEncoder: Networks.WeightLayout? {
    switch self {
    case .dinov3: .dinov3
    case .huggingFace: .huggingFace
    case .meddinov3: .medDINOv3
    case .segbench: .segbench
    case .nnUNet: nil
    }
  }
}

extension InitialWeightsFile {
  /// Puts the file's weights into an encoder. What the file has and the encoder was built without, storage tokens or the
  /// mask of the key's bias, is dropped, as the published trainers do.
  /// - Parameter adapting: also drops biases of queries, keys and values that the encoder was built without, and lets its
  ///   storage tokens stay as they are where the file has none: MedDINOv3's pretraining starts so from DINOv3.
  /// - Throws: `WeightFileError` when anything else in the file is not the encoder's.
  func load(into encoder: VisionTransformer, named name: String, adapting: Bool = false) throws {
    let (found, ours) = (try found(for: encoder.configuration), encoder.configuration)
    var dropped: [String] = []
    if ours.storageTokens == 0 { dropped += ["storage_tokens", "storageTokens", "embeddings.register_tokens"] }
    if ours.attentionBias != .queryAndValue { dropped.append("blocks.*.attn.qkv.bias_mask") }
    if adapting && ours.attentionBias == .none {
      dropped.append("blocks.*.attn.qkv.bias")
      dropped += ["query", "key", "value"].map { "blocks.*.attention.\($0).bias" }
      dropped += ["q", "k", "v"].map { "layer.*.attention.\($0)_proj.bias" }
    }
    try found.layout.mapping(for: encoder, name: name, prefix: found.prefix).load(
      found.file, into: encoder.parameters, dropping: dropped, keeping: adapting ? ["\(name).storageTokens"] : [])
  }

  /// Refuses a file whose encoder is not the recipe's `network.vit`; no weight is read.
  /// - Throws: `WeightFileError`.
  func requireForm(_ settings: VisionTransformerSettings) throws {
    _ = try found(for: VisionTransformerConfiguration(settings))
  }

  /// The file's encoder, which has the layout that the recipe names and the form of its own; no weight is read.
  /// - Throws: `WeightFileError`.
  func found(for ours: VisionTransformerConfiguration) throws -> EncoderFile {
    let found = try EncoderFile(WeightFile(contentsOf: url, hdf5: hdf5), heads: ours.heads, model: model)
    func refuse(_ problem: String) -> WeightFileError { .unreadable(path: url.path, problem: problem) }
    // MedDINOv3's names are DINOv3's.
    func names(_ layout: Networks.WeightLayout?) -> Networks.WeightLayout? { layout == .medDINOv3 ? .dinov3 : layout }
    guard names(found.layout) == names(layout.ofEncoder) else {
      throw refuse(
        "its keys are those of the layout \(found.layout.rawValue), but `initial_weights.layout` is \(layout.rawValue)")
    }
    let theirs = found.configuration
    guard theirs.width == ours.width, theirs.depth == ours.depth, theirs.patch == ours.patch else {
      func sizes(_ encoder: VisionTransformerConfiguration) -> String {
        "width \(encoder.width), \(encoder.depth) blocks and patch \(encoder.patch)"
      }
      throw refuse(
        "it holds a vision transformer of \(sizes(theirs)), and the recipe's `network.vit` has \(sizes(ours)); name the file of "
          + "that size, or change `network.vit`")
    }
    return found
  }
}
