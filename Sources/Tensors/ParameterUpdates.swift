/// What training changes in place, float32 all of it. No tape may be recording.
package protocol ParameterUpdates {
  /// AdamW (Loshchilov and Hutter, "Decoupled weight decay regularization", 2019) as PyTorch's: values *= 1 - rate · decay,
  /// then values -= rate · m̂ / (√v̂ + epsilon).
  func adamW(_ values: Tensor, gradient: Tensor, firstMoment: Tensor, secondMoment: Tensor, _ step: AdamWStep)

  /// SGD with momentum as PyTorch's: g += decay · values, velocity = momentum · velocity + g, values -= rate · velocity, or
  /// with Nesterov's look ahead values -= rate · (g + momentum · velocity).
  func sgd(_ values: Tensor, gradient: Tensor, velocity: Tensor, _ step: SGDStep)

  /// target += weight · (source - target), as `torch.lerp_`: an exponential moving average's step, with weight = 1 - momentum.
  func lerp(_ target: Tensor, towards source: Tensor, weight: Double)

  /// The sum of the squares of all elements of all tensors, in an order that depends on the sizes alone.
  func sumOfSquares(_ tensors: [Tensor]) -> Double
}

/// One step of AdamW's constants, those that depend on the step number included.
package struct AdamWStep: Sendable {
  package var rate: Double
  package var weightDecay: Double
  package var beta1: Double
  package var beta2: Double
  package var epsilon: Double
  /// How many steps have been taken, this one included: 1 at the first.
  package var step: Int
  /// Multiplies the gradient first, as clipping by the global norm does.
  package var gradientScale: Double

  package init(
    rate: Double, weightDecay: Double, beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-8, step: Int,
    gradientScale: Double = 1
  ) {
    (self.rate, self.weightDecay, self.beta1, self.beta2) = (rate, weightDecay, beta1, beta2)
    (self.epsilon, self.step, self.gradientScale) = (epsilon, step, gradientScale)
  }
}

/// One step of stochastic gradient descent's constants.
package struct SGDStep: Sendable {
  package var rate: Double
  package var weightDecay: Double
  package var momentum: Double
  package var nesterov: Bool
  /// Multiplies the gradient first, as clipping by the global norm does; the weight decay comes after it.
  package var gradientScale: Double

  package init(rate: Double, weightDecay: Double, momentum: Double, nesterov: Bool, gradientScale: Double = 1) {
    (self.rate, self.weightDecay, self.momentum) = (rate, weightDecay, momentum)
    (self.nesterov, self.gradientScale) = (nesterov, gradientScale)
  }
}
