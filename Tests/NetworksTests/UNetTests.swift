import Files
import Foundation
import Networks
import Tensors
import TestSupport
import Testing

private let plain = UNetConfiguration(
  channels: 1, features: [16, 16, 16], kernels: [[3, 3], [3, 3], [3, 3]], strides: [[1, 1], [2, 2], [2, 1]],
  convolutions: [2, 1, 1], decoderConvolutions: [1, 1], deepSupervision: true)

/// Against dynamic-network-architectures' PlainConvUNet: Benchmarks/peers/fixtures/unet_fixtures.py.
@Suite struct UNetTests {
  /// One with deep supervision and uneven strides, one with two channels and uneven kernels.
  @Test(arguments: [
    ("unet_blocked", plain, 3),
    (
      "unet_planes",
      UNetConfiguration(
        channels: 2, features: [6, 10, 12], kernels: [[1, 3], [3, 3], [3, 3]], strides: [[1, 1], [2, 2], [2, 2]],
        convolutions: [1, 2, 2], decoderConvolutions: [2, 1], deepSupervision: false), 4
    ),
  ])
  func logitsAndGradientsAreNNUNets(name: String, form: UNetConfiguration, classes: Int) throws {
    let network = UNet(form, classes: classes, Initializer(seed: 1))
    let peer = try peerWeights(name, network)
    try withTemporaryFolder { folder in
      let file = folder.appendingPathComponent("weights.safetensors")
      try Safetensors.write(peer, to: file)
      try WeightMapping.nnUNet(network).load(WeightFile(contentsOf: file), into: network.parameters)
    }
    let expected = try tensors(fixture("\(name).safetensors"))
    var outputs: [Tensor] = []
    let (_, gradients) = Tape.gradients {
      let logits = network.logits(expected["images"]!, .evaluation)
      outputs = logits.map(\.detached)
      return logits.enumerated().map { ($1 * expected["weights.\($0)"]!).sum() }.reduce(Tensor(zeros: [])) { $0 + $1 }
    }
    #expect(outputs.count == (form.deepSupervision ? form.stages - 1 : 1))
    for (index, output) in outputs.enumerated() {
      #expect(relativeDifference(output, try #require(expected["logits.\(index)"])) < 2e-5)
    }
    let slopes = network.parameters.map { Parameter($0.name, gradients[$0] ?? Tensor(zeros: $0.shape)) }
    let ours = WeightMapping.nnUNet(network).arrays(of: slopes)
    var compared = 0
    for (key, theirs) in expected where key.hasPrefix("gradient.") {
      let name = String(key.dropFirst("gradient.".count))
      let mine = try #require(ours[name], "\(name)")
      let gradient = Tensor(mine.floats()!, shape: mine.shape)
      // A bias before a norm changes nothing: its gradient is what rounding left, at both.
      if name.hasSuffix(".conv.bias") {
        #expect(largest(gradient) < 1e-3 && largest(theirs) < 1e-3, "\(name)")
      } else {
        #expect(relativeDifference(gradient, theirs) < 1e-4, "\(name)")
      }
      compared += 1
    }
    #expect(compared == slopes.count - (form.deepSupervision ? 0 : 2 * (form.stages - 2)))
  }

  private func largest(_ x: Tensor) -> Float { x.values(as: Float.self).map(abs).max() ?? 0 }

  /// The fixture's weights with the second names put back that nnU-Net's modules have.
  private func peerWeights(_ name: String, _ network: UNet) throws -> [String: StoredTensor] {
    let stored = try Safetensors.read(fixture("\(name).safetensors"))
    var weights: [String: StoredTensor] = [:]
    for (key, value) in stored where key.hasPrefix("value.") {
      let name = String(key.dropFirst("value.".count))
      let second = name.replacingOccurrences(of: ".conv.", with: ".all_modules.0.").replacingOccurrences(
        of: ".norm.", with: ".all_modules.1.")
      for own in Set([name, second]) {
        weights[own] = value
        if own.hasPrefix("encoder.") { weights["decoder.\(own)"] = value }
      }
    }
    return weights
  }

