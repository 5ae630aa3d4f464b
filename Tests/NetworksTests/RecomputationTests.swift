import Networks
import Random
import Tensors
import Testing

/// What saves memory changes no bit.
struct RecomputationTests {
  private func image(_ shape: [Int]) -> Tensor {
    var random = CounterRandom(seed: 3, purpose: "image")
    return Tensor(shape: shape, of: Float.self) { values in
      for index in values.indices { values[index] = Float(random.normal()) }
    }
  }

  /// Gradients with a network's parts kept, and with them computed again, stochastic depth included.
  @Test func gradientsAreTheSameWhenPartsAreComputedAgain() {
    var form = SegFormerConfiguration.published(.b0)
    form.widths = [8, 16, 24, 32]
    form.heads = [1, 2, 2, 4]
    form.decoderWidth = 16
    form.dropPath = 0.5
    let segFormer = form
    let encoder = VisionTransformerConfiguration(
      width: 32, depth: 4, heads: 2, patch: 16, dropPath: DropPath(rate: 0.5))
    let unet = UNetConfiguration(
      channels: 1, features: [16, 32, 32], kernels: [[3, 3], [3, 3], [3, 3]], strides: [[1, 1], [2, 2], [2, 2]],
      convolutions: [2, 2, 2], decoderConvolutions: [2, 2], deepSupervision: true)
    let dino = DINOUNetConfiguration(
      encoder: encoder, blocks: [0, 1, 2, 3], adapter: .init(heads: 2, points: 2, priorWidth: 8), rank: 8,
      widths: [4, 8, 8, 8])
    let networks: [@Sendable () -> any SegmentationNetwork] = [
      { PrimusNetwork(encoder, blocks: [1, 3], classes: 3, Initializer(seed: 1)) },
      { SegFormer(segFormer, classes: 3, Initializer(seed: 1)) }, { UNet(unet, classes: 3, Initializer(seed: 1)) },
      { DINOUNet(dino, classes: 3, Initializer(seed: 1)) },
    ]
    let images = image([2, 1, 64, 32])
    for make in networks {
      func gradients(recomputing: Bool) -> [[Float]] {
        let network = make()
        let (_, found) = Tape.gradients(recomputing: recomputing) {
          let outputs = network.logits(images, .training(seed: 5, epoch: 0, step: 0))
          return outputs.map { ($0 * $0).sum() }.reduce(Tensor(zeros: []), +)
        }
        return network.parameters.map { found[$0]?.values(as: Float.self) ?? [] }
      }
      let (kept, again) = (gradients(recomputing: false), gradients(recomputing: true))
      #expect(kept.contains { !$0.isEmpty } && kept == again, "\(type(of: make()))")
    }
  }

  /// Without a tape the decoder goes through a large image in bands.
  @Test func logitsInBandsAreThoseOfTheWholeImage() {
    let form = VisionTransformerConfiguration(width: 64, depth: 1, heads: 2, patch: 16)
    let network = PrimusNetwork(form, classes: 3, Initializer(seed: 2))
    let images = image([1, 1, 1280, 512])
    var recorded = Tensor(zeros: [])
    _ = Tape.gradients {
      recorded = network.logits(images, .evaluation)[0]
      return recorded.sum()
    }
    #expect(network.logits(images, .evaluation)[0].values(as: Float.self) == recorded.values(as: Float.self))
  }
}
