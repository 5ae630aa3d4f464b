import Networks
import Tensors
import Training

/// Every case by its name, which `Benchmarks/peers/engine_cases.py` knows too.
let cases: [String: @Sendable (PeerFile) throws -> Case] = [
  "vit-s": primus,
  "vit-b": primus,
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
  return try Case(network, file, update: adamW)
}

/// AdamW at a rate of 3e-4 and a decay of 5e-2 for all parameters, after clipping to the norm 12.
private func adamW(_ parameters: [Parameter]) -> (Gradients) -> Void {
  let optimizer = AdamW(
    groups: [ParameterGroup(name: "all", parameters: parameters, learningRate: 3e-4, weightDecay: 5e-2)],
    betas: (0.9, 0.98))
  return { gradients in
    let norm = GradientClipping.globalNorm(gradients, of: parameters)
    optimizer.step(gradients, gradientScale: GradientClipping.scale(norm: norm, maximum: 12))
  }
}
