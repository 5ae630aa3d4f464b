import Tensors

/// nnU-Net's unit (Isensee et al. 2021): a convolution with a bias that keeps the size but for its stride, instance norm with weight and bias
/// (ε = 1e-5), and a leaky ReLU.
struct ConvolutionBlock: Module {
  /// The leaky ReLU's slope below zero, which the initial weights are scaled for.
  static let slope = 0.01

  /// `[outputs, inputs, height, width]`
  private let weight: Parameter
  private let bias: Parameter
  private let normWeight: Parameter
  private let normBias: Parameter
  private let attributes: ConvolutionAttributes

  /// - Parameter kernel: height and width, odd.
  init(
    _ name: String, inputs: Int, outputs: Int, kernel: [Int], stride: [Int] = [1, 1],
    _ initializer: Initializer
  ) {
    weight = initializer.he(
      "\(name).convolution.weight", [outputs, inputs] + kernel, fanIn: inputs * kernel[0] * kernel[1], slope: Self.slope
    )
    bias = initializer.bias("\(name).convolution.bias", [outputs])
    normWeight = initializer.scale("\(name).norm.weight", outputs)
    normBias = initializer.bias("\(name).norm.bias", [outputs])
    attributes = ConvolutionAttributes(
      stride: (stride[0], stride[1]), padding: ((kernel[0] - 1) / 2, (kernel[1] - 1) / 2), layout: .channelsLast)
  }

  /// x `[N, H, W, inputs]` → `[N, ⌈H / stride⌉, ⌈W / stride⌉, outputs]`.
  func callAsFunction(_ x: Tensor) -> Tensor {
    instanceNorm(
      convolution(x, weight: weight.value, bias: bias.value, attributes), weight: normWeight.value,
      bias: normBias.value, epsilon: 1e-5, slope: Self.slope, layout: attributes.layout)
  }
}
