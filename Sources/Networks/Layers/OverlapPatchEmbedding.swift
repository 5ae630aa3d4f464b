import Tensors

/// Maps overlapping windows of an image linearly to tokens (Wang et al. 2022; Xie et al. 2021): a convolution whose kernel is
/// wider than its stride, then LayerNorm.
///
/// An image of one channel stands for one of as many equal channels as the weights have.
struct OverlapPatchEmbedding: Module {
  /// `[width, channels, kernel, kernel]`
  let weight: Parameter
  /// `[width]`
  let bias: Parameter
  let norm: LayerNorm
  private let stride: Int

  init(
    _ name: String, channels: Int, width: Int, kernel: Int, stride: Int, weights: WeightDistribution,
    _ initializer: Initializer
  ) {
    weight = initializer.weight("\(name).weight", [width, channels, kernel, kernel], weights)
    bias = initializer.bias("\(name).bias", [width])
    norm = LayerNorm("\(name).norm", width: width, epsilon: 1e-5, initializer)
    self.stride = stride
  }

  /// images `[N, H, W, 1 or channels]` → tokens `[N, ⌈H / stride⌉, ⌈W / stride⌉, width]`
  func callAsFunction(_ images: Tensor) -> Tensor {
    let kernel = weight.shape[2]
    let isRepeated = images.shape[3] == 1 && weight.shape[1] > 1
    let embedded = convolution(
      images, weight: isRepeated ? weight.value.sum(axes: [1], keep: true) : weight.value, bias: bias.value,
      .init(stride: (stride, stride), padding: (kernel / 2, kernel / 2), layout: .channelsLast))
    return norm(embedded)
  }
}
