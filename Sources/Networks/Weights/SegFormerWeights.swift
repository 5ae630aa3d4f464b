import Tensors

extension WeightMapping {
  /// A SegFormer's weights in Hugging Face's published files (`nvidia/segformer-b2-…`), for NVIDIA's form of the network.
  public static func segFormerHuggingFace(_ network: SegFormer) -> WeightMapping {
    let inBlock = [
      "norm1": "layer_norm_1", "norm2": "layer_norm_2", "attention.query": "attention.self.query",
      "attention.key": "attention.self.key", "attention.value": "attention.self.value",
      "attention.output": "attention.output.dense", "attention.reduction": "attention.self.sr",
      "attention.reduction.norm": "attention.self.layer_norm", "feedForward.expand": "mlp.dense1",
      "feedForward.depthwise": "mlp.dwconv.dwconv", "feedForward.contract": "mlp.dense2",
    ]
    let entries = network.parameters.map { parameter in
      let parts = parameter.name.split(separator: ".").map(String.init)
      let last = parts[parts.count - 1]
      let key: String
      switch (parts[0], parts[1], parts.count > 2 ? parts[2] : "") {
      case ("stages", let stage, "embedding"):
        key = "segformer.encoder.patch_embeddings.\(stage).\(parts.count == 4 ? "proj" : "layer_norm").\(last)"
      case ("stages", let stage, "norm"): key = "segformer.encoder.layer_norm.\(stage).\(last)"
      case ("stages", let stage, _):
        let part = inBlock[parts[4..<(parts.count - 1)].joined(separator: ".")]!
        key = "segformer.encoder.block.\(stage).\(parts[3]).\(part).\(last)"
      case (_, "projections", let stage): key = "decode_head.linear_c.\(stage).proj.\(last)"
      case (_, "norm", _): key = "decode_head.batch_norm.\(statistic(last))"
      case (_, let part, _): key = "decode_head.\(part == "fusion" ? "linear_fuse" : part).\(last)"
      }
      return entry(key, parameter)
    }
    return WeightMapping(name: "segformer", entries: entries + [counter("decode_head.batch_norm")])
  }

  /// A SegFormer's weights as MedDINOv3's published `SegFormer` names them, for its form of the network. The two LayerNorms of its
  /// feed-forward networks that nothing passes through keep their initial values there.
  public static func segFormerPublished(_ network: SegFormer) -> WeightMapping {
    let inBlock = [
      "norm1": "norm1", "norm2": "norm2", "attention.query": "attn.q", "attention.output": "attn.proj",
      "attention.reduction": "attn.sr", "attention.reduction.norm": "attn.norm", "feedForward.expand": "mlp.fc1",
      "feedForward.depthwise": "mlp.dwconv.dwconv", "feedForward.contract": "mlp.fc2", "feedForward.norm": "mlp.norm1",
    ]
    var entries: [Entry] = []
    for parameter in network.parameters {
      let parts = parameter.name.split(separator: ".").map(String.init)
      let last = parts[parts.count - 1]
      let number = (Int(parts[1]) ?? 0) + 1
      switch (parts[0], parts[1], parts.count > 2 ? parts[2] : "") {
      case ("stages", _, "embedding"):
        entries.append(entry("backbone.patch_embed\(number).\(parts.count == 4 ? "proj" : "norm").\(last)", parameter))
      case ("stages", _, "norm"): entries.append(entry("backbone.norm\(number).\(last)", parameter))
      case ("stages", _, _):
        let (part, block) = (parts[4..<(parts.count - 1)].joined(separator: "."), "backbone.block\(number).\(parts[3])")
        if part == "attention.key" {
          // Keys and values are one map there.
          let names = ["key", "value"].map { "\(parts[0..<4].joined(separator: ".")).attention.\($0).\(last)" }
          let shape = [2 * parameter.shape[0]] + parameter.shape.dropFirst()
          entries.append(Entry(key: "\(block).attn.kv.\(last)", shape: shape, content: .stacked(names)))
        } else if let key = inBlock[part] {
          entries.append(entry("\(block).\(key).\(last)", parameter))
        }
        if part == "feedForward.norm" {
          let idle = [Float](repeating: last == "weight" ? 1 : 0, count: parameter.count)
          for norm in ["norm2", "norm3"] {
            entries.append(Entry(key: "\(block).mlp.\(norm).\(last)", shape: parameter.shape, content: .constant(idle)))
          }
        }
      case (_, "projections", let stage):
        entries.append(entry("decoder.linear_c\(Int(stage)! + 1).proj.\(last)", parameter))
      case (_, "fusion", _): entries.append(entry("decoder.linear_fuse.conv.\(last)", parameter))
      case (_, "norm", _): entries.append(entry("decoder.linear_fuse.bn.\(statistic(last))", parameter))
      case (_, let part, _):
        entries.append(entry("decoder.\(part == "classifier" ? "linear_pred" : "conv_up").\(last)", parameter))
      }
    }
    return WeightMapping(name: "meddinov3-segformer", entries: entries + [counter("decoder.linear_fuse.bn")])
  }

  /// A parameter under a peer's key; a linear map of pixels is a convolution of 1 x 1 there.
  private static func entry(_ key: String, _ parameter: Parameter) -> Entry {
    let isConvolution = ["decoder.fusion.weight", "decoder.classifier.weight"].contains(parameter.name)
    return Entry(
      key: key, shape: parameter.shape + (isConvolution ? [1, 1] : []), content: .parameter(parameter.name))
  }

  private static func statistic(_ name: String) -> String {
    ["mean": "running_mean", "variance": "running_var"][name] ?? name
  }

  /// How many batches a batch normalisation has seen, which nothing needs.
  private static func counter(_ key: String) -> Entry {
    Entry(key: "\(key).num_batches_tracked", shape: [], content: .unused)
  }
}
