import Tensors

/// y = (x - mean) / √(variance + ε) · weight + bias over the last axis (Ba et al. 2016).
struct LayerNorm: Module {
  /// `[width]`
  let weight: Parameter
  /// `[width]`
  let bias: Parameter
  let epsilon: Double

  init(_ name: String, width: Int, epsilon: Double, _ initializer: Initializer) {
    weight = initializer.scale("\(name).weight", width)
    bias = initializer.bias("\(name).bias", [width])
    self.epsilon = epsilon
  }

  func callAsFunction(_ x: Tensor, gelu: Bool = false) -> Tensor {
    layerNorm(x, weight: weight.value, bias: bias.value, epsilon: epsilon, gelu: gelu)
  }
}
