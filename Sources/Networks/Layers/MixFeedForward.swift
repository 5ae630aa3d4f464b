import Tensors

/// A feed-forward network that mixes neighbouring tokens (Xie et al. 2021): a 3 x 3 depthwise convolution between its two
/// linear maps tells it where tokens lie, so that no position embedding is needed.
struct MixFeedForward: Module {
  let expand: Linear
  /// `[hidden, 1, 3, 3]`
  let depthwiseWeight: Parameter
  /// `[hidden]`
  let depthwiseBias: Parameter
  let contract: Linear
  /// Of the sum of the convolution and its input (Huang et al. 2022, "mix-skip"); nil for the convolution alone.
  let norm: LayerNorm?
  private let constants = ConstantCache<ElementType>()

  /// - Parameter skip: whether the convolution's input is added to its output and the sum normalised.
  init(
    _ name: String, width: Int, hidden: Int, skip: Bool, weights: WeightDistribution, _ initializer: Initializer
  ) {
    expand = Linear("\(name).expand", inputs: width, outputs: hidden, weights: weights, initializer)
    depthwiseWeight = initializer.weight("\(name).depthwise.weight", [hidden, 1, 3, 3], weights)
    depthwiseBias = initializer.bias("\(name).depthwise.bias", [hidden])
    contract = Linear("\(name).contract", inputs: hidden, outputs: width, weights: weights, initializer)
    norm = skip ? LayerNorm("\(name).norm", width: hidden, epsilon: 1e-5, initializer) : nil
  }

  /// The kernel `[1, 1, 3, 3]` that changes nothing.
  private func centre(_ type: ElementType) -> Tensor {
    constants(type) { [Tensor((0..<9).map { $0 == 4 ? 1 : 0 as Float }, shape: [1, 1, 3, 3]).converted(to: type)] }[0]
  }

  /// x `[N, H, W, width]` → the same shape.
  func callAsFunction(_ x: Tensor) -> Tensor {
    let expanded = expand(x)
    // What is added to a convolution of itself is one more at the centre of its kernels.
    let kernels = norm == nil ? depthwiseWeight.value : depthwiseWeight.value + centre(expanded.elementType)
    let mixed = convolution(
      expanded, weight: kernels, bias: depthwiseBias.value,
      .init(padding: (1, 1), groups: expanded.shape[3], layout: .channelsLast))
    return contract(norm.map { $0(mixed, gelu: true) } ?? mixed.activated(.gelu))
  }
}
