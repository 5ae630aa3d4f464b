import Tensors

/// A transposed convolution whose kernel is its stride: it multiplies the resolution, every pixel becoming a window of its own.
struct TransposedConvolutionBlock: Module {
  /// `[inputs, outputs, height, width]`
  let weight: Parameter
  /// `[outputs]`
  let bias: Parameter
  private let attributes: ConvolutionAttributes

  /// With He's initial values for a leaky ReLU, as nnU-Net has it.
  /// - Parameter stride: along height and width.
  init(
    _ name: String, inputs: Int, outputs: Int, stride: [Int] = [2, 2],
    _ initializer: Initializer
  ) {
    self.init(
      // PyTorch counts a transposed convolution's fan-in over its outputs; nnU-Net's initialisation inherits that.
      weight: initializer.he(
        "\(name).weight", [inputs, outputs] + stride, fanIn: outputs * stride[0] * stride[1],
        slope: ConvolutionBlock.slope),
      bias: initializer.bias("\(name).bias", [outputs]))
  }

  init(weight: Parameter, bias: Parameter) {
    self.weight = weight
    self.bias = bias
    attributes = ConvolutionAttributes(stride: (weight.shape[2], weight.shape[3]), layout: .channelsLast)
  }

  func callAsFunction(_ x: Tensor) -> Tensor {
    transposedConvolution(x, weight: weight.value, bias: bias.value, attributes)
  }
}
