import Tensors
import Testing
import Training

@Suite struct OptimizerTests {
  /// Six steps of two groups, clipped, the rate falling in a straight line, against `torch.optim.AdamW`.
  @Test func adamWIsPyTorchs() throws {
    let decoder = Parameter("decoder", try peer("adamw.decoder.start"))
    let encoder = Parameter("encoder", try peer("adamw.encoder.start"))
    let untouched = Parameter("untouched", Tensor([1, 2] as [Float], shape: [2]))
    let optimizer = AdamW(
      groups: [
        ParameterGroup(name: "decoder", parameters: [decoder, untouched], learningRate: 3e-2, weightDecay: 5e-2),
        ParameterGroup(name: "encoder", parameters: [encoder], learningRate: 1e-2, weightDecay: 5e-2),
      ], betas: (0.9, 0.98))
    let schedule = PolynomialSchedule(power: 1, total: 6)
    let norms = try peer("adamw.norms").values(as: Float.self)
    for step in 0..<6 {
      let (_, gradients) = try Tape.gradients {
        (decoder.value * (try peer("adamw.decoder.gradient\(step)"))).sum()
          + (encoder.value * (try peer("adamw.encoder.gradient\(step)"))).sum()
      }
      let norm = GradientClipping.globalNorm(gradients, of: optimizer.parameters)
      #expect(abs(norm - Double(norms[step])) < 1e-5 * Double(norms[step]))
      optimizer.step(
        gradients, gradientScale: GradientClipping.scale(norm: norm, maximum: 12),
        learningRateFactor: schedule.factor(at: step))
      #expect(relativeDifference(decoder.value, try peer("adamw.decoder.after\(step)")) < 2e-6)
      #expect(relativeDifference(encoder.value, try peer("adamw.encoder.after\(step)")) < 2e-6)
    }
    // Some steps must have been clipped and some not, or the test says little.
    #expect(norms.contains { $0 > 12 } && norms.contains { $0 < 12 * 2 })
    #expect(untouched.value.values(as: Float.self) == [1, 2])
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
