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
    let images = image([2, 1, 64, 32])
    for index in smallNetworks().indices {
      func gradients(recomputing: Bool) -> [[Float]] {
        let network = smallNetworks()[index]
        let (_, found) = Tape.gradients(recomputing: recomputing) {
          let outputs = network.logits(images, .training(seed: 5, epoch: 0, step: 0))
          return outputs.map { ($0 * $0).sum() }.reduce(Tensor(zeros: []), +)
        }
        return network.parameters.map { found[$0]?.values(as: Float.self) ?? [] }
      }
      let (kept, again) = (gradients(recomputing: false), gradients(recomputing: true))
      #expect(kept.contains { !$0.isEmpty } && kept == again, "\(type(of: smallNetworks()[index]))")
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
