import Files
import Networks
import Tensors
import Training

/// A training step of a ViT with the multi-scale Primus decoder on one batch, as nnU-Net's trainer takes it.
final class VisionTransformerStep {
  private let network: PrimusNetwork
  private let optimizer: AdamW
  private let images: Tensor
  private let labels: Tensor
  private let loss = SegmentationLoss()

  /// - Parameter file: the weights under our names, `batch.images` `[N, 1, H, W]` and `batch.labels` (as floats) `[N, H, W]`.
  init(_ file: WeightFile) throws {
    var weights = file.tensors
    func take(_ name: String) throws -> (shape: [Int], values: [Float]) {
      guard let stored = weights.removeValue(forKey: name), let values = stored.floats() else {
        throw MissingTensor(name: name, path: file.path)
      }
      return (stored.shape, values)
    }
    let batch = try take("batch.images")
    images = Tensor(batch.values, shape: batch.shape)
    let truth = try take("batch.labels")
    labels = Tensor(truth.values.map { Int32($0) }, shape: truth.shape)
    let heads = Int(try take("batch.heads").values.first ?? 0)
    guard let embedding = weights["encoder.patchEmbedding.weight"]?.shape, embedding.count == 4,
      let classes = weights["decoder.head.weight"]?.shape.first
    else { throw MissingTensor(name: "encoder.patchEmbedding.weight", path: file.path) }
    let depth = weights.keys.filter { $0.hasPrefix("encoder.blocks.") && $0.hasSuffix(".norm1.weight") }.count
    let configuration = VisionTransformerConfiguration(
      width: embedding[0], depth: depth, heads: heads, patch: embedding[2])
    // The last block of every quarter of the depth.
    let blocks = (1...4).map { $0 * depth / 4 - 1 }
    network = PrimusNetwork(configuration, blocks: blocks, classes: classes, Initializer(seed: 0))
    for parameter in network.parameters {
      let (shape, values) = try take(parameter.name)
      guard shape == parameter.shape else { throw MissingTensor(name: parameter.name, path: file.path) }
      parameter.set(Tensor(values, shape: shape))
    }
    optimizer = AdamW(
      groups: [ParameterGroup(name: "all", parameters: network.parameters, learningRate: 3e-4, weightDecay: 5e-2)],
      betas: (0.9, 0.98))
  }

  /// One step; the loss before it.
  func train() -> Double {
    let (loss, gradients) = Tape.gradients {
      self.loss(outputs: network.logits(images, .evaluation), labels: labels)
    }
    let norm = GradientClipping.globalNorm(gradients, of: optimizer.parameters)
    optimizer.step(gradients, gradientScale: GradientClipping.scale(norm: norm, maximum: 12))
    return loss.scalarValue
  }

  /// The mean of the logits.
  func predict() -> Double { network.logits(images, .evaluation)[0].mean().scalarValue }
}

struct MissingTensor: Error, CustomStringConvertible {
  let name: String
  let path: String
  var description: String { "\(path) has no tensor \(name) of the shape wanted." }
}
