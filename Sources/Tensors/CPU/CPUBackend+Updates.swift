import Kernels

/// Training's updates in place, each one pass over memory on all threads.
extension CPUBackend {
  package func adamW(
    _ values: Tensor, gradient: Tensor, firstMoment: Tensor, secondMoment: Tensor, _ step: AdamWStep
  ) {
    Self.check([values, gradient, firstMoment, secondMoment], "AdamW")
    var constants = adamw_step(
      rate: step.rate, decay: step.weightDecay, beta1: step.beta1, beta2: step.beta2, epsilon: step.epsilon,
      correction1: 1 - Self.power(step.beta1, step.step), correction2: 1 - Self.power(step.beta2, step.step),
      gradient_scale: step.gradientScale)
    withUnsafePointer(to: &constants) { constants in
      parallel(values.count, grain: elementGrain) {
        kernel_adamw(
          kernel_float32, values.rawPointer, gradient.rawPointer, firstMoment.rawPointer, secondMoment.rawPointer,
          constants, $0, $1)
      }
    }
  }

  package func sgd(_ values: Tensor, gradient: Tensor, velocity: Tensor, _ step: SGDStep) {
    Self.check([values, gradient, velocity], "SGD")
    var constants = sgd_step(
      rate: step.rate, decay: step.weightDecay, momentum: step.momentum, gradient_scale: step.gradientScale,
      nesterov: step.nesterov ? 1 : 0)
    withUnsafePointer(to: &constants) { constants in
      parallel(values.count, grain: elementGrain) {
        kernel_sgd(kernel_float32, values.rawPointer, gradient.rawPointer, velocity.rawPointer, constants, $0, $1)
      }
    }
  }

  package func lerp(_ target: Tensor, towards source: Tensor, weight: Double) {
    Self.check([target, source], "an average")
    parallel(target.count, grain: elementGrain) {
      kernel_move_towards(kernel_float32, target.rawPointer, source.rawPointer, weight, $0, $1)
    }
  }

  package func sumOfSquares(_ tensors: [Tensor]) -> Double { tensors.reduce(0) { $0 + sumOfSquares($1) } }

  private func sumOfSquares(_ tensor: Tensor) -> Double {
    if tensor.count == 0 { return 0 }
    let parts = min(64, (tensor.count + elementGrain - 1) / elementGrain)
    var shares = [Double](repeating: 0, count: parts)
    shares.withUnsafeMutableBufferPointer { shares in
      let base = shares.baseAddress!
      parallel(parts, grain: 4) { begin, end in
        for part in begin..<end {
          kernel_sum_squares(
            tensor.elementType.kernel, tensor.rawPointer, base + part, tensor.count * part / parts,
            tensor.count * (part + 1) / parts)
        }
      }
    }
    return shares.reduce(0, +)
  }

  private static func check(_ tensors: [Tensor], _ what: String) {
    precondition(
      tensors.allSatisfy { $0.count == tensors[0].count && $0.elementType == .float32 },
      "\(what) of \(tensors.map(\.shape))")
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
