import Files
import Foundation

/// What a file of weights holds that is no vision transformer of a known form.
enum OtherModel {
  /// One clause about a file in which none was found.
  static func problem(in file: WeightFile) -> String {
    let keys = file.tensors.keys
    func ends(_ suffix: String) -> Bool { keys.contains { $0 == suffix || $0.hasSuffix("." + suffix) } }
    func has(_ part: String) -> Bool { keys.contains { $0.contains(part) } }
    if isQuantised(file, "") { return quantised }
    guard !keys.isEmpty else { return "there is no array in it; a file of weights (a state_dict) is needed" }
    let isOptimiser = keys.allSatisfy { key in
      ["optimizer", "optimiser", "exp_avg", "momentum_buffer", "lr_scheduler", "grad_scaler"].contains(
        where: key.contains)
        || key.hasSuffix(".step")
    }
    if isOptimiser {
      return "its arrays are an optimiser's state alone; the checkpoint with the model's weights is needed"
    }
    if let part = partOfSeveral(file.path) {
      return "by its name it is \(part); join the parts into one file first"
    }
    if let known = known.first(where: { ends($0.key) }) { return "its keys are those of \(known.model); \(required)" }
    if has("dino_head") || has("ibot_head") { return "its keys are those of pretraining's heads alone; \(required)" }
    if let type = modelType(beside: file.path) {
      return "the config.json beside it calls the model \"\(type)\"; \(required)"
    }
    let shown = keys.sorted().prefix(3).map { String($0.prefix(60)) }.joined(separator: ", ")
    return "its keys are \(shown)\(keys.count > 3 ? ", …" : ""); \(required)"
  }

  /// What is wrong with a vision transformer below a prefix that has the patch embedding's key; nil if nothing is told here.
  static func problem(in file: WeightFile, prefix: String) -> String? {
    func has(_ key: String) -> Bool { file.tensors[prefix + key] != nil }
    if isQuantised(file, prefix) { return quantised }
    if has("pos_embed") || has("embeddings.position_embeddings") {
      return
        "its vision transformer has learned positions (\"\(prefix)pos_embed\"), as DINOv2's, DINO's, MAE's, SAM's and timm's have; "
        + "one with DINOv3's rotary positions is required"
    }
    if has("blocks.0.mlp.w1.weight") || has("layer.0.mlp.gate_proj.weight") {
      return
        "its blocks have a gated MLP (SwiGLU, as DINOv3's ViT-S+, ViT-H+ and ViT-7B have), which is not supported; ViT-S, "
        + "ViT-B and ViT-L are"
    }
    if has("reg_token") || has("blocks.0.gamma_1") {
      return
        "its keys are those of timm's form of DINOv3; Meta's file (dinov3_vitb16_pretrain_lvd1689m-73cec8be.pth) or Hugging "
        + "Face's is needed"
    }
    if has("blocks.0.0.norm1.weight") {
      return
        "its blocks are divided into chunks (\"blocks.0.0.\"), as DINOv2's training saves them, which is not supported"
    }
    return nil
  }

  private static let required =
    "one of DINOv3's vision transformers is required, under Meta's, Hugging Face's or our own names"

  private static let quantised =
    "its weights are quantised (integers with scales), from which the original ones cannot be had back; the file that was not "
    + "quantised is needed"

  private static func isQuantised(_ file: WeightFile, _ prefix: String) -> Bool {
    let isTold = file.scalars.contains { key, text in
      key.hasPrefix(prefix) && (text == "(a quantised tensor)" || text.hasPrefix("(a tensor of q"))
    }
    if isTold { return true }
    let marks = [".SCB", ".qweight", ".quant_state", ".absmax", "_packed_params", ".weight_scale", ".qzeros"]
    return file.tensors.contains { key, tensor in
      guard key.hasPrefix(prefix) else { return false }
      return marks.contains(where: key.contains)
        || [.int8, .uint8].contains(tensor.elementType) && tensor.shape.count > 1 && key.hasSuffix(".weight")
    }
  }

  /// A key that tells whose model it is.
  private static let known: [(key: String, model: String)] = [
    ("stages.0.0.dwconv.weight", "a ConvNeXt (DINOv3 has models of that kind too)"),
    ("stages.0.layers.0.depthwise_conv.weight", "a ConvNeXt (DINOv3 has models of that kind too)"),
    ("embeddings.patch_embeddings.projection.weight", "Hugging Face's ViT with learned positions, such as DINOv2"),
    (
      "decoder.seg_layers.0.weight",
      "nnU-Net's U-Net (network.kind: unet with initial_weights.layout: nnu-net takes it)"
    ),
    ("segformer.encoder.patch_embeddings.0.proj.weight", "SegFormer"),
    ("layer1.0.conv1.weight", "a ResNet"),
    ("layers.0.blocks.0.attn.relative_position_bias_table", "a Swin transformer"),
    ("visual.conv1.weight", "CLIP"),
    ("embed_tokens.weight", "a language model"),
    ("embeddings.word_embeddings.weight", "a language model"),
  ]

  /// "part 1 of 2" of model-00001-of-00002.safetensors.
  private static func partOfSeveral(_ path: String) -> String? {
    let name = (path as NSString).lastPathComponent
    guard let range = name.range(of: "-of-") else { return nil }
    let (index, count) = (name[..<range.lowerBound].suffix(5), name[range.upperBound...].prefix(5))
    guard let index = Int(index), let count = Int(count), count > 1 else { return nil }
    return "part \(index) of \(count) of a model's weights"
  }

  private static func modelType(beside path: String) -> String? {
    struct Config: Decodable { let model_type: String? }
    let url = URL(fileURLWithPath: path).deletingLastPathComponent().appendingPathComponent("config.json")
    guard let size = try? fileSize(url), size <= 1 << 20, let data = try? Data(contentsOf: url) else { return nil }
    return (try? JSONDecoder().decode(Config.self, from: data))?.model_type.map { String($0.prefix(60)) }
  }
}
