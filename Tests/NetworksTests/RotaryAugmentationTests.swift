import Foundation
import Networks
import Random
import Tensors
import TestSupport
import Testing

struct RotaryAugmentationTests {
  /// Against Hugging Face's DINOv3ViT in training mode with the same draws (Benchmarks/peers/fixtures/rotary_augmentation.py).
  @Test func tablesEqualThePeers() throws {
    let peer = try tensors(fixture("rotary_augmentation.safetensors"))
    let change = (
      vertical: RotaryAugmentation.Axis(shift: 0.05, factor: 1.2 * 0.7),
      horizontal: RotaryAugmentation.Axis(shift: -0.03, factor: 0.9 * 0.7)
    )
    let (cosine, sine) = RotaryEmbedding(headWidth: 16, base: 100).tables(rows: 3, columns: 5, change: change, .float32)
    for (own, name) in [(cosine, "cosine"), (sine, "sine")] {
      let theirs = try #require(peer[name])
      #expect(own.shape == [15, 16] && relativeDifference(own, theirs.reshaped([15, 16])) < 1e-5)
    }
  }

  /// Factors lie evenly on the logarithm between 1 / r and r, one for both axes or one for each; shifts lie evenly.
  @Test func drawsHaveTheirDistributions() throws {
    func draws(_ augmentation: RotaryAugmentation) throws -> [(RotaryAugmentation.Axis, RotaryAugmentation.Axis)] {
      try (0..<4000).map { try #require(augmentation.draw(CounterRandom(seed: 3, purpose: "test", sample: $0))) }
    }
    func isEven(_ values: [Double], _ greatest: Double) -> Bool {
      let mean = values.reduce(0, +) / Double(values.count)
      let variance = values.reduce(0) { $0 + $1 * $1 } / Double(values.count)
      return values.allSatisfy { abs($0) <= greatest } && abs(mean) < 0.05 * greatest
        && abs(variance / (greatest * greatest / 3) - 1) < 0.05
    }
    for (vertical, horizontal) in try draws(.init(rescale: 2)) {
      #expect(vertical == horizontal && vertical.shift == 0)
    }
    #expect(isEven(try draws(.init(rescale: 2)).map { log($0.0.factor) }, log(2)))
    let jittered = try draws(.init(jitter: 1.5))
    #expect(jittered.allSatisfy { $0.0.factor != $0.1.factor })
    #expect(isEven(jittered.map { log($0.0.factor) }, log(1.5)) && isEven(jittered.map { log($0.1.factor) }, log(1.5)))
    let shifted = try draws(.init(shift: 0.3))
    #expect(shifted.allSatisfy { $0.0.shift != $0.1.shift && $0.0.factor == 1 })
    #expect(isEven(shifted.map(\.0.shift), 0.3) && isEven(shifted.map(\.1.shift), 0.3))
    #expect(RotaryAugmentation.none.draw(CounterRandom(seed: 0, purpose: "test")) == nil)
    #expect(RotaryAugmentation(rescale: 2).draw(nil) == nil)
  }

  /// Every block draws positions of its own (vision_transformer.py calls the embedding in its loop over the blocks): with one
  /// block switched off after the other, the last draw alone is that of the deepest block. Here: a network whose first block adds
  /// nothing (LayerScale 0) sees the second's draw, which is not the one-block network's.
  @Test func everyBlockDrawsItsOwn() throws {
    func network(depth: Int) -> VisionTransformer {
      VisionTransformer(
        .init(
          width: 16, depth: depth, heads: 2, patch: 4, channels: 1, storageTokens: 0, layerScale: 1,
          rotaryAugmentation: .init(rescale: 2)), Initializer(seed: 1))
    }
    let (one, two) = (network(depth: 1), network(depth: 2))
    // The second block is the first one's copy; the first adds nothing.
    for parameter in two.parameters {
      let single = parameter.name.replacingOccurrences(of: "blocks.1", with: "blocks.0")
      parameter.set(try #require(one.parameters.first { $0.name == single }, "\(single)").value)
    }
    for name in ["encoder.blocks.0.scale1", "encoder.blocks.0.scale2"] {
      let scale = try #require(two.parameters.first { $0.name == name })
      scale.set(Tensor(zeros: scale.shape))
    }
    var random = CounterRandom(seed: 2, purpose: "image")
    let image = Tensor((0..<(16 * 24)).map { _ in Float(random.normal()) }, shape: [1, 1, 16, 24])
    func tokens(_ network: VisionTransformer, _ context: ForwardContext) -> [Float] {
      network(image, context)[0].patches.values()
    }
    #expect(tokens(one, .evaluation) == tokens(two, .evaluation))
    let training = ForwardContext.training(seed: 5, epoch: 0, step: 7)
    #expect(tokens(one, training) != tokens(one, .evaluation))
    #expect(tokens(one, training) != tokens(two, training))
    #expect(tokens(two, training) == tokens(two, training))
    #expect(tokens(two, training) != tokens(two, .training(seed: 5, epoch: 0, step: 7, pass: 1)))
  }
}
