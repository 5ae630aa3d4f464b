import Tensors

/// Cuts an image into square patches and maps each linearly to a token.
///
/// An image of one channel stands for one of as many equal channels as the weights have; since
/// Σ_c W_c x = (Σ_c W_c) x, the weights are summed instead of the image repeated.
struct PatchEmbedding: Module {
  /// `[width, channels, patch, patch]`
  let weight: Parameter
  /// `[width]`
  let bias: Parameter
  private let patch: Int
  private let channels: Int

  init(_ name: String, channels: Int, patch: Int, width: Int, _ initializer: Initializer) {
    let bound = (1 / Double(channels * patch * patch)).squareRoot()
    weight = initializer.uniform("\(name).weight", [width, channels, patch, patch], bound: bound)
    bias = initializer.uniform("\(name).bias", [width], bound: bound, decays: false)
    self.patch = patch
    self.channels = channels
  }

  /// images `[N, 1 or channels, H, W]` → tokens `[N, H/patch · W/patch, width]`, row by row.
  func callAsFunction(_ images: Tensor) -> Tensor {
    let (count, height, width) = (images.shape[0], images.shape[2], images.shape[3])
    precondition(
      height % patch == 0 && width % patch == 0,
      "an image of \(height) x \(width) does not divide into patches of \(patch)"
    )
    let attributes = ConvolutionAttributes(stride: (patch, patch), layout: .channelsLast)
    let tokens: Tensor
    if images.shape[1] == 1 {
      tokens = convolution(
        images.reshaped([count, height, width, 1]),
        weight: channels == 1 ? weight.value : weight.value.sum(axes: [1], keep: true), bias: bias.value, attributes)
    } else {
      precondition(images.shape[1] == channels, "an image of \(images.shape[1]) channels for weights of \(channels)")
      tokens = convolution(images.permuted([0, 2, 3, 1]), weight: weight.value, bias: bias.value, attributes)
    }
    return tokens.reshaped([count, height / patch * (width / patch), weight.shape[0]])
  }
}
