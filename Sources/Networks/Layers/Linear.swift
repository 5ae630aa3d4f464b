import Tensors

/// y = x Wᵀ + b over the last axis.
struct Linear {
  /// `[outputs, inputs]`
  let weight: Parameter
  /// `[outputs]`
  let bias: Parameter?

  init(
    _ name: String, inputs: Int, outputs: Int, bias: Bool = true,
    weights: WeightDistribution = .normal(deviation: 0.02),
    _ initializer: Initializer
  ) {
    weight = initializer.weight("\(name).weight", [outputs, inputs], weights)
    self.bias = bias ? initializer.constant("\(name).bias", [outputs], 0) : nil
  }

  /// - Parameter weight: `[outputs, inputs]`
  init(weight: Parameter, bias: Parameter?) {
    self.weight = weight
    self.bias = bias
  }

  var parameters: [Parameter] { [weight] + [bias].compactMap { $0 } }

  func callAsFunction(_ x: Tensor, gelu: Bool = false) -> Tensor {
    linear(x, weight: weight.value, bias: bias?.value, gelu: gelu)
  }
}
