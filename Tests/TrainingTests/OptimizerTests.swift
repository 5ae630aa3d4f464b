import Tensors
import TestSupport
import Testing
import Training

@Suite struct OptimizerTests {
  /// Six steps of two groups, clipped, the rate falling as a power, against PyTorch's optimisers.
  @Test(arguments: [
    ("adamw", OptimizerKind.adamW(beta1: 0.9, beta2: 0.98, epsilon: 1e-8), 1.0),
    ("sgd", .sgd(momentum: 0.99, nesterov: true), 0.9), ("momentum", .sgd(momentum: 0.9, nesterov: false), 0.9),
  ])
  func stepsArePyTorchs(name: String, kind: OptimizerKind, power: Double) throws {
    let decoder = Parameter("decoder", try peer("\(name).decoder.start"))
    let encoder = Parameter("encoder", try peer("\(name).encoder.start"))
    let untouched = Parameter("untouched", Tensor([1, 2] as [Float], shape: [2]))
    let optimizer = kind.optimizer([
      ParameterGroup(name: "decoder", parameters: [decoder, untouched], learningRate: 3e-2, weightDecay: 5e-2),
      ParameterGroup(name: "encoder", parameters: [encoder], learningRate: 1e-2, weightDecay: 5e-2),
    ])
    let schedule = LearningRateSchedule(.polynomial(power: power))
    let norms = try peer("\(name).norms").values(as: Float.self)
    for step in 0..<6 {
      let (_, gradients) = try Tape.gradients {
        (decoder.value * (try peer("\(name).decoder.gradient\(step)"))).sum()
          + (encoder.value * (try peer("\(name).encoder.gradient\(step)"))).sum()
      }
      let norm = GradientClipping.globalNorm(gradients, of: optimizer.parameters)
      #expect(abs(norm - Double(norms[step])) < 1e-5 * Double(norms[step]))
      optimizer.step(
        gradients, gradientScale: GradientClipping.scale(norm: norm, maximum: 12),
        learningRateFactor: schedule.factor(at: step, of: 6), weightDecayFactor: 1)
      #expect(relativeDifference(decoder.value, try peer("\(name).decoder.after\(step)")) < 2e-6)
      #expect(relativeDifference(encoder.value, try peer("\(name).encoder.after\(step)")) < 2e-6)
    }
    // Some steps must have been clipped and some not, or the test says little.
    #expect(norms.contains { $0 > 12 } && norms.contains { $0 < 12 * 2 })
    #expect(untouched.value.values(as: Float.self) == [1, 2])
  }

  /// The state handed to a new optimiser makes its next step the old one's, bit by bit.
  @Test(arguments: [
    OptimizerKind.adamW(beta1: 0.9, beta2: 0.98, epsilon: 1e-8), .sgd(momentum: 0.99, nesterov: true),
  ])
  func theStateIsAllThatAStepNeeds(kind: OptimizerKind) throws {
    func parameter() throws -> Parameter { Parameter("x", try peer("sgd.decoder.start")) }
    func optimizer(_ parameter: Parameter) -> any Optimizer {
      kind.optimizer([ParameterGroup(name: "all", parameters: [parameter], learningRate: 0.1, weightDecay: 0.01)])
    }
    func copy(_ parameter: Parameter) -> Tensor {
      Tensor(parameter.value.values(as: Float.self), shape: parameter.shape)
    }
    func step(_ parameter: Parameter, _ optimizer: any Optimizer, _ index: Int) throws {
      let (_, gradients) = try Tape.gradients { (parameter.value * (try peer("sgd.decoder.gradient\(index)"))).sum() }
      optimizer.step(gradients, gradientScale: 1, learningRateFactor: 1, weightDecayFactor: 1)
    }
    let whole = try parameter()
    let first = optimizer(whole)
    for index in 0..<3 { try step(whole, first, index) }
    let resumed = Parameter("x", copy(whole))
    let second = optimizer(resumed)
    second.state = first.state
    try step(whole, first, 3)
    try step(resumed, second, 3)
    #expect(whole.value.values(as: Float.self) == resumed.value.values(as: Float.self))
    let forgetful = Parameter("x", copy(resumed))
    try step(forgetful, optimizer(forgetful), 4)
    try step(resumed, second, 4)
    #expect(forgetful.value.values(as: Float.self) != resumed.value.values(as: Float.self))
  }

  @Test(arguments: [
    ("polynomial", LearningRateSchedule.Kind.polynomial(power: 0.9)), ("linear", .linear(finalFraction: 0.25)),
    ("cosine", .cosine(finalFraction: 0.25)), ("constant", .constant),
  ])
  func schedulesWithWarmUpArePyTorchs(name: String, kind: LearningRateSchedule.Kind) throws {
    let schedule = LearningRateSchedule(kind, warmUp: 3)
    for (epoch, factor) in try peer("schedule.\(name)").values(as: Float.self).enumerated() {
      #expect(abs(schedule.factor(at: epoch, of: 12) - Double(factor)) < 1e-6, "epoch \(epoch)")
    }
  }

  @Test func clippingKeepsSmallGradients() {
    #expect(GradientClipping.scale(norm: 3, maximum: 12) == 1)
    #expect(abs(GradientClipping.scale(norm: 48, maximum: 12) - 0.25) < 1e-6)
  }

  @Test func schedules() {
    let line = PolynomialSchedule(power: 1, total: 1000)
    #expect(line.factor(at: 0) == 1 && abs(line.factor(at: 250) - 0.75) < 1e-12 && line.factor(at: 1000) == 0)
    let curve = PolynomialSchedule(power: 0.9, total: 1000)
    #expect(abs(curve.factor(at: 500) - 0.535886731268146) < 1e-12)
    let cosine = CosineSchedule(peak: 2, end: 1, warmUp: 5, total: 25)
    let expected = [0, 0.5, 1, 1.5, 2, 2, 1.5 + 0.5 * 0.9876883405951378]
    for (step, value) in expected.enumerated() { #expect(abs(cosine.value(at: step) - value) < 1e-12) }
    #expect(abs(cosine.value(at: 15) - 1.5) < 1e-12 && cosine.value(at: 25) == 1 && cosine.value(at: 99) == 1)
  }
}
