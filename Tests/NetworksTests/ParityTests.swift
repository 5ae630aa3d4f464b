import Files
import Foundation
import Networks
import Random
import Tensors
import TestSupport
import Testing

/// Against PyTorch: Hugging Face's DINOv3ViT and the Primus decoder of Benchmarks/peers. At full size `make bench-parity` compares.
struct ParityTests {
  @Test func tokensEqualHuggingFaces() throws {
    let form = VisionTransformerConfiguration(width: 32, depth: 4, heads: 2, patch: 8)
    let encoder = VisionTransformer(form, Initializer(seed: 0))
    try WeightLayout.huggingFace.mapping(for: encoder).load(
      WeightFile(contentsOf: fixture("vit_hugging_face.safetensors")), into: encoder.parameters)
    let expected = try tensors(fixture("vit_tokens.safetensors"))
    let blocks = [0, 1, 3]
    let tokens = encoder(expected["images"]!, blocks: blocks, .evaluation)
    for (index, block) in zip(blocks, tokens) {
      #expect(worstRowError(block.patches, expected["patches.\(index)"]!) <= 1e-4)
      #expect(worstRowError(block.classToken, expected["class.\(index)"]!) <= 1e-4)
    }
  }

  @Test(arguments: ["primus_single_scale", "primus_multi_scale"])
  func logitsAndGradientsEqualPyTorchs(name: String) throws {
    var form = VisionTransformerConfiguration(width: 32, depth: 3, heads: 2, patch: 8)
    let multiScale = name == "primus_multi_scale"
    if multiScale { (form.storageTokens, form.attentionBias, form.normEpsilon) = (0, .all, 1e-6) }
    let network = PrimusNetwork(form, blocks: multiScale ? [0, 2] : nil, classes: 5, Initializer(seed: 0))
    try compare(network, fixture("\(name).safetensors"))
  }

  /// Sets the network's parameters from a peer's file and compares its logits and gradients with those there.
  private func compare(_ network: PrimusNetwork, _ file: URL) throws {
    let expected = try tensors(file)
    for parameter in network.parameters { parameter.set(try #require(expected["value.\(parameter.name)"])) }
    #expect(expected.keys.count { $0.hasPrefix("value.") } == network.parameters.count)

    var logits: Tensor?
    let (_, gradients) = Tape.gradients {
      let output = network.logits(expected["images"]!, .evaluation)[0]
      logits = output.detached
      return (output * expected["weights"]!).sum()
    }
    let error = relativeDifference(logits!, expected["logits"]!)
    #expect(error <= 1e-4)
    var worst = (error: 0.0, name: "")
    for parameter in network.parameters {
      let gradient = try #require(gradients[parameter], "\(parameter.name)")
      let theirs = try #require(expected["gradient.\(parameter.name)"])
      let error = relativeDifference(gradient, theirs)
      #expect(error <= 1e-4, "\(parameter.name)")
      if error >= worst.error { worst = (error, parameter.name) }
    }
    print(
      "\(file.lastPathComponent): relative error of the logits \(error), of a gradient \(worst.error) (\(worst.name))")
  }

  @Test func imagesOfABatchDoNotTouchEachOther() throws {
    let network = PrimusNetwork(
      VisionTransformerConfiguration(width: 32, depth: 2, heads: 2, patch: 8, layerScale: 1), classes: 3,
      Initializer(seed: 0))
    var random = CounterRandom(seed: 1, purpose: "test images")
    let images = Tensor((0..<(2 * 16 * 16)).map { _ in Float(random.normal()) }, shape: [2, 1, 16, 16])
    let both = network.logits(images, .evaluation)[0]
    for index in 0..<2 {
      let alone = network.logits(images[index].reshaped([1, 1, 16, 16]), .evaluation)[0]
      #expect(relativeDifference(both[index], alone[0]) < 1e-5)
    }
  }
}
