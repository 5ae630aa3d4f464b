import Files
import Foundation
import Networks
import Recipes

extension VisionTransformerConfiguration {
  /// The transformer that a recipe describes.
  init(_ settings: VisionTransformerSettings) {
    self.init(
      width: settings.width, depth: settings.depth, heads: settings.heads, patch: settings.patchSize,
      mlpRatio: settings.mlpRatio, channels: settings.inputChannels, storageTokens: settings.storageTokens,
      attentionBias: !settings.qkvBias ? .none : settings.maskKBias ? .queryAndValue : .all,
      layerScale: settings.layerScale, normEpsilon: settings.layerNormEpsilon, rotaryBase: settings.ropeBase,
      dropPath: DropPath(rate: settings.dropPath))
  }
}

extension NetworkSettings {
  /// Builds the network with its parameters drawn from the seed, then puts the initial weights into its encoder.
  func build(classes: Int, seed: UInt64, weights: InitialWeightsFile?) throws -> PrimusNetwork {
    let network = PrimusNetwork(
      VisionTransformerConfiguration(vit), blocks: decoderBlocks, classes: classes, Initializer(seed: seed))
    if let weights {
      try weights.load(into: network.encoder, named: "encoder")
    }
    return network
  }
}

extension InitialWeightsFile {
  /// Puts the file's weights into an encoder. What the file has and the encoder was built without, storage tokens or the
  /// mask of the key's bias, is dropped, as the published trainers do (notes, point 8).
  /// - Parameter adapting: also drops biases of queries, keys and values that the encoder was built without, and lets its
  ///   storage tokens stay as they are where the file has none: MedDINOv3's pretraining starts so from DINOv3.
  /// - Throws: `WeightFileError` when anything else in the file is not the encoder's.
  func load(into encoder: VisionTransformer, named name: String, adapting: Bool = false) throws {
    let layout = Networks.WeightLayout(rawValue: layout.rawValue)!
    var dropped: [String] = []
    if encoder.configuration.storageTokens == 0 {
      dropped += ["storage_tokens", "*.storage_tokens", "embeddings.register_tokens"]
    }
    if encoder.configuration.attentionBias != .queryAndValue {
      dropped += ["blocks.*.attn.qkv.bias_mask", "*.blocks.*.attn.qkv.bias_mask"]
    }
    if adapting && encoder.configuration.attentionBias == .none {
      dropped += ["blocks.*.attn.qkv.bias", "*.blocks.*.attn.qkv.bias"]
      dropped += ["query", "key", "value"].map { "*.blocks.*.attention.\($0).bias" }
    }
    try layout.mapping(for: encoder, name: name).load(
      WeightFile(contentsOf: url), into: encoder.parameters, dropping: dropped,
      keeping: adapting ? ["\(name).storageTokens"] : [])
  }
}
