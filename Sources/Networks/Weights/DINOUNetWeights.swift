import Tensors

extension WeightMapping {
  /// A DINO U-Net's weights under the names of the published trainers' `DinoUNet`, whose decoder names all of the encoder once more.
  /// Its coarser stages' classifiers, which nothing uses without deep supervision, are zero when written.
  public static func dinoUNet(_ network: DINOUNet) -> WeightMapping {
    let configuration = network.configuration
    let classes = network.parameters.last { $0.name == "decoder.classifier.bias" }!.count
    var entries: [Entry] = []
    func add(_ key: String, _ shape: [Int], _ content: Content) {
      let owners = key.hasPrefix(DINOUNetKeys.encoder) ? ["", "decoder."] : [""]
      entries += owners.map { Entry(key: $0 + key, shape: shape, content: content) }
    }
    for entry in WeightLayout.dinov3Entries(network.encoder, "encoder", prefix: DINOUNetKeys.backbone) {
      add(entry.key, entry.shape, entry.content)
    }
    for parameter in network.decoderParameters {
      let isPixelwise = parameter.name.hasPrefix("adapter.prior.projections.") && parameter.shape.count == 2
      let shape = parameter.shape + (isPixelwise ? [1, 1] : [])
      for key in DINOUNetKeys.published(parameter.name) { add(key, shape, .parameter(parameter.name)) }
      if parameter.name.hasSuffix(".variance") {
        let norm = DINOUNetKeys.published(parameter.name)[0].dropLast("running_var".count)
        add("\(norm)num_batches_tracked", [], .unused)
      }
    }
    for stage in 0..<2 {
      let width = configuration.widths[2 - stage]
      add("decoder.seg_layers.\(stage).weight", [classes, width, 1, 1], .unused)
      add("decoder.seg_layers.\(stage).bias", [classes], .unused)
    }
    return WeightMapping(name: "dino-u-net", entries: entries)
  }
}

/// The published trainers' names of a DINO U-Net's parameters.
enum DINOUNetKeys {
  static let encoder = "encoder."
  static let backbone = "encoder.dinov3_adapter.backbone."

  /// The keys of one of our parameters beside the transformer's: several where modules are known by two names.
  static func published(_ name: String) -> [String] {
    let parts = name.split(separator: ".").map(String.init)
    let last = ["mean": "running_mean", "variance": "running_var"][parts[parts.count - 1]] ?? parts[parts.count - 1]
    switch (parts[0], parts[1]) {
    case ("adapter", let part): return ["encoder.dinov3_adapter.\(adapter(part, parts, last))"]
    case ("projection", "shared"): return ["encoder.fapm.shared_basis.\(last)"]
    case ("projection", _): return ["encoder.fapm.\(projection(parts, last))"]
    case ("upsamples", let level): return ["encoder.ups.\(level).up2.\(last)"]
    case ("decoder", "upsamples"): return ["decoder.transpconvs.\(parts[2]).\(last)"]
    case ("decoder", "stages"):
      let unit = "decoder.stages.\(parts[2]).convs.\(parts[3])"
      let isNorm = parts[4] == "norm"
      return ["\(unit).\(isNorm ? "norm" : "conv").\(last)", "\(unit).all_modules.\(isNorm ? 1 : 0).\(last)"]
    default: return ["decoder.seg_layers.2.\(last)"]
    }
  }

  private static func adapter(_ part: String, _ parts: [String], _ last: String) -> String {
    switch part {
    case "levels": return "level_embed"
    case "upsample": return "up.\(last)"
    case "norms": return "norm\(Int(parts[2])! + 1).\(last)"
    case "prior" where parts[2] == "projections": return "spm.fc\(Int(parts[3])! + 1).\(last)"
    case "prior":
      // Three steps in a stem, each a convolution, a norm and ReLU; then one a module.
      let step = Int(parts[3])!
      let isNorm = parts[4] == "norm"
      let place = step < 3 ? "stem.\(3 * step + (isNorm ? 1 : 0))" : "conv\(step - 1).\(isNorm ? 1 : 0)"
      return "spm.\(place).\(last)"
    default:
      let (block, turn) = (parts[2], Int(parts[3])!)
      let owner = turn == 0 ? "extractor" : "extra_extractors.\(turn - 1)"
      return
        "interactions.\(block).\(owner).\(extractorParts[parts[4..<(parts.count - 1)].joined(separator: ".")]!).\(last)"
    }
  }

  private static let extractorParts = [
    "queryNorm": "query_norm", "featureNorm": "feat_norm", "attention.samplingOffsets": "attn.sampling_offsets",
    "attention.attentionWeights": "attn.attention_weights", "attention.value": "attn.value_proj",
    "attention.output": "attn.output_proj", "feedForwardNorm": "ffn_norm", "expand": "ffn.fc1",
    "depthwise": "ffn.dwconv.dwconv", "contract": "ffn.fc2",
  ]

  private static func projection(_ parts: [String], _ last: String) -> String {
    let level = parts[2]
    let inBlock = [
      "reduce.convolution": "0", "reduce.norm": "1", "depthwise": "3.depthwise", "pointwise.convolution": "3.pointwise",
      "pointwise.norm": "3.bn", "refine": "4", "squeeze": "5.fc.0", "excite": "5.fc.2",
    ]
    let part = parts[3..<(parts.count - 1)].joined(separator: ".")
    switch part {
    case "own": return "specific_bases.\(level).\(last)"
    case "film": return "film_generators.\(level).\(last)"
    case "shortcut": return "shortcut_projections.\(level).\(last)"
    default: return "refinement_blocks.\(level).\(inBlock[part]!).\(last)"
    }
  }
}

extension DINOUNetConfiguration {
  /// The form of a network whose arrays have these shapes. How the points of the adapter's attention divide into heads, and which
  /// blocks it reads, shapes don't tell; nothing of a file of weights depends on it.
  /// - Parameter shape: of the array that is one of our parameters.
  /// - Returns: nil where an array is missing or doesn't go with the others.
  init?(encoder: VisionTransformerConfiguration, shape: (String) -> [Int]?) {
    let width = encoder.width
    guard encoder.depth >= 4, let shared = shape("projection.shared.weight"), shared.count == 4,
      let film = shape("projection.levels.0.film.weight"), film == [2 * shared[0], shared[0], 1, 1],
      let value = shape("adapter.extractors.0.0.attention.value.weight"), value.count == 2, value[1] == width,
      let expand = shape("adapter.extractors.0.0.expand.weight"), expand.count == 2, expand[1] == width,
      let weights = shape("adapter.extractors.0.0.attention.attentionWeights.weight"), weights.count == 2,
      weights[1] == width,
      let step = shape("adapter.prior.steps.1.weight"), step.count == 4, step == [step[0], step[0], 3, 3]
    else { return nil }
    var widths: [Int] = []
    for level in 0..<4 {
      guard let refine = shape("projection.levels.\(level).refine.weight"), refine.count == 4,
        refine == [refine[0], refine[0], 1, 1]
      else { return nil }
      widths.append(refine[0])
    }
    var convolutions = 0
    while convolutions < 64, shape("decoder.stages.0.\(convolutions).convolution.weight") != nil { convolutions += 1 }
    self.init(
      encoder: encoder, blocks: Array((encoder.depth - 4)..<encoder.depth),
      adapter: Adapter(
        heads: 1, points: weights[0], ratio: EncoderFile.ratio(value[0], width),
        feedForwardRatio: EncoderFile.ratio(expand[0], width), priorWidth: step[0]),
      rank: shared[0], widths: widths, convolutions: convolutions)
    if problem != nil { return nil }
  }
}
