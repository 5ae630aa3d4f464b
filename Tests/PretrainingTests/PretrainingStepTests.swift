import Files
import Foundation
import Networks
import Pretraining
import Random
import Synchronization
import Tensors
import TestSupport
import Testing
import Training

/// What a step of pretraining is made of: rates, schedules, gradients, sizes of views.
@Suite struct PretrainingStepTests {
  /// A gradient's factor is its group's: steps as with gradients that were multiplied before.
  @Test func aStepScalesEachGroup() throws {
    func moved(_ factors: [Double], _ scales: [Double]) throws -> [[Float]] {
      let parameters = ["a", "b"].map { Parameter($0, Tensor([1, -2] as [Float], shape: [2])) }
      let optimizer = AdamW(
        groups: parameters.map {
          ParameterGroup(name: $0.name, parameters: [$0], learningRate: 0.1, weightDecay: 0.1)
        })
      for step in 1...3 {
        let (_, gradients) = Tape.gradients {
          let terms = zip(parameters, factors).map { ($0.value * $0.value).sum() * ($1 * Double(step * step)) }
          return terms[0] + terms[1]
        }
        optimizer.step(gradients, gradientScales: scales.map { step == 2 ? $0 : 1 })
      }
      return parameters.map { $0.value.values(as: Float.self) }
    }
    func close(_ a: [Float], _ b: [Float]) -> Bool { zip(a, b).allSatisfy { abs($0 - $1) < 1e-6 } }
    let (plain, scaled) = (try moved([1, 1], [1, 1]), try moved([1, 1], [1, 0.25]))
    #expect(close(plain[0], scaled[0]) && !close(plain[1], scaled[1]))
    try #expect(moved([1, 1], [0.25, 0.25])[0] == scaled[1])
  }

  /// Half a cosine's values at its quarters, and a line's.
  @Test func schedulesAreTheCodes() {
    func values(_ schedule: RateSchedule, total: Int) -> [Double] {
      (0..<total).map { schedule.value(at: $0, peak: 2, total: total) }
    }
    func close(_ found: [Double], _ expected: [Double]) -> Bool {
      found.count == expected.count && zip(found, expected).allSatisfy { abs($0 - $1) < 1e-12 }
    }
    let quarter = 0.5.squareRoot()
    #expect(close(values(.rising(warmUp: 5), total: 7), [0, 1 - quarter, 1, 1 + quarter, 2, 2, 2]))
    #expect(close(values(.rising(warmUp: 5), total: 5), [0, 1 - quarter, 1, 1 + quarter, 2]))
    #expect(close(values(.constant(warmUp: 4), total: 6), [0, 0.5, 1, 1.5, 2, 2]))
    #expect(close(values(.constant(warmUp: 0), total: 2), [2, 2]))
    #expect(close(values(.cosine(warmUp: 3, end: 1), total: 5), [0, 1, 2, 2, 1.5]))
    let ramp = Ramp(from: 1, to: 0.5, iterations: 3)
    #expect(close((0..<5).map(ramp.value), [1, 0.75, 0.5, 0.5, 0.5]))
    #expect(Ramp(3).value(at: 0) == 3 && Ramp(from: 0, to: 2, iterations: 1).value(at: 0) == 0)
  }

  /// Gradients of two losses add up to those of their sum.
  @Test func gradientsAddUp() throws {
    let a = Parameter("a", Tensor([1, 2, 3] as [Float], shape: [3]))
    let b = Parameter("b", Tensor([4] as [Float], shape: [1]))
    var sum = Gradients()
    sum.add(Tape.gradients { (a.value * a.value).sum() }.gradients)
    sum.add(Tape.gradients { (a.value * b.value).sum() }.gradients)
    let (byA, byB) = (try #require(sum[a]), try #require(sum[b]))
    // 2 a + b, and the sum of a.
    let expected: [Float] = [6, 8, 10]
    #expect(byA.values(as: Float.self) == expected)
    #expect(byB.values(as: Float.self) == [Float(6)])
  }

  /// With n blocks: block b has decay^(n - b), tokens and patches decay^(n + 1), the last norm and the heads 1.
  @Test func ratesDecayLayerByLayer() throws {
    var settings = smallConfiguration()
    (settings.layerDecay, settings.patchEmbeddingRate) = (0.5, 0.25)
    let expected = [
      "encoder.patchEmbedding.weight": 0.03125, "encoder.classToken": 0.125, "maskToken": 0.125,
      "encoder.storageTokens": 0.125, "encoder.blocks.0.norm1.weight": 0.25,
      "encoder.blocks.1.attention.query.weight": 0.5, "encoder.norm.weight": 1, "head.mlp1.weight": 1,
    ]
    let network = SelfDistillationNetwork(settings)
    let factors = network.rateFactors(settings)
    let parameters = Dictionary(uniqueKeysWithValues: network.parameters.map { ($0.name, $0) })
    for (name, factor) in expected {
      let parameter = try #require(parameters[name])
      #expect(factors[ObjectIdentifier(parameter)] ?? 1 == factor, "\(name)")
    }
  }

  /// Biases, norms and LayerScale do not decay; matrices and tokens do.
  @Test func whatDecays() {
    let network = SelfDistillationNetwork(smallConfiguration())
    for parameter in network.parameters {
      let parts = parameter.name.split(separator: ".")
      let isExempt = parts.last == "bias" || parts.contains { $0.hasPrefix("norm") || $0.hasPrefix("scale") }
      #expect(parameter.decays == !isExempt, "\(parameter.name)")
    }
  }

  /// Sizes are drawn as their ratios say, from the iteration alone.
  @Test func sizesAreDrawnByTheirRatios() {
    var settings = smallConfiguration()
    settings.resolutions = [ViewSizes(global: 16, local: 8, ratio: 1), ViewSizes(global: 24, local: 12, ratio: 3)]
    let drawn = (0..<400).map { settings.views($0).globalSize }
    let large = drawn.filter { $0 == 24 }.count
    #expect((270...330).contains(large), "\(large)")
    #expect(drawn == (0..<400).map { settings.views($0).globalSize })
  }
}
