import Tensors

/// y = x Wᵀ + b over the last axis.
struct Linear {
  /// `[outputs, inputs]`
  let weight: Parameter
  /// `[outputs]`
  let bias: Parameter?

  init(_ name: String, inputs: Int, outputs: Int, bias: Bool = true, _ initializer: Initializer) {
    weight = initializer.normal("\(name).weight", [outputs, inputs], deviation: 0.02)
    self.bias = bias ? initializer.constant("\(name).bias", [outputs], 0) : nil
  }

  var parameters: [Parameter] { [weight] + [bias].compactMap { $0 } }

  func callAsFunction(_ x: Tensor, gelu: Bool = false) -> Tensor {
    linear(x, weight: weight.value, bias: bias?.value, gelu: gelu)
  }
}
