import Tensors

/// y = x Wᵀ + b over the last axis.
struct Linear: Module {
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
    self.bias = bias ? initializer.bias("\(name).bias", [outputs]) : nil
  }

  /// - Parameter weight: `[outputs, inputs]`
  init(weight: Parameter, bias: Parameter?) {
    self.weight = weight
    self.bias = bias
  }

  func callAsFunction(_ x: Tensor, gelu: Bool = false) -> Tensor {
    linear(x, weight: weight.value, bias: bias?.value, gelu: gelu)
  }
}
