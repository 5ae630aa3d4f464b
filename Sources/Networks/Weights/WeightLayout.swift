import Tensors

/// How a file names the weights of a vision transformer.
public enum WeightLayout: String, Sendable, CaseIterable {
  /// SegBench's own parameter names.
  case segbench
  /// The flat dictionary of DINOv3's published checkpoints, `dinov3_vitb16_pretrain_lvd1689m-73cec8be.pth` and the like.
  case dinov3
  /// Hugging Face's `DINOv3ViTModel`.
  case huggingFace = "hugging-face"
  /// MedDINOv3's published checkpoint: DINOv3's keys under `teacher` and `backbone.`, beside the heads of its pretraining.
  case medDINOv3 = "meddinov3"

  /// What the encoder's keys begin with in a published file, or in an encoder's file of our own.
  var prefix: String {
    switch self {
    case .segbench: "encoder."
    case .dinov3, .huggingFace: ""
    case .medDINOv3: "teacher.backbone."
    }
  }

  /// The keys for a vision transformer whose parameters' names begin with `name`.
  public func mapping(for encoder: VisionTransformer, name: String = "encoder") -> WeightMapping {
    switch self {
    case .segbench: return .own(encoder.parameters, layout: rawValue)
    case .dinov3: return WeightMapping(name: rawValue, entries: Self.dinov3Entries(encoder, name, prefix: ""))
    case .huggingFace: return WeightMapping(name: rawValue, entries: Self.huggingFaceEntries(encoder, name))
    case .medDINOv3:
      return WeightMapping(
        name: rawValue, entries: Self.dinov3Entries(encoder, name, prefix: prefix), scope: "teacher."
      ) { $0.contains("ibot") || $0.contains("dino_head") }
    }
  }

  /// The same for an encoder whose keys begin with `prefix`; what begins otherwise is not looked at.
  public func mapping(for encoder: VisionTransformer, name: String, prefix: String) -> WeightMapping {
    switch self {
    case .dinov3, .medDINOv3:
      return WeightMapping(
        name: rawValue, entries: Self.dinov3Entries(encoder, name, prefix: prefix), scope: prefix)
    case .huggingFace:
      return WeightMapping(
        name: rawValue, entries: Self.huggingFaceEntries(encoder, name, prefix: prefix), scope: prefix)
    case .segbench:
      return WeightMapping(
        name: rawValue,
        entries: encoder.parameters.map {
          .init(key: prefix + $0.name.dropFirst(name.count + 1), shape: $0.shape, content: .parameter($0.name))
        }, scope: prefix)
    }
  }

  static func dinov3Entries(_ encoder: VisionTransformer, _ name: String, prefix: String) -> [WeightMapping.Entry] {
    let configuration = encoder.configuration
    let width = configuration.width
    var entries: [WeightMapping.Entry] = []
    func add(_ key: String, _ shape: [Int], _ content: WeightMapping.Content) {
      entries.append(.init(key: prefix + key, shape: shape, content: content))
    }
    func copy(_ key: String, _ shape: [Int], _ parameter: String) {
      add(key, shape, .parameter("\(name).\(parameter)"))
    }
    func copyBoth(_ key: String, _ outputs: Int, _ inputs: Int?, _ parameter: String) {
      copy("\(key).weight", [outputs] + (inputs.map { [$0] } ?? []), "\(parameter).weight")
      copy("\(key).bias", [outputs], "\(parameter).bias")
    }
    copy("cls_token", [1, 1, width], "classToken")
    if configuration.storageTokens > 0 {
      copy("storage_tokens", [1, configuration.storageTokens, width], "storageTokens")
    }
    add("mask_token", [1, width], .unused)
    copy(
      "patch_embed.proj.weight", [width, configuration.channels, configuration.patch, configuration.patch],
      "patchEmbedding.weight")
    copy("patch_embed.proj.bias", [width], "patchEmbedding.bias")
    let periods = encoder.rotaryPeriods.map { Float($0) }
    add("rope_embed.periods", [periods.count], .constant(periods))
    for index in 0..<configuration.depth {
      let (key, own) = ("blocks.\(index)", "blocks.\(index)")
      copyBoth("\(key).norm1", width, nil, "\(own).norm1")
      let parts = ["query", "key", "value"].map { "\(name).\(own).attention.\($0)" }
      add("\(key).attn.qkv.weight", [3 * width, width], .stacked(parts.map { "\($0).weight" }))
      if configuration.attentionBias != .none {
        let biases: [String?] = [
          "\(parts[0]).bias", configuration.attentionBias == .all ? "\(parts[1]).bias" : nil, "\(parts[2]).bias",
        ]
        add("\(key).attn.qkv.bias", [3 * width], .stacked(biases))
      }
      if configuration.attentionBias == .queryAndValue {
        let mask = (0..<3 * width).map { Float($0 / width == 1 ? 0 : 1) }
        add("\(key).attn.qkv.bias_mask", [3 * width], .constant(mask))
      }
      copyBoth("\(key).attn.proj", width, width, "\(own).attention.output")
      if configuration.layerScale != nil { copy("\(key).ls1.gamma", [width], "\(own).scale1") }
      copyBoth("\(key).norm2", width, nil, "\(own).norm2")
      copyBoth("\(key).mlp.fc1", configuration.hiddenWidth, width, "\(own).mlp.expand")
      copyBoth("\(key).mlp.fc2", width, configuration.hiddenWidth, "\(own).mlp.contract")
      if configuration.layerScale != nil { copy("\(key).ls2.gamma", [width], "\(own).scale2") }
    }
    copyBoth("norm", width, nil, "norm")
    for key in ignoredKeys { add(key, [width], .ignored) }
    return entries
  }

