import Tensors

/// A convolution of images `[N, H, W, C]` that keeps their size, with bias and He's initial values for a leaky ReLU, as nnU-Net
/// has it.
struct ImageConvolution {
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
    bias = initializer.constant("\(name).bias", [outputs], 0)
    attributes = ConvolutionAttributes(padding: (kernel / 2, kernel / 2), groups: groups, layout: .channelsLast)
  }

  var parameters: [Parameter] { [weight, bias] }

  func callAsFunction(_ x: Tensor) -> Tensor { convolution(x, weight: weight.value, bias: bias.value, attributes) }
}

/// Doubles the resolution of `[N, H, W, C]` by a 2 x 2 transposed convolution.
struct TransposedConvolutionBlock {
  /// `[inputs, outputs, 2, 2]`
  let weight: Parameter
  /// `[outputs]`
  let bias: Parameter

  init(_ name: String, inputs: Int, outputs: Int, _ initializer: Initializer) {
    // PyTorch counts a transposed convolution's fan-in over its outputs.
    weight = initializer.he("\(name).weight", [inputs, outputs, 2, 2], fanIn: outputs * 4, slope: 0.01)
    bias = initializer.constant("\(name).bias", [outputs], 0)
  }

  var parameters: [Parameter] { [weight, bias] }

  func callAsFunction(_ x: Tensor) -> Tensor {
    transposedConvolution(x, weight: weight.value, bias: bias.value, .init(stride: (2, 2), layout: .channelsLast))
  }
}

/// A convolution, instance normalisation (Ulyanov et al. 2016) and leaky ReLU: nnU-Net's unit, on images `[N, H, W, C]`.
struct NormalizedConvolution {
  let convolution: ImageConvolution
  /// `[outputs]`
  let weight: Parameter
  /// `[outputs]`
  let bias: Parameter

  init(_ name: String, inputs: Int, outputs: Int, kernel: Int, _ initializer: Initializer) {
    convolution = ImageConvolution(
      "\(name).convolution", inputs: inputs, outputs: outputs, kernel: kernel, initializer)
    weight = initializer.constant("\(name).norm.weight", [outputs], 1)
    bias = initializer.constant("\(name).norm.bias", [outputs], 0)
  }

  var parameters: [Parameter] { convolution.parameters + [weight, bias] }

  func callAsFunction(_ x: Tensor) -> Tensor {
    instanceNorm(
      convolution(x), weight: weight.value, bias: bias.value, epsilon: 1e-5, slope: 0.01, layout: .channelsLast)
  }
}

/// Images `[N, C, H, W]` with their channels last.
func channelsLast(_ images: Tensor) -> Tensor {
  let shape = images.shape
  return shape[1] == 1 ? images.reshaped([shape[0], shape[2], shape[3], 1]) : images.permuted([0, 2, 3, 1])
}
