import Random
import Tensors
import TestSupport
import Testing

/// What training changes, counts and chooses without a gradient, on PyTorch beside the CPU backend.
@Suite(.enabled(if: Torch.isThere, "no plugin is built: make torch-plugin")) struct TorchUpdateTests {
  private func normal(_ shape: [Int], _ purpose: String) -> Tensor {
    var random = CounterRandom(seed: 3, purpose: purpose)
    return Tensor((0..<shape.reduce(1, *)).map { _ in Float(random.normal()) }, shape: shape)
  }

  private func labels(_ shape: [Int], below bound: Int) -> Tensor {
    var random = CounterRandom(seed: 3, purpose: "labels")
    return Tensor(
      (0..<shape.reduce(1, *)).map { $0 % 7 == 3 ? -1 : Int32(random.integer(below: bound)) }, shape: shape)
  }

  /// What `body` makes of tensors on the CPU and on PyTorch.
  private func both(
    _ tensors: [Tensor], _ body: ([Tensor], any Backend) -> [Tensor]
  ) throws -> (expected: [Tensor], found: [Tensor]) {
    let device = try Torch.device.get()
    return (
      Device.cpu { body(tensors.map { $0.copied() }, Device.cpu.backend) },
      device { body(tensors.map { $0.moved(to: device) }, device.backend) }
    )
  }

  private func expectNear(_ pair: (expected: [Tensor], found: [Tensor]), tolerance: Double) {
    for (expected, found) in zip(pair.expected, pair.found) {
      #expect(relativeDifference(found, expected) <= tolerance)
    }
  }

  @Test(arguments: [1.0, 0.3]) func adamWIsTheCPUs(gradientScale: Double) throws {
    let tensors = ["values", "gradient", "first", "second"].map { normal([7, 13], $0) }
    let squares = Device.cpu { tensors[3] * tensors[3] }
    expectNear(
      try both([tensors[0], tensors[1], tensors[2], squares]) { tensors, backend in
        for step in 1...3 {
          backend.adamW(
            tensors[0], gradient: tensors[1], firstMoment: tensors[2], secondMoment: tensors[3],
            AdamWStep(
              rate: 1e-2, weightDecay: 0.05, beta1: 0.9, beta2: 0.98, epsilon: 1e-8, step: step,
              gradientScale: gradientScale))
        }
        return [tensors[0], tensors[2], tensors[3]]
      }, tolerance: 1e-6)
  }

  @Test(arguments: [true, false]) func sgdIsTheCPUs(nesterov: Bool) throws {
    let tensors = ["values", "gradient", "velocity"].map { normal([5, 3], $0) }
    expectNear(
      try both(tensors) { tensors, backend in
        for _ in 0..<3 {
          backend.sgd(
            tensors[0], gradient: tensors[1], velocity: tensors[2],
            SGDStep(rate: 0.1, weightDecay: 3e-5, momentum: 0.99, nesterov: nesterov, gradientScale: 0.7))
        }
        return [tensors[0], tensors[2]]
      }, tolerance: 1e-6)
  }

  @Test func averagesAndNormsAreTheCPUs() throws {
    let tensors = [normal([4, 9], "a"), normal([4, 9], "b"), normal([], "c")]
    expectNear(
      try both(tensors) { tensors, backend in
        backend.lerp(tensors[0], towards: tensors[1], weight: 0.04)
        return [tensors[0], Tensor(scalar: Float(backend.sumOfSquares(tensors)))]
      }, tolerance: 1e-6)
  }

  @Test(arguments: [false, true]) func overlapsAreTheCPUs(hasRegions: Bool) throws {
    let regions = hasRegions ? RegionTable(regions: [[1, 2, 3], [2, 3], [2]], labelCount: 4) : nil
    let (expected, found) = try both([
      normal([2, regions == nil ? 4 : 3, 9, 8], "logits"), labels([2, 9, 8], below: 4),
    ]) {
      [$1.overlapCounts(logits: $0[0], labels: $0[1], regions: regions, threshold: 0.1)]
    }
    #expect(expected[0].values(as: Int32.self) == found[0].values(as: Int32.self))
  }

  @Test(arguments: [(4, 3), (9, 8), (13, 20)]) func resizedLabelsAreTheCPUs(height: Int, width: Int) throws {
    let (expected, found) = try both([labels([2, 9, 8], below: 5)]) {
      [$1.resizedLabels($0[0], height: height, width: width)]
    }
    #expect(expected[0].values(as: Int32.self) == found[0].values(as: Int32.self))
  }

  @Test func neighboursAndEntropyAreTheCPUs() throws {
    let (places, foundPlaces) = try both([normal([6, 6], "matrix")]) { [$1.greatestOffDiagonal($0[0])] }
    #expect(places[0].values(as: Int32.self) == foundPlaces[0].values(as: Int32.self))
    expectNear(
      try both([softmax(normal([5, 12], "logits"))]) { [Tensor(scalar: Float($1.entropy($0[0])))] }, tolerance: 1e-6)
  }

  /// All at once and so many samples at a time that the logits are asked for in each round.
  @Test(arguments: [1 << 20, 30]) func balancedTargetsAreTheCPUs(keptElements: Int) throws {
    let logits = normal([10, 12], "logits")
    expectNear(
      try both([logits]) { tensors, backend in
        let problem = SinkhornKnoppProblem(
          samples: 10, prototypes: 12, temperature: 0.07, rounds: 3, keptElements: keptElements
        ) { tensors[0].sliced(axis: 0, $0) }
        let targets = backend.sinkhornKnopp(problem)
        return [targets.targets(0..<10), targets.targets(3..<5)]
      }, tolerance: 1e-6)
  }

  @Test func tilesAreTheCPUs() throws {
    let placements = [(-2, 1, false, false), (3, -3, true, false), (0, 4, false, true), (5, 6, true, true)]
      .map { TilePlacement(top: $0.0, left: $0.1, flipsRows: $0.2, flipsColumns: $0.3) }
    expectNear(
      try both([normal([3, 9, 11], "slice"), normal([6, 7], "weights"), normal([2, 9, 11], "sums")]) {
        tensors, backend in
        let tiles = backend.tiles(of: tensors[0], at: placements, height: 6, width: 7)
        backend.add(tiles.sliced(axis: 1, 1..<3), weights: tensors[1], at: placements, to: tensors[2])
        return [tiles, tensors[2]]
      }, tolerance: 1e-6)
  }
}
