import Networks
import Tensors

/// A network of the table, with the keys that its peer's files have.
struct Candidate {
  let parameters: [Parameter]
  let mapping: WeightMapping
  /// What is compared, of images `[N, C, H, W]`.
  let outputs: (Tensor) -> [Tensor]

  init(_ network: any SegmentationNetwork, _ mapping: WeightMapping? = nil) {
    parameters = network.parameters
    self.mapping = mapping ?? .own(network.parameters)
    outputs = { network.logits($0, .training(seed: 0, epoch: 0, step: 0)) }
  }

  /// - Parameter blocks: those whose patch and class tokens are compared.
  init(_ encoder: VisionTransformer, blocks: [Int]) {
    parameters = encoder.parameters
    mapping = WeightLayout.huggingFace.mapping(for: encoder)
    outputs = { images in
      encoder(images, blocks: blocks, .training(seed: 0, epoch: 0, step: 0)).flatMap { [$0.patches, $0.classToken] }
    }
  }
}

/// The networks of the table, none of which drops anything here; nil for another name.
func candidate(_ name: String) -> Candidate? {
  let classes = 16
  let initializer = Initializer(seed: 0)
  switch name {
  case "vit-b16": return Candidate(VisionTransformer(.base, initializer), blocks: [2, 5, 8, 11])
  case "primus-b16-single-scale": return Candidate(PrimusNetwork(.base, classes: classes, initializer))
  case "primus-b16-multi-scale":
    return Candidate(PrimusNetwork(.base, blocks: [2, 5, 8, 11], classes: classes, initializer))
  case "u-net-512":
    return unet(
      features: [32, 64, 128, 256, 512, 512, 512, 512], kernels: Array(repeating: [3, 3], count: 8),
      strides: [[1, 1]] + Array(repeating: [2, 2], count: 7), classes: classes, initializer)
  case "u-net-uneven":
    return unet(
      features: [32, 64, 128, 256, 512, 512], kernels: [[3, 1]] + Array(repeating: [3, 3], count: 5),
      strides: [[1, 1], [2, 1]] + Array(repeating: [2, 2], count: 4), classes: classes, initializer)
  case "segformer-b2-hugging-face":
    var configuration = SegFormerConfiguration.original(.b2)
    configuration.dropPath = 0
    configuration.dropout = 0
    let network = SegFormer(configuration, classes: classes, initializer)
    return Candidate(network, .segFormerHuggingFace(network))
  case "segformer-b2-published":
    var configuration = SegFormerConfiguration.published(.b2)
    configuration.dropout = 0
    return Candidate(SegFormer(configuration, classes: classes, initializer))
  case "dino-u-net-s": return dinoUNet(.small, classes, initializer)
  case "dino-u-net-b": return dinoUNet(.base, classes, initializer)
  case "dino-u-net-l": return dinoUNet(.large, classes, initializer)
  default: return nil
  }
}

private func unet(
  features: [Int], kernels: [[Int]], strides: [[Int]], classes: Int, _ initializer: Initializer
) -> Candidate {
  let network = UNet(
    UNetConfiguration(
      channels: 1, features: features, kernels: kernels, strides: strides,
      convolutions: features.map { _ in 2 }, decoderConvolutions: features.dropLast().map { _ in 2 },
      deepSupervision: true), classes: classes, initializer)
  return Candidate(network, .nnUNet(network))
}

private func dinoUNet(_ configuration: DINOUNetConfiguration, _ classes: Int, _ initializer: Initializer) -> Candidate {
  var configuration = configuration
  configuration.adapter.dropPath = 0
  return Candidate(DINOUNet(configuration, classes: classes, initializer))
}
