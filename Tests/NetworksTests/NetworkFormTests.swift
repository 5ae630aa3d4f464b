import Foundation
import Networks
import Tensors
import Testing

struct NetworkFormTests {
  /// As many as Hugging Face's DINOv3ViT has of these sizes, its mask token left out.
  @Test(arguments: [
    (VisionTransformerConfiguration.small, 21_596_160), (.base, 85_659_648),
  ])
  func parameterCounts(form: VisionTransformerConfiguration, expected: Int) {
    let encoder = VisionTransformer(form, Initializer(seed: 0))
    #expect(encoder.parameters.reduce(0) { $0 + $1.count } == expected)
  }

  @Test func namesAreUniqueAndTellTheEncoderFromTheDecoder() {
    let form = VisionTransformerConfiguration(width: 32, depth: 3, heads: 2, patch: 8)
    let network = PrimusNetwork(form, blocks: [0, 2], classes: 4, Initializer(seed: 0))
    let names = network.parameters.map(\.name)
    #expect(Set(names).count == names.count)
    #expect(network.encoderParameters.count + network.decoderParameters.count == names.count)
    #expect(network.encoderParameters.map(\.name) == network.encoder.parameters.map(\.name))
    #expect(names.contains("encoder.blocks.2.attention.query.weight") && names.contains("decoder.steps.2.norm.bias"))
  }

  /// The walk through the tree finds every parameter that the network computes with.
  @Test func everyParameterThatIsUsedIsFound() {
    for network in smallNetworks() {
      let images = Tensor(repeating: 0.5, shape: [2, 1, 64, 32])
      let (_, gradients) = Tape.gradients {
        network.logits(images, .evaluation).map { $0.sum() }.reduce(Tensor(zeros: []), +)
      }
      let trainable = network.parameters.filter(\.isTrainable)
      #expect(gradients.count == trainable.filter { gradients[$0] != nil }.count, "\(type(of: network))")
      #expect(Set(network.parameters.map(\.name)).count == network.parameters.count)
    }
  }

  /// The distributions that the peers draw from: N(0, 0.02²), U(±1/√(3·16²)), He's normal, 1e-5.
  @Test func initialValuesFollowThePeersDistributions() throws {
    let form = VisionTransformerConfiguration(width: 128, depth: 1, heads: 2)
    let network = PrimusNetwork(form, classes: 4, Initializer(seed: 3))
    func moments(_ name: String) throws -> (mean: Double, deviation: Double, largest: Double) {
      let parameter = try #require(network.parameters.first { $0.name == name })
      let values = parameter.value.values(as: Float.self).map(Double.init)
      let mean = values.reduce(0, +) / Double(values.count)
      let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count)
      return (mean, variance.squareRoot(), values.map(abs).max()!)
    }
    func near(_ value: Double, _ expected: Double) -> Bool { abs(value / expected - 1) < 0.03 }
    let linear = try moments("encoder.blocks.0.mlp.expand.weight")
    #expect(near(linear.deviation, 0.02) && abs(linear.mean) < 3e-4)
    let patch = try moments("encoder.patchEmbedding.weight")
    let bound = (1.0 / 768).squareRoot()
    #expect(near(patch.deviation, bound / 3.0.squareRoot()) && patch.largest <= bound && patch.largest > 0.99 * bound)
    let upsample = try moments("decoder.steps.0.upsample.weight")
    #expect(near(upsample.deviation, (2 / 1.0001 / (64 * 4)).squareRoot()))
    let scale = try moments("encoder.blocks.0.scale2")
    #expect(near(scale.mean, 1e-5) && scale.deviation < 1e-9)
    #expect(try moments("encoder.blocks.0.attention.query.bias").largest == 0)
  }

  @Test func initialValuesDependOnSeedAndNameAlone() {
    let form = VisionTransformerConfiguration(width: 32, depth: 2, heads: 2, patch: 4)
    func values(_ classes: Int, _ depth: Int, _ seed: UInt64) -> [String: [Float]] {
      var form = form
      form.depth = depth
      let network = PrimusNetwork(form, blocks: [0], classes: classes, Initializer(seed: seed))
      return Dictionary(uniqueKeysWithValues: network.parameters.map { ($0.name, $0.value.values(as: Float.self)) })
    }
    let (first, other) = (values(3, 2, 1), values(5, 4, 1))
    for (name, value) in first where !name.hasPrefix("decoder.head") { #expect(other[name] == value, "\(name)") }
    let key = "encoder.blocks.0.attention.query.weight"
    #expect(values(3, 2, 2)[key] != first[key])
    #expect(first[key] != first["encoder.blocks.1.attention.query.weight"])
  }

  @Test func impossibleFormsAreNamed() {
    #expect(VisionTransformerConfiguration.base.problem == nil)
    #expect(VisionTransformerConfiguration(width: 10, depth: 1, heads: 4).problem?.contains("width of 10") == true)
    #expect(VisionTransformerConfiguration(width: 16, depth: 0, heads: 2).problem?.contains("depth of 0") == true)
    #expect(VisionTransformerConfiguration(width: 16, depth: 1, heads: 2, mlpRatio: .nan).problem != nil)
  }
}