  /// The counts of the same networks built by dynamic-network-architectures.
  @Test func parametersAreAsMany() {
    let seven = UNet(
      UNetConfiguration(
        channels: 1, features: [32, 64, 128, 256, 512, 512, 512], kernels: Array(repeating: [3, 3], count: 7),
        strides: [[1, 1]] + Array(repeating: [2, 2], count: 6), convolutions: Array(repeating: 2, count: 7),
        decoderConvolutions: Array(repeating: 2, count: 6), deepSupervision: true), classes: 16, Initializer(seed: 0))
    #expect(seven.parameters.reduce(0) { $0 + $1.count } == 33_492_960)
    #expect(seven.inputMultiple == (64, 64))
    #expect(seven.encoderParameters.isEmpty, "nothing of it comes pretrained")
  }

  /// He et al. for a leaky ReLU of 0.01: normal, by the inputs of a convolution and the outputs of a transposed one.
  @Test func initialValuesAreHes() throws {
    let network = UNet(
      UNetConfiguration(
        channels: 1, features: [64, 96], kernels: [[3, 3], [3, 3]], strides: [[1, 1], [2, 2]], convolutions: [2, 2],
        decoderConvolutions: [2], deepSupervision: true), classes: 3, Initializer(seed: 5))
    func values(_ name: String) throws -> [Double] {
      try #require(network.parameters.first { $0.name == name }).value.values(as: Float.self).map(Double.init)
    }
    for (name, fan) in [
      ("contracting.1.0.convolution.weight", 64 * 9), ("expanding.0.upsample.weight", 64 * 4),
      ("expanding.0.0.convolution.weight", 128 * 9),
    ] {
      let drawn = try values(name)
      let deviation = (2 / (1 + 1e-4) / Double(fan)).squareRoot()
      let scaled = drawn.map { $0 / deviation }
      let count = Double(scaled.count)
      // Mean, variance and fourth moment of a normal distribution, each within five of its standard errors.
      #expect(abs(scaled.reduce(0, +) / count) < 5 / count.squareRoot(), "\(name)")
      #expect(abs(scaled.reduce(0) { $0 + $1 * $1 } / count - 1) < 5 * (2 / count).squareRoot(), "\(name)")
      #expect(abs(scaled.reduce(0) { $0 + pow($1, 4) } / count - 3) < 5 * (96 / count).squareRoot(), "\(name)")
    }
    #expect(try values("contracting.0.0.convolution.bias").allSatisfy { $0 == 0 })
    #expect(try values("contracting.0.0.norm.weight").allSatisfy { $0 == 1 })
    #expect(try values("expanding.0.head.bias").allSatisfy { $0 == 0 })
  }

  /// What we write under nnU-Net's names comes back, and a lack of one name is told.
  @Test func weightsGoOutAndIn() throws {
    let network = UNet(plain, classes: 3, Initializer(seed: 2))
    let other = UNet(plain, classes: 3, Initializer(seed: 3))
    try withTemporaryFolder { folder in
      let file = folder.appendingPathComponent("weights.safetensors")
      var arrays = WeightMapping.nnUNet(network).arrays(of: network.parameters)
      try Safetensors.write(arrays, to: file)
      try WeightMapping.nnUNet(other).load(WeightFile(contentsOf: file), into: other.parameters)
      for (a, b) in zip(network.parameters, other.parameters) {
        #expect(a.value.values(as: Float.self) == b.value.values(as: Float.self), "\(a.name)")
      }
      arrays["decoder.seg_layers.0.weight"] = nil
      try Safetensors.write(arrays, to: file)
      let text = errorText {
        try WeightMapping.nnUNet(other).load(WeightFile(contentsOf: file), into: other.parameters)
      }
      #expect(text.contains("decoder.seg_layers.0.weight"))
    }
  }

  @Test func formsThatCannotBe() {
    var form = plain
    form.kernels[1] = [2, 3]
    #expect(form.problem?.contains("2 x 3") == true)
    form = plain
    form.strides.removeLast()
    #expect(form.problem != nil)
    form = plain
    form.features[0] = 0
    #expect(form.problem != nil && plain.problem == nil)
  }
}
