import Networks
import Random
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

  @Test func independentImagesKeepTheirExpectation() throws {
    let random = CounterRandom(seed: 1, purpose: "test")
    let keep = try #require(DropPath(rate: 0.2).keep(20000, .float32, random)).values(as: Float.self)
    #expect(Set(keep) == [0, 1.25])
    #expect(abs(keep.reduce(0, +) / 20000 - 1) < 0.02)
  }

  /// facebookresearch/dinov3 keeps max(int(N (1 - rate)), 1) images and multiplies by N over that.
  @Test(arguments: [(2, 0.2, 1), (10, 0.2, 8), (1, 0.5, 1), (13, 0.3, 9)])
  func subsetsHaveTheirSize(count: Int, rate: Double, kept: Int) throws {
    var places: Set<[Bool]> = []
    for seed in 0..<20 {
      let random = CounterRandom(seed: UInt64(seed), purpose: "test")
      let keep = try #require(DropPath(rate: rate, selection: .subset).keep(count, .float32, random))
      let factors = keep.values(as: Float.self)
      #expect(factors.count { $0 == Float(Double(count) / Double(kept)) } == kept)
      #expect(factors.count { $0 == 0 } == count - kept)
      places.insert(factors.map { $0 == 0 })
    }
    #expect(places.count > 1 || kept == count)
  }

  /// Eight equal images: those that take the same branches have the same logits.
  @Test(arguments: DropPath.Selection.allCases) func imagesDropBranchesByThemselves(selection: DropPath.Selection) {
    let network = network(DropPath(rate: 0.5, selection: selection))
    let logits = network.logits(images, .training(seed: 5, epoch: 0, step: 0))[0]
    let kinds = Set((0..<8).map { logits[$0].values(as: Float.self) })
    #expect(kinds.count > 2)
  }
}