  /// What some of DINOv3's published files hold (ViT-L's among them) beside the encoder that is used: the norm of local crops' class
  /// tokens, which only pretraining sees.
  static let ignoredKeys = ["local_cls_norm.weight", "local_cls_norm.bias"]

  private static func huggingFaceEntries(
    _ encoder: VisionTransformer, _ name: String, prefix: String = ""
  ) -> [WeightMapping.Entry] {
    let configuration = encoder.configuration
    let width = configuration.width
    var entries: [WeightMapping.Entry] = []
    func add(_ key: String, _ shape: [Int], _ content: WeightMapping.Content) {
      entries.append(.init(key: prefix + key, shape: shape, content: content))
    }
    // All but the token's and the patches' keys have the parameters' own shapes.
    let shapes = Dictionary(uniqueKeysWithValues: encoder.parameters.map { ($0.name, $0.shape) })
    func copy(_ key: String, _ parameter: String) {
      let parameter = "\(name).\(parameter)"
      if let shape = shapes[parameter] { add(key, shape, .parameter(parameter)) }
    }
    func copyBoth(_ key: String, _ parameter: String) {
      copy("\(key).weight", "\(parameter).weight")
      copy("\(key).bias", "\(parameter).bias")
    }
    copy("embeddings.cls_token", "classToken")
    add("embeddings.mask_token", [1, 1, width], .unused)
    if configuration.storageTokens > 0 {
      copy("embeddings.register_tokens", "storageTokens")
    } else {
      add("embeddings.register_tokens", [1, 0, width], .unused)
    }
    copyBoth("embeddings.patch_embeddings", "patchEmbedding")
    for index in 0..<configuration.depth {
      let (key, own) = ("layer.\(index)", "blocks.\(index)")
      copyBoth("\(key).norm1", "\(own).norm1")
      for (theirs, ours) in [("q", "query"), ("k", "key"), ("v", "value"), ("o", "output")] {
        copyBoth("\(key).attention.\(theirs)_proj", "\(own).attention.\(ours)")
      }
      copy("\(key).layer_scale1.lambda1", "\(own).scale1")
      copyBoth("\(key).norm2", "\(own).norm2")
      copyBoth("\(key).mlp.up_proj", "\(own).mlp.expand")
      copyBoth("\(key).mlp.down_proj", "\(own).mlp.contract")
      copy("\(key).layer_scale2.lambda1", "\(own).scale2")
    }
    copyBoth("norm", "norm")
    return entries
  }
}

extension WeightMapping {
  /// SegBench's own names: each parameter under its name, with its shape.
  public static func own(_ parameters: [Parameter], layout: String = "segbench") -> WeightMapping {
    WeightMapping(
      name: layout,
      entries: parameters.map { Entry(key: $0.name, shape: $0.shape, content: .parameter($0.name)) })
  }

  /// A whole network's weights under the names of MedDINOv3's published code, whose `Primus` and `Primus_Multiscale` load
  /// them strictly.
  public static func primus(_ network: PrimusNetwork) -> WeightMapping {
    var entries = WeightLayout.dinov3Entries(network.encoder, "encoder", prefix: "dino_encoder.")
    for parameter in network.decoderParameters {
      let parts = parameter.name.split(separator: ".")
      let key: String
      var shape = parameter.shape
      if parts[1] == "head" {
        key = "up_projection.decode.\(network.encoder.configuration.patch.trailingZeroBitCount).\(parts[2])"
        if parts[2] == "weight" { shape += [1, 1] }
      } else {
        key = "up_projection.decode.\(parts[2]).\(parts[3] == "upsample" ? 0 : 1).\(parts[4])"
      }
      entries.append(Entry(key: key, shape: shape, content: .parameter(parameter.name)))
    }
    return WeightMapping(name: "primus", entries: entries)
  }
}
