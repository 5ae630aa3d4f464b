import Files
import Foundation
import Tensors

/// The vision transformer that a file of weights holds, whoever wrote it: DINOv3's or MedDINOv3's published file, Hugging
/// Face's, a segmentation network around it (the published trainers' or our own), or an encoder that we trained.
///
/// Its form is read off the arrays' shapes. What shapes can't tell, the heads' width and LayerNorm's epsilon, comes from the
/// published models' constants, from the file's own texts (`VisionTransformerConfiguration.metadata`), or from the
/// `config.json` that Hugging Face puts beside its files.
public struct EncoderFile {
  public let file: WeightFile
  /// Whose names the keys have.
  public let layout: WeightLayout
  /// What the encoder's keys begin with, such as "teacher.backbone."; what does not begin so is not looked at.
  public let prefix: String
  public let configuration: VisionTransformerConfiguration

  /// Which of a self-distillation's networks it is, where the file says so.
  public let model: EncoderModel?
  /// What the encoder's keys hold that nothing here uses, and was left out, by its names.
  public let leftOut: [String]

  /// Finds the encoder: the file's only one, or the teacher of several.
  /// - Parameters:
  ///   - heads: the number of attention heads, where the file does not tell.
  ///   - model: which of several is meant.
  /// - Throws: `WeightFileError.unreadable` when there is none, several, or one that cannot be built.
  public init(_ file: WeightFile, heads: Int? = nil, model: EncoderModel? = nil) throws {
    let file = file.unwrapped
    try self.init(file, at: EncoderPlace.chosen(in: file, model), heads: heads)
  }

  private init(_ file: WeightFile, at place: EncoderPlace, heads: Int?) throws {
    self.file = file
    (prefix, model) = (place.prefix, place.model)
    layout = place.layout == .dinov3 && prefix == WeightLayout.medDINOv3.prefix ? .medDINOv3 : place.layout
    configuration = try Self.configuration(of: file, naming: place.layout, prefix: prefix, heads: heads)
    leftOut = WeightLayout.ignoredKeys.map { place.prefix + $0 }.filter { file.tensors[$0] != nil }
  }

  /// Every encoder of a file that can be built.
  public static func all(in file: WeightFile) -> [EncoderFile] {
    let file = file.unwrapped
    return EncoderPlace.all(in: file).compactMap { try? EncoderFile(file, at: $0, heads: nil) }
  }

  /// Builds the encoder with the file's weights.
  /// - Throws: `WeightFileError.mismatch` with every key that is missing, unexpected or wrong.
  public func load(name: String = "encoder") throws -> VisionTransformer {
    let encoder = VisionTransformer(configuration, name: name, .zeros)
    try layout.mapping(for: encoder, name: name, prefix: prefix).load(file, into: encoder.parameters)
    return encoder
  }

  private static func configuration(
    of file: WeightFile, naming: WeightLayout, prefix: String, heads: Int?
  ) throws -> VisionTransformerConfiguration {
    func refuse(_ problem: String) -> WeightFileError { .unreadable(path: file.path, problem: problem) }
    func shape(_ key: String) -> [Int]? { file.tensors[prefix + key]?.shape }
    let keys = FormKeys(naming)
    if let problem = OtherModel.problem(in: file, prefix: prefix) { throw refuse(problem) }
    guard let patches = shape(keys.patches), patches.count == 4, patches[2] == patches[3],
      patches.allSatisfy({ (1...65536).contains($0) })
    else { throw refuse("\"\(prefix)\(keys.patches)\" is no [width, channels, patch, patch] array") }
    let (width, channels, patch) = (patches[0], patches[1], patches[2])
    var depth = 0
    while depth < 1024, shape(keys.block(depth) + keys.norm) != nil { depth += 1 }
    guard depth > 0, let expansion = shape(keys.block(0) + keys.expansion), expansion.count == 2 else {
      throw refuse("the vision transformer \"\(prefix)\" has no blocks of the kind that is known here")
    }
    var configuration = VisionTransformerConfiguration(
      width: width, depth: depth, heads: 1, patch: patch, channels: channels)
    configuration.mlpRatio = ratio(expansion[0], width)
    configuration.storageTokens = shape(keys.storage)?.dropFirst().first ?? 0
    configuration.layerScale = shape(keys.block(0) + keys.scale) == nil ? nil : 1e-5
    configuration.attentionBias = keys.attentionBias { shape(keys.block(0) + $0) != nil }
    let texts = try Texts(file, naming: naming, width: width)
    configuration.normEpsilon = texts.epsilon ?? usualEpsilon(naming, configuration)
    configuration.rotaryBase = texts.base ?? 100
    let periods = shape("rope_embed.periods").flatMap(\.first)
    if let heads = heads ?? texts.heads ?? periods.flatMap({ $0 > 0 ? width / (4 * $0) : nil }) {
      configuration.heads = heads
    } else {
      guard width % 64 == 0 else {
        throw refuse("nothing says how many attention heads its vision transformer of width \(width) has")
      }
      configuration.heads = width / 64
    }
    if let problem = configuration.problem { throw refuse("its vision transformer cannot be built: \(problem)") }
    // Nothing is allocated that the file does not fill.
    let elements = file.tensors.reduce(0.0) { $0 + Double($1.value.data.count / $1.value.elementType.size) }
    guard Double(depth) * Double(width) * (4 * Double(width) + 2 * Double(expansion[0])) <= elements else {
      throw refuse("it has fewer numbers than a vision transformer of \(depth) blocks and width \(width)")
    }
    return configuration
  }

