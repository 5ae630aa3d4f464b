import Foundation
import Networks
import Random
import Tensors
import TestSupport
import Testing

struct DINOUNetTests {
  private static func small(rescale: Double = 1) -> DINOUNet {
    var form = DINOUNetConfiguration(
      encoder: VisionTransformerConfiguration(
        width: 16, depth: 4, heads: 2, patch: 8, mlpRatio: 1, storageTokens: 1,
        rotaryAugmentation: .init(rescale: rescale)),
      blocks: [0, 1, 2, 3])
    form.adapter = .init(heads: 2, points: 2, priorWidth: 2, dropPath: 0)
    (form.rank, form.widths) = (6, [2, 4, 6, 8])
    return DINOUNet(form, classes: 2, Initializer(seed: 0))
  }

  /// Against Benchmarks/peers/networks/dino_unet_reference.py, whose encoder is Hugging Face's DINOv3ViT.
  @Test func logitsAndGradientsEqualTheReference() throws {
    try compareInTraining(Self.small(), fixture("dino_unet.safetensors"))
  }

  /// The encoder gets no gradient and the tape nothing of it: its share of a step is a forward pass.
  @Test func theEncoderIsFrozen() throws {
    let network = Self.small()
    #expect(network.encoderParameters.allSatisfy { !$0.isTrainable } && !network.encoderParameters.isEmpty)
    let (_, gradients) = Tape.gradients {
      network.logits(Tensor(repeating: 1, shape: [1, 1, 32, 32]), .training(seed: 0, epoch: 0, step: 0))[0].sum()
    }
    #expect(network.encoderParameters.allSatisfy { gradients[$0] == nil })
    #expect(network.decoderParameters.allSatisfy { !$0.isTrainable || gradients[$0] != nil })
  }

  /// The published code's frozen encoder sees other positions in every step of training, and its own in evaluation.
  @Test func coordinatesAreRescaledInTrainingAlone() {
    var random = CounterRandom(seed: 2, purpose: "image")
    let image = Tensor((0..<(32 * 64)).map { _ in Float(random.normal()) }, shape: [1, 1, 32, 64])
    func logits(_ rescale: Double, _ context: ForwardContext) -> [Float] {
      Self.small(rescale: rescale).logits(image, context)[0].values()
    }
    let steps = (0..<2).map { ForwardContext.training(seed: 0, epoch: 0, step: $0) }
    #expect(logits(2, steps[0]) == logits(2, steps[0]))
    #expect(logits(2, steps[0]) != logits(2, steps[1]) && logits(2, steps[0]) != logits(1, steps[0]))
    #expect(logits(1, steps[0]) == logits(1, steps[1]))
    #expect(logits(2, .evaluation) == logits(1, .evaluation))
  }

  /// As many trained ones as the reference with 16 classes has; the encoder's, Hugging Face's but for the mask token.
  @Test(arguments: [(DINOUNetConfiguration.small, 6_195_022, 21_596_160), (.base, 13_182_094, 85_659_648)])
  func parameterCounts(form: DINOUNetConfiguration, trained: Int, frozen: Int) {
    let network = DINOUNet(form, classes: 16, Initializer(seed: 0))
    #expect(network.parameters.filter(\.isTrainable).reduce(0) { $0 + $1.count } == trained)
    #expect(network.encoder.parameters.reduce(0) { $0 + $1.count } == frozen)
    #expect(form.problem == nil && network.inputMultiple == (32, 32))
  }

  /// Deformable attention begins as Zhu et al. (2021) say: directions of their own for the heads, equal weights; the rest is
  /// He's, Glorot's and N(0, 1) for the resolutions' embeddings.
  @Test func initialValuesFollowThePapers() throws {
    let network = DINOUNet(.small, classes: 4, Initializer(seed: 1))
    func values(_ name: String) throws -> [Double] {
      try #require(network.parameters.first { $0.name == name }, "\(name)").value.values(as: Float.self).map(
        Double.init)
    }
    func deviation(_ values: [Double]) -> Double {
      (values.reduce(0) { $0 + $1 * $1 } / Double(values.count)).squareRoot()
    }
    let extractor = "adapter.extractors.3.2"
    let offsets = try values("\(extractor).attention.samplingOffsets.bias")
    #expect(offsets.count == 16 * 4 * 2 && Array(offsets[0..<4]) == [1, 0, 2, 0])
    for point in 0..<64 {
      #expect(abs(max(abs(offsets[2 * point]), abs(offsets[2 * point + 1])) - Double(point % 4 + 1)) < 1e-6)
    }
    #expect(try values("\(extractor).attention.samplingOffsets.weight").allSatisfy { $0 == 0 })
    #expect(try values("\(extractor).attention.attentionWeights.weight").allSatisfy { $0 == 0 })
    let value = try values("\(extractor).attention.value.weight")
    let bound = (6.0 / (384 + 192)).squareRoot()
    #expect(value.map(abs).max()! <= bound && abs(deviation(value) * 3.0.squareRoot() / bound - 1) < 0.02)
    #expect(abs(deviation(try values("adapter.levels")) - 1) < 0.1)
    #expect(abs(deviation(try values("adapter.prior.steps.1.weight")) / (2 / 1.0001 / 576).squareRoot() - 1) < 0.02)
    #expect(abs(deviation(try values("\(extractor).expand.weight")) / 0.02 - 1) < 0.02)
  }

  @Test func impossibleFormsAreNamed() {
    var form = DINOUNetConfiguration.base
    form.adapter.heads = 7
    #expect(form.problem?.contains("384 do not divide into 7 heads") == true)
    form = .base
    form.blocks = [2, 5, 8, 12]
    #expect(form.problem?.contains("[2, 5, 8, 12]") == true)
  }
}
