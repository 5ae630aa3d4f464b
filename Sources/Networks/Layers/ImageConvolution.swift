import Tensors

/// A convolution of images `[N, H, W, C]` that keeps their size, with bias and He's initial values for a leaky ReLU, as nnU-Net
/// has it.
struct ImageConvolution: Module {
  /// `[outputs, inputs / groups, kernel, kernel]`
  let weight: Parameter
  /// `[outputs]`
  let bias: Parameter
  private let attributes: ConvolutionAttributes

  init(
    _ name: String, inputs: Int, outputs: Int, kernel: Int = 1, groups: Int = 1, _ initializer: Initializer
  ) {
    weight = initializer.he(
      "\(name).weight", [outputs, inputs / groups, kernel, kernel], fanIn: inputs / groups * kernel * kernel,
      slope: 0.01)
    bias = initializer.bias("\(name).bias", [outputs])
    attributes = ConvolutionAttributes(padding: (kernel / 2, kernel / 2), groups: groups, layout: .channelsLast)
  }

  func callAsFunction(_ x: Tensor) -> Tensor { convolution(x, weight: weight.value, bias: bias.value, attributes) }
}

/// Images `[N, C, H, W]` with their channels last.
func channelsLast(_ images: Tensor) -> Tensor {
  let shape = images.shape
  return shape[1] == 1 ? images.reshaped([shape[0], shape[2], shape[3], 1]) : images.permuted([0, 2, 3, 1])
}