  /// LayerNorm's epsilon where no text tells it. DINOv3's published models have 1e-5, and keys' biases under a mask; MedDINOv3's
  /// code builds its transformers with 1e-6, without biases or, for its segmentation networks from DINOv3, with plain biases and
  /// no storage tokens. Where in the file the transformer stands says nothing.
  private static func usualEpsilon(_ naming: WeightLayout, _ configuration: VisionTransformerConfiguration) -> Double {
    guard naming == .dinov3 else { return 1e-5 }
    switch configuration.attentionBias {
    case .queryAndValue: return 1e-5
    case .none: return 1e-6
    case .all: return configuration.storageTokens == 0 ? 1e-6 : 1e-5
    }
  }

  /// The MLP's ratio that gives exactly `hidden`.
  static func ratio(_ hidden: Int, _ width: Int) -> Double {
    var ratio = Double(hidden) / Double(width)
    while Int(Double(width) * ratio) < hidden { ratio = ratio.nextUp }
    return ratio
  }
}

/// The keys that tell a vision transformer's form, below its prefix.
private struct FormKeys {
  let patches, storage, norm, expansion, scale: String
  private let blocks: String
  private let bias: (query: String, key: String)
  private let isMasked: Bool

  init(_ layout: WeightLayout) {
    switch layout {
    case .segbench:
      (patches, storage, blocks) = ("patchEmbedding.weight", "storageTokens", "blocks")
      (norm, expansion, scale) = ("norm1.weight", "mlp.expand.weight", "scale1")
      (bias, isMasked) = (("attention.query.bias", "attention.key.bias"), false)
    case .huggingFace:
      (patches, storage) = ("embeddings.patch_embeddings.weight", "embeddings.register_tokens")
      blocks = "layer"
      (norm, expansion, scale) = ("norm1.weight", "mlp.up_proj.weight", "layer_scale1.lambda1")
      (bias, isMasked) = (("attention.q_proj.bias", "attention.k_proj.bias"), false)
    case .dinov3, .medDINOv3:
      (patches, storage, blocks) = ("patch_embed.proj.weight", "storage_tokens", "blocks")
      (norm, expansion, scale) = ("norm1.weight", "mlp.fc1.weight", "ls1.gamma")
      (bias, isMasked) = (("attn.qkv.bias", "attn.qkv.bias_mask"), true)
    }
  }

  func block(_ index: Int) -> String { "\(blocks).\(index)." }

  /// - Parameter has: whether a block has that key.
  func attentionBias(_ has: (String) -> Bool) -> AttentionBias {
    if !has(bias.query) { return .none }
    // DINOv3 stores the key's bias with a mask over it; the others leave it out.
    return has(bias.key) == isMasked ? .queryAndValue : .all
  }
}

/// What texts say of a vision transformer beyond its arrays.
private struct Texts {
  private(set) var heads: Int?
  private(set) var epsilon: Double?
  private(set) var base: Double?

  init(_ file: WeightFile, naming: WeightLayout, width: Int) throws {
    heads = file.scalars[VisionTransformerConfiguration.headsKey].flatMap { Int($0) }
    epsilon = file.scalars[VisionTransformerConfiguration.epsilonKey].flatMap { Double($0) }
    base = file.scalars[VisionTransformerConfiguration.baseKey].flatMap { Double($0) }
    guard naming == .huggingFace else { return }
    struct Config: Decodable {
      let model_type: String?
      let hidden_size: Int?
      let num_attention_heads: Int?
      let layer_norm_eps: Double?
      let rope_theta: Double?
    }
    let url = URL(fileURLWithPath: file.path).deletingLastPathComponent().appendingPathComponent("config.json")
    guard let size = try? fileSize(url), size <= 1 << 20 else { return }
    guard let config = try? JSONDecoder().decode(Config.self, from: Data(contentsOf: url)) else {
      throw WeightFileError.unreadable(
        path: url.path, problem: "Hugging Face's description of a model is expected beside its weights")
    }
    // One of a model around the encoder, or of another that lies in the same folder.
    guard config.model_type.map({ $0.hasPrefix("dinov3") }) ?? true else { return }
    if let hidden = config.hidden_size, hidden != width {
      throw WeightFileError.unreadable(
        path: file.path,
        problem: "its vision transformer is \(width) wide and the config.json beside it describes one of \(hidden)")
    }
    (heads, epsilon, base) = (config.num_attention_heads, config.layer_norm_eps, config.rope_theta)
  }
}

extension VisionTransformerConfiguration {
  fileprivate static let headsKey = "encoder.heads"
  fileprivate static let epsilonKey = "encoder.normEpsilon"
  fileprivate static let baseKey = "encoder.rotaryBase"

  /// What the weights' shapes do not tell of this form, for `Safetensors.write`'s metadata.
  public var metadata: [String: String] {
    [Self.headsKey: String(heads), Self.epsilonKey: String(normEpsilon), Self.baseKey: String(rotaryBase)]
  }
}
