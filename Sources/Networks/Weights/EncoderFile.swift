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

  /// Finds the encoder.
  /// - Parameter heads: the number of attention heads, where the file does not tell.
  /// - Throws: `WeightFileError.unreadable` when there is none, several, or one that cannot be built.
  public init(_ file: WeightFile, heads: Int? = nil) throws {
    self.file = file
    let (naming, prefix) = try Self.place(in: file)
    self.prefix = prefix
    layout = naming == .dinov3 && prefix == WeightLayout.medDINOv3.prefix ? .medDINOv3 : naming
    configuration = try Self.form(of: file, naming: naming, prefix: prefix, heads: heads)
  }

  /// Builds the encoder with the file's weights.
  /// - Throws: `WeightFileError.mismatch` with every key that is missing, unexpected or wrong.
  public func load(name: String = "encoder") throws -> VisionTransformer {
    let encoder = VisionTransformer(configuration, name: name, .zeros)
    try layout.mapping(for: encoder, name: name, prefix: prefix).load(file, into: encoder.parameters)
    return encoder
  }

  /// The key by which each layout's encoder is found.
  private static let marks: [(WeightLayout, key: String)] = [
    (.segbench, "patchEmbedding.weight"), (.dinov3, "patch_embed.proj.weight"),
    (.huggingFace, "embeddings.patch_embeddings.weight"),
  ]

  private static func place(in file: WeightFile) throws -> (WeightLayout, prefix: String) {
    var places: [(layout: WeightLayout, prefix: String)] = []
    for (layout, mark) in marks {
      for key in file.tensors.keys where key.hasSuffix(mark) {
        let prefix = String(key.dropLast(mark.count))
        if prefix.isEmpty || prefix.hasSuffix(".") { places.append((layout, prefix)) }
      }
    }
    // Of a self-distillation's two networks the teacher, the average over the training, is the one that is used.
    let teachers = places.filter { $0.prefix.contains("teacher") }
    if places.count > 1, teachers.count == 1 { places = teachers }
    // The published DINO U-Net's decoder names the encoder once more.
    let second = "decoder." + DINOUNetKeys.backbone
    let prefixes = places.map(\.prefix)
    places.removeAll { place in
      place.prefix.hasSuffix(second)
        && prefixes.contains(place.prefix.dropLast(second.count) + DINOUNetKeys.backbone)
    }
    guard let place = places.first else {
      let keys = marks.map { "\"\($0.key)\"" }.joined(separator: ", ")
      throw WeightFileError.unreadable(
        path: file.path, problem: "it holds no vision transformer: no key ends in one of \(keys)")
    }
    guard places.count == 1 else {
      let names = places.map { "\"\($0.prefix)\"" }.sorted().joined(separator: ", ")
      throw WeightFileError.unreadable(
        path: file.path, problem: "it holds several vision transformers, with the prefixes \(names)")
    }
    return place
  }

  private static func form(
    of file: WeightFile, naming: WeightLayout, prefix: String, heads: Int?
  ) throws -> VisionTransformerConfiguration {
    func refuse(_ problem: String) -> WeightFileError { .unreadable(path: file.path, problem: problem) }
    func shape(_ key: String) -> [Int]? { file.tensors[prefix + key]?.shape }
    let keys = FormKeys(naming)
    guard let patches = shape(keys.patches), patches.count == 4, patches[2] == patches[3],
      patches.allSatisfy({ (1...65536).contains($0) })
    else { throw refuse("\"\(prefix)\(keys.patches)\" is no [width, channels, patch, patch] array") }
    let (width, channels, patch) = (patches[0], patches[1], patches[2])
    var depth = 0
    while depth < 1024, shape(keys.block(depth) + keys.norm) != nil { depth += 1 }
    guard depth > 0, let expansion = shape(keys.block(0) + keys.expansion), expansion.count == 2 else {
      throw refuse("the vision transformer \"\(prefix)\" has no blocks of the kind that is known here")
    }
    var form = VisionTransformerConfiguration(width: width, depth: depth, heads: 1, patch: patch, channels: channels)
    form.mlpRatio = ratio(expansion[0], width)
    form.storageTokens = shape(keys.storage)?.dropFirst().first ?? 0
    form.layerScale = shape(keys.block(0) + keys.scale) == nil ? nil : 1e-5
    form.attentionBias = keys.attentionBias { shape(keys.block(0) + $0) != nil }
    let texts = try Texts(file, naming: naming, prefix: prefix)
    form.normEpsilon = texts.epsilon ?? (naming == .dinov3 && !prefix.isEmpty ? 1e-6 : 1e-5)
    form.rotaryBase = texts.base ?? 100
    let periods = shape("rope_embed.periods").flatMap(\.first)
    if let heads = heads ?? texts.heads ?? periods.flatMap({ $0 > 0 ? width / (4 * $0) : nil }) {
      form.heads = heads
    } else {
      guard width % 64 == 0 else {
        throw refuse("nothing says how many attention heads its vision transformer of width \(width) has")
      }
      form.heads = width / 64
    }
    if let problem = form.problem { throw refuse("its vision transformer cannot be built: \(problem)") }
    // Nothing is allocated that the file does not fill.
    let elements = file.tensors.reduce(0.0) { $0 + Double($1.value.data.count / $1.value.elementType.size) }
    guard Double(depth) * Double(width) * (4 * Double(width) + 2 * Double(expansion[0])) <= elements else {
      throw refuse("it has fewer numbers than a vision transformer of \(depth) blocks and width \(width)")
    }
    return form
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

  init(_ file: WeightFile, naming: WeightLayout, prefix: String) throws {
    heads = file.scalars[VisionTransformerConfiguration.headsKey].flatMap { Int($0) }
    epsilon = file.scalars[VisionTransformerConfiguration.epsilonKey].flatMap { Double($0) }
    base = file.scalars[VisionTransformerConfiguration.baseKey].flatMap { Double($0) }
    guard naming == .huggingFace, prefix.isEmpty else { return }
    struct Config: Decodable {
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
