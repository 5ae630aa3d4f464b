import Networks
import Tensors
import Testing

struct DropPathTests {
  private func network(_ dropPath: DropPath) -> PrimusNetwork {
    let form = VisionTransformerConfiguration(
      width: 16, depth: 2, heads: 2, patch: 4, layerScale: 1, dropPath: dropPath)
    return PrimusNetwork(form, classes: 2, Initializer(seed: 0))
  }

  private let images: Tensor = {
    var random = CounterRandom(seed: 1, purpose: "test images")
    let one = (0..<64).map { _ in Float(random.normal()) }
    return Tensor((0..<8).flatMap { _ in one }, shape: [8, 1, 8, 8])
  }()

  @Test func trainingDrawsFromItsPlaceAlone() {
    let network = network(DropPath(rate: 0.5))
    func logits(_ context: ForwardContext) -> [Float] { network.logits(images, context)[0].values() }
    let first = logits(.training(seed: 1, epoch: 2, step: 3))
    #expect(first == logits(.training(seed: 1, epoch: 2, step: 3)))
    for other: ForwardContext in [
      .training(seed: 2, epoch: 2, step: 3), .training(seed: 1, epoch: 3, step: 3),
      .training(seed: 1, epoch: 2, step: 4), .training(seed: 1, epoch: 2, step: 3, pass: 1), .evaluation,
    ] {
      #expect(first != logits(other))
    }
    let still = self.network(.none)
    let evaluated: [Float] = network.logits(images, .evaluation)[0].values()
    #expect(still.logits(images, .training(seed: 1, epoch: 0, step: 0))[0].values() == evaluated)
  }

  /// Eight equal images: those that take the same branches have the same logits. With one branch of each pair of blocks
  /// dropped at random, several kinds must appear; with `subset` and a rate of 0.5, half of them change after each branch.
  @Test(arguments: DropPath.Selection.allCases) func imagesDropBranchesByThemselves(selection: DropPath.Selection) {
    let network = network(DropPath(rate: 0.5, selection: selection))
    let logits = network.logits(images, .training(seed: 5, epoch: 0, step: 0))[0]
    let kinds = Set((0..<8).map { logits[$0].values(as: Float.self) })
    #expect(kinds.count > 2)
  }
}
