import Networks
import Random
import Tensors
import Testing

/// A vision transformer with its decoder, forward and back, has the same bits on any number of threads: its loops are cut by their sizes,
/// whoever computes the pieces, and none of its operations is another library's.
@Test func aTransformerHasTheSameBitsOnAnyNumberOfThreads() {
  let network = PrimusNetwork(
    VisionTransformerConfiguration(width: 96, depth: 2, heads: 3, patch: 8, layerScale: 1), blocks: [0, 1], classes: 5,
    Initializer(seed: 1))
  var random = CounterRandom(seed: 1, purpose: "images")
  let images = Tensor((0..<(3 * 88 * 104)).map { _ in Float(random.normal()) }, shape: [3, 1, 88, 104])
  let labels = Tensor((0..<(3 * 88 * 104)).map { Int32($0 / 7 % 5) }, shape: [3, 88, 104])
  func run() -> [[Float]] {
    let (loss, found) = Tape.gradients {
      let logits = network.logits(images, .training(seed: 0, epoch: 0, step: 0))[0]
      return crossEntropy(logits: logits, labels: labels) + softDice(logits: logits, labels: labels)
    }
    return [loss.values()] + network.parameters.compactMap { found[$0]?.values() }
  }
  let one = Compute.with(threads: 1, run)
  #expect((one?.count ?? 0) > 20)
  for threads in [2, 3, 5, 16] { #expect(Compute.with(threads: threads, run) == one, "\(threads) threads") }
}
