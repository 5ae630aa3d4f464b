import Tensors

/// A transposed convolution whose kernel is its stride: it multiplies the resolution, every pixel becoming a window of its own.
struct TransposedConvolutionBlock: Module {
  /// `[inputs, outputs, height, width]`
  let weight: Parameter
  /// `[outputs]`
  let bias: Parameter
  private let attributes: ConvolutionAttributes

  /// With He's initial values for a leaky ReLU, as nnU-Net has it.
  /// - Parameters:
  ///   - stride: along height and width.
  ///   - layout: how the result lies.
  init(
    _ name: String, inputs: Int, outputs: Int, stride: [Int] = [2, 2], layout: DataLayout = .channelsLast,
    _ initializer: Initializer
  ) {
    self.init(
      // PyTorch counts a transposed convolution's fan-in over its outputs; nnU-Net's initialisation inherits that.
      weight: initializer.he(
        "\(name).weight", [inputs, outputs] + stride, fanIn: outputs * stride[0] * stride[1],
        slope: ConvolutionBlock.slope),
      bias: initializer.bias("\(name).bias", [outputs]), layout: layout)
  }

  init(weight: Parameter, bias: Parameter, layout: DataLayout = .channelsLast) {
    self.weight = weight
    self.bias = bias
    attributes = ConvolutionAttributes(stride: (weight.shape[2], weight.shape[3]), layout: layout)
  }

  func callAsFunction(_ x: Tensor) -> Tensor {
    transposedConvolution(x, weight: weight.value, bias: bias.value, attributes)
  }
}
