import Files
import Foundation
import Networks
import Tensors
import TestSupport
import Testing

struct SegFormerTests {
  private static func small(_ configuration: SegFormerConfiguration) -> SegFormerConfiguration {
    var configuration = configuration
    (configuration.widths, configuration.depths, configuration.heads) = ([4, 6, 8, 8], [1, 2, 1, 1], [1, 2, 2, 4])
    (configuration.reductions, configuration.decoderWidth, configuration.dropPath, configuration.dropout) = (
      [4, 2, 2, 1], 8, 0, 0
    )
    return configuration
  }

  /// Against Benchmarks/peers/networks/segformer_reference.py, on an image whose stages have odd sizes.
  @Test func publishedFormEqualsTheReference() throws {
    let network = SegFormer(Self.small(.published(.b2)), classes: 3, Initializer(seed: 0))
    try compareInTraining(network, fixture("segformer_published.safetensors"))
  }

  /// Against Hugging Face's SegformerForSemanticSegmentation, from a file in the layout that it publishes.
  @Test func originalFormEqualsHuggingFaces() throws {
    let network = SegFormer(Self.small(.original(.b2)), classes: 3, Initializer(seed: 0))
    let mapping = WeightMapping.segFormerHuggingFace(network)
    try mapping.load(WeightFile(contentsOf: fixture("segformer_hugging_face.safetensors")), into: network.parameters)
    let expected = try tensors(fixture("segformer_hugging_face_outputs.safetensors"))
    let found = try gradients(network, expected)
    #expect(relativeDifference(found.logits, expected["logits"]!) <= 1e-4)
    #expect(relativeDifference(network.logits(expected["images"]!, .evaluation)[0], expected["evaluation"]!) <= 1e-4)
    // Their gradients are a file of weights too: under the same keys.
    let theirs = SegFormer(Self.small(.original(.b2)), classes: 3, Initializer(seed: 0))
    try mapping.load(
      WeightFile(contentsOf: fixture("segformer_hugging_face_gradients.safetensors")), into: theirs.parameters)
    let byName = Dictionary(uniqueKeysWithValues: theirs.parameters.map { ($0.name, $0.value) })
    let (worst, name) = try compareGradients(network, found.gradients) { byName[$0] }
    #expect(worst <= 1e-4, "\(name)")
  }

  /// As many as Hugging Face's SegformerForSemanticSegmentation has with 150 classes.
  @Test(arguments: [
    (SegFormerConfiguration.Size.b0, 3_752_694), (.b2, 27_461_974), (.b4, 64_108_374),
  ])
  func parameterCounts(size: SegFormerConfiguration.Size, expected: Int) {
    let network = SegFormer(.original(size), classes: 150, Initializer(seed: 0))
    #expect(network.parameters.filter(\.isTrainable).reduce(0) { $0 + $1.count } == expected)
  }

  /// The published code's SegFormer has 446 tensors and, with 16 classes, 27,462,880 parameters, among them two LayerNorms in
  /// each feed-forward network that nothing passes through.
  @Test func publishedLayoutIsThePublishedCodes() throws {
    let network = SegFormer(.published(.b2), classes: 16, Initializer(seed: 0))
    let arrays = WeightMapping.segFormerPublished(network).arrays(of: network.parameters)
    #expect(arrays.count == 446)
    let statistics = 768 * 2 + 1
    #expect(arrays.values.reduce(0) { $0 + $1.shape.reduce(1, *) } == 27_462_880 + statistics)
    #expect(arrays["backbone.block3.5.attn.kv.weight"]?.shape == [640, 320])
    #expect(arrays["backbone.block1.0.mlp.norm3.weight"]?.floats()?.allSatisfy { $0 == 1 } == true)
    #expect(arrays["decoder.linear_fuse.conv.weight"]?.shape == [768, 3072, 1, 1])
    #expect(arrays["decoder.conv_up.weight"]?.shape == [16, 16, 4, 4])
    // Written and read again, nothing has moved.
    try withTemporaryFolder { folder in
      let url = folder.appendingPathComponent("weights.safetensors")
      try Safetensors.write(arrays, to: url)
      let other = SegFormer(.published(.b2), classes: 16, Initializer(seed: 1))
      try WeightMapping.segFormerPublished(other).load(WeightFile(contentsOf: url), into: other.parameters)
      for (a, b) in zip(network.parameters, other.parameters) {
        #expect(a.value.values(as: Float.self) == b.value.values(as: Float.self), "\(a.name)")
      }
    }
  }

  /// Glorot's uniform distribution as the published code draws it; N(0, 0.02²) as Hugging Face does; zero biases.
  @Test func initialValuesFollowThePeers() throws {
    func values(_ network: SegFormer, _ name: String) throws -> [Double] {
      try #require(network.parameters.first { $0.name == name }, "\(name)").value.values(as: Float.self).map(
        Double.init)
    }
    func deviation(_ values: [Double]) -> Double {
      (values.reduce(0) { $0 + $1 * $1 } / Double(values.count)).squareRoot()
    }
    let published = SegFormer(.published(.b0), classes: 5, Initializer(seed: 2))
    // (fan in + fan out): a depthwise kernel counts one input and all outputs.
    for (name, fans) in [
      ("stages.0.blocks.0.feedForward.depthwise.weight", 9 + 128 * 9),
      ("stages.3.blocks.1.attention.query.weight", 512),
      ("stages.0.embedding.weight", (3 + 32) * 49), ("decoder.fusion.weight", 1280),
    ] {
      let (drawn, bound) = (try values(published, name), (6 / Double(fans)).squareRoot())
      #expect(drawn.map(abs).max()! <= bound && abs(deviation(drawn) * 3.0.squareRoot() / bound - 1) < 0.03, "\(name)")
    }
    let upsample = try values(published, "decoder.upsample.weight")
    #expect(
      upsample.map(abs).max()! <= (1.0 / 80).squareRoot()
        && upsample.map(abs).max()! > 0.95 * (1.0 / 80).squareRoot())
    #expect(try values(published, "stages.1.blocks.0.attention.reduction.bias").allSatisfy { $0 == 0 })
    let original = SegFormer(.original(.b0), classes: 5, Initializer(seed: 2))
    for name in ["stages.0.embedding.weight", "stages.2.blocks.0.attention.reduction.weight", "decoder.fusion.weight"] {
      #expect(abs(deviation(try values(original, name)) / 0.02 - 1) < 0.03, "\(name)")
    }
  }

  /// Nothing is random in evaluation; in training, channels and branches are dropped.
  @Test func droppingIsForTraining() {
    var configuration = Self.small(.original(.b2))
    (configuration.dropPath, configuration.dropout) = (0.5, 0.5)
    let network = SegFormer(configuration, classes: 3, Initializer(seed: 0))
    let image = Tensor(repeating: 1, shape: [4, 1, 40, 28])
    func logits(_ context: ForwardContext) -> [Float] { network.logits(image, context)[0].values() }
    let first = logits(.evaluation)
    #expect(logits(.evaluation) == first)
    let step = logits(.training(seed: 1, epoch: 0, step: 0))
    #expect(logits(.training(seed: 1, epoch: 0, step: 0)) == step)
    #expect(logits(.training(seed: 1, epoch: 0, step: 1)) != step)
  }
}
