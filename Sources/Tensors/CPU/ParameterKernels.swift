import Kernels

/// Training's updates in place, each one pass over memory on all threads.
public enum ParameterKernels {
  /// One step of AdamW's constants, those that depend on the step number included.
  public struct AdamWStep: Sendable {
    public var rate: Double
    public var weightDecay: Double
    public var beta1: Double
    public var beta2: Double
    public var epsilon: Double
    /// How many steps have been taken, this one included: 1 at the first.
    public var step: Int
    /// Multiplies the gradient first, as clipping by the global norm does.
    public var gradientScale: Double

    public init(
      rate: Double, weightDecay: Double, beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-8, step: Int,
      gradientScale: Double = 1
    ) {
      (self.rate, self.weightDecay, self.beta1, self.beta2) = (rate, weightDecay, beta1, beta2)
      (self.epsilon, self.step, self.gradientScale) = (epsilon, step, gradientScale)
    }
  }

  /// AdamW (Loshchilov and Hutter, "Decoupled weight decay regularization", 2019) as PyTorch's: values *= 1 - rate · decay,
  /// then values -= rate · m̂ / (√v̂ + epsilon).
  public static func adamW(
    _ values: UnsafeMutableBufferPointer<Float>, gradient: Tensor, firstMoment: UnsafeMutableBufferPointer<Float>,
    secondMoment: UnsafeMutableBufferPointer<Float>, _ step: AdamWStep
  ) {
    precondition(
      gradient.count == values.count && firstMoment.count == values.count && secondMoment.count == values.count
        && gradient.elementType == .float32, "AdamW of arrays of different sizes")
    var constants = adamw_step(
      rate: step.rate, decay: step.weightDecay, beta1: step.beta1, beta2: step.beta2, epsilon: step.epsilon,
      correction1: 1 - power(step.beta1, step.step), correction2: 1 - power(step.beta2, step.step),
      gradient_scale: step.gradientScale)
    withUnsafePointer(to: &constants) { constants in
      parallel(values.count, grain: elementGrain) {
        kernel_adamw(
          kernel_float32, values.baseAddress, gradient.rawPointer, firstMoment.baseAddress, secondMoment.baseAddress,
          constants, $0, $1)
      }
    }
  }

  /// One step of stochastic gradient descent's constants.
  public struct SGDStep: Sendable {
    public var rate: Double
    public var weightDecay: Double
    public var momentum: Double
    public var nesterov: Bool
    /// Multiplies the gradient first, as clipping by the global norm does; the weight decay comes after it.
    public var gradientScale: Double

    public init(rate: Double, weightDecay: Double, momentum: Double, nesterov: Bool, gradientScale: Double = 1) {
      (self.rate, self.weightDecay, self.momentum) = (rate, weightDecay, momentum)
      (self.nesterov, self.gradientScale) = (nesterov, gradientScale)
    }
  }

  /// SGD with momentum as PyTorch's: g += decay · values, velocity = momentum · velocity + g, values -= rate · velocity, or
  /// with Nesterov's look ahead values -= rate · (g + momentum · velocity).
  public static func sgd(
    _ values: UnsafeMutableBufferPointer<Float>, gradient: Tensor, velocity: UnsafeMutableBufferPointer<Float>,
    _ step: SGDStep
  ) {
    precondition(
      gradient.count == values.count && velocity.count == values.count && gradient.elementType == .float32,
      "SGD of arrays of different sizes")
    var constants = sgd_step(
      rate: step.rate, decay: step.weightDecay, momentum: step.momentum, gradient_scale: step.gradientScale,
      nesterov: step.nesterov ? 1 : 0)
    withUnsafePointer(to: &constants) { constants in
      parallel(values.count, grain: elementGrain) {
        kernel_sgd(kernel_float32, values.baseAddress, gradient.rawPointer, velocity.baseAddress, constants, $0, $1)
      }
    }
  }

  /// target += share · (source - target): an exponential moving average's step, with share = 1 - momentum.
  public static func move(
    _ target: UnsafeMutableBufferPointer<Float>, towards source: UnsafeBufferPointer<Float>, share: Double
  ) {
    precondition(target.count == source.count, "an average of arrays of different sizes")
    parallel(target.count, grain: elementGrain) {
      kernel_move_towards(kernel_float32, target.baseAddress, source.baseAddress, share, $0, $1)
    }
  }

  /// The sum of the squares, in an order that depends on the size alone.
  public static func sumOfSquares(_ tensor: Tensor) -> Double {
    if tensor.count == 0 { return 0 }
    let parts = min(64, (tensor.count + elementGrain - 1) / elementGrain)
    var shares = [Double](repeating: 0, count: parts)
    shares.withUnsafeMutableBufferPointer { shares in
      let base = shares.baseAddress!
      parallel(parts) { begin, end in
        for part in begin..<end {
          kernel_sum_squares(
            tensor.elementType.kernel, tensor.rawPointer, base + part, tensor.count * part / parts,
            tensor.count * (part + 1) / parts)
        }
      }
    }
    return shares.reduce(0, +)
  }

  /// values *= factor
  public static func scale(_ values: UnsafeMutableBufferPointer<Float>, by factor: Double) {
    parallel(values.count, grain: elementGrain) {
      kernel_scale(kernel_float32, values.baseAddress, factor, $0, $1)
    }
  }

  /// base to a whole power, by squaring, so that no C library's rounding decides the bits.
  private static func power(_ base: Double, _ exponent: Int) -> Double {
    precondition(exponent >= 1, "a step of AdamW numbered \(exponent)")
    var (result, factor, rest) = (1.0, base, exponent)
    while rest > 0 {
      if rest & 1 == 1 { result *= factor }
      factor *= factor
      rest >>= 1
    }
    return result
  }
}
