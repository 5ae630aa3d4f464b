import Kernels

/// The sizes of a plain convolution: x [items, inputs, height, width] to y [items, outputs, outputHeight, outputWidth]. A
/// transposed convolution is its backward pass by data, so it has the same sizes with the ends exchanged.
struct ConvolutionShape {
  var items: Int
  var inputs: Int
  var outputs: Int
  var height: Int
  var width: Int
  var outputHeight: Int
  var outputWidth: Int
  var kernel: (Int, Int)
  var attributes: ConvolutionAttributes

  var layout: DataLayout { attributes.layout }
  var inputShape: [Int] { layout.shape(items, inputs, height, width) }
  var outputShape: [Int] { layout.shape(items, outputs, outputHeight, outputWidth) }

  /// The same convolution of images that lie as planes.
  var channelsFirst: ConvolutionShape {
    var shape = self
    shape.attributes.layout = .channelsFirst
    return shape
  }

  /// The same convolution of images of tokens.
  var channelsLast: ConvolutionShape {
    var shape = self
    shape.attributes.layout = .channelsLast
    return shape
  }

  init(convolving x: Tensor, by weight: Tensor, _ attributes: ConvolutionAttributes) {
    Self.check(x, weight, attributes)
    (items, inputs, height, width) = attributes.layout.sizes(of: x)
    outputs = weight.shape[0]
    kernel = (weight.shape[2], weight.shape[3])
    self.attributes = attributes
    precondition(
      weight.shape[1] * attributes.groups == inputs && outputs % attributes.groups == 0,
      "a convolution of \(x.shape) by \(weight.shape)")
    let reach = ((kernel.0 - 1) * attributes.dilation.0 + 1, (kernel.1 - 1) * attributes.dilation.1 + 1)
    precondition(
      height + 2 * attributes.padding.0 >= reach.0 && width + 2 * attributes.padding.1 >= reach.1,
      "a kernel \(weight.shape) larger than the image \(x.shape)")
    outputHeight = (height + 2 * attributes.padding.0 - reach.0) / attributes.stride.0 + 1
    outputWidth = (width + 2 * attributes.padding.1 - reach.1) / attributes.stride.1 + 1
  }

  init(convolvingTransposed x: Tensor, by weight: Tensor, _ attributes: ConvolutionAttributes) {
    Self.check(x, weight, attributes)
    (items, outputs, outputHeight, outputWidth) = attributes.layout.sizes(of: x)
    precondition(
      weight.shape[0] == outputs && outputs % attributes.groups == 0,
      "a transposed convolution of \(x.shape) by \(weight.shape)")
    inputs = weight.shape[1] * attributes.groups
    kernel = (weight.shape[2], weight.shape[3])
    self.attributes = attributes
    height =
      (outputHeight - 1) * attributes.stride.0 - 2 * attributes.padding.0 + attributes.dilation.0 * (kernel.0 - 1) + 1
    width =
      (outputWidth - 1) * attributes.stride.1 - 2 * attributes.padding.1 + attributes.dilation.1 * (kernel.1 - 1) + 1
    precondition(height > 0 && width > 0, "a transposed convolution of \(x.shape) by \(weight.shape) leaves nothing")
  }

  private static func check(_ x: Tensor, _ weight: Tensor, _ attributes: ConvolutionAttributes) {
    precondition(
      x.rank == 4 && weight.rank == 4 && x.elementType == weight.elementType && weight.count > 0,
      "a convolution of \(x.shape) by \(weight.shape)")
    precondition(
      attributes.stride.0 > 0 && attributes.stride.1 > 0 && attributes.dilation.0 > 0 && attributes.dilation.1 > 0
        && attributes.padding.0 >= 0 && attributes.padding.1 >= 0 && attributes.groups > 0,
      "the attributes \(attributes) of a convolution")
  }

  /// The whole image is one column matrix as it lies: a 1 x 1 kernel that skips nothing.
  var isPointwise: Bool {
    kernel == (1, 1) && attributes.stride == (1, 1) && attributes.padding == (0, 0)
  }

  /// Windows that neither overlap nor leave gaps.
  var isPatchwise: Bool {
    kernel == attributes.stride && attributes.padding == (0, 0) && attributes.dilation == (1, 1)
      && attributes.groups == 1
  }

  var window: image_window {
    image_window(
      height: height, width: width, output_height: outputHeight, output_width: outputWidth, kernel_height: kernel.0,
      kernel_width: kernel.1, stride_y: attributes.stride.0, stride_x: attributes.stride.1,
      padding_y: attributes.padding.0, padding_x: attributes.padding.1, dilation_y: attributes.dilation.0,
      dilation_x: attributes.dilation.1)
  }

  /// Whether channels in groups, or windows with gaps, take columns of windows.
  var needsColumns: Bool { attributes.groups != 1 || attributes.dilation != (1, 1) }
}
