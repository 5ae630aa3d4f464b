import Networks
import Tensors
import Training

/// Every case by its name, which `Benchmarks/peers/speed/engine_cases.py` knows too.
let cases: [String: @Sendable (PeerFile) throws -> Case] = [
  "vit-s": primus,
  "vit-b": primus,
  "nnu-net": unet,
  "segformer": segformer,
  "dino-u-net": dinoUNet,
]

/// A ViT of any size with the multi-scale Primus decoder, trained as MedDINOv3 was: AdamW and clipping.
private func primus(_ file: PeerFile) throws -> Case {
  let embedding = try file.tensor("encoder.patchEmbedding.weight").shape
  let classes = try file.tensor("decoder.head.weight").shape[0]
  let heads = Int(try file.tensor("batch.heads").scalarValue)
  let depth = file.names.count { $0.hasPrefix("encoder.blocks.") && $0.hasSuffix(".norm1.weight") }
  let network = PrimusNetwork(
    VisionTransformerConfiguration(width: embedding[0], depth: depth, heads: heads, patch: embedding[2]),
    // The last block of every quarter of the depth.
    blocks: (1...4).map { $0 * depth / 4 - 1 }, classes: classes, Initializer(seed: 0))
  return try Case(network, file) { adamW($0, rate: 3e-4) }
}

/// SegFormer-B2 in the study's form, without dropout, trained as the study's code does.
private func segformer(_ file: PeerFile) throws -> Case {
  var configuration = SegFormerConfiguration.published(.b2)
  configuration.dropout = 0
  let classes = try file.tensor("decoder.classifier.weight").shape[0]
  return try Case(SegFormer(configuration, classes: classes, Initializer(seed: 0)), file) { adamW($0, rate: 2e-5) }
}

/// DINO U-Net (B), nothing dropped and the coordinates as they are, trained as nnU-Net does.
private func dinoUNet(_ file: PeerFile) throws -> Case {
  var configuration = DINOUNetConfiguration.base
  configuration.adapter.dropPath = 0
  let classes = try file.tensor("decoder.classifier.weight").shape[0]
  return try Case(DINOUNet(configuration, classes: classes, Initializer(seed: 0)), file) { sgd($0, rate: 1e-3) }
}

/// AdamW with a decay of 5e-2 for all parameters, after clipping to the norm 12.
func adamW(_ parameters: [Parameter], rate: Double) -> (Gradients) -> Void {
  let optimizer = AdamW(
    groups: [ParameterGroup(name: "all", parameters: parameters, learningRate: rate, weightDecay: 5e-2)],
    betas: (0.9, 0.98))
  return { gradients in
    let norm = GradientClipping.globalNorm(gradients, of: parameters)
    optimizer.step(gradients, gradientScale: GradientClipping.scale(norm: norm, maximum: 12))
  }
}

/// SGD with Nesterov's momentum of 0.99 and a decay of 3e-5, after clipping to the norm 12.
func sgd(_ parameters: [Parameter], rate: Double) -> (Gradients) -> Void {
  let optimizer = SGD(
    groups: [ParameterGroup(name: "all", parameters: parameters, learningRate: rate, weightDecay: 3e-5)],
    momentum: 0.99, nesterov: true)
  return { gradients in
    let norm = GradientClipping.globalNorm(gradients, of: parameters)
    optimizer.step(gradients, gradientScale: GradientClipping.scale(norm: norm, maximum: 12))
  }
}

/// nnU-Net's 2d network with deep supervision, trained as nnU-Net does: SGD with Nesterov's momentum and clipping.
private func unet(_ file: PeerFile) throws -> Case {
  func count(_ prefix: String) -> Int {
    file.names.count { $0.hasPrefix(prefix) && $0.hasSuffix(".convolution.weight") }
  }
  let strides = try file.tensor("batch.strides").values(as: Float.self).map { Int($0) }
  let stages = strides.count / 2
  let first = try (0..<stages).map { try file.tensor("contracting.\($0).0.convolution.weight").shape }
  let network = UNet(
    UNetConfiguration(
      channels: first[0][1], features: first.map { $0[0] }, kernels: first.map { Array($0[2...]) },
      strides: (0..<stages).map { [strides[2 * $0], strides[2 * $0 + 1]] },
      convolutions: (0..<stages).map { count("contracting.\($0).") },
      decoderConvolutions: (0..<(stages - 1)).map { count("expanding.\(stages - 2 - $0).") }, deepSupervision: true),
    classes: try file.tensor("expanding.0.head.weight").shape[0], Initializer(seed: 0))
  return try Case(network, file) { sgd($0, rate: 1e-2) }
}
