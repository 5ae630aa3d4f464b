import Kernels

// Depthwise convolutions of images of tokens [N, H, W, C]: no transposition, and every loop runs along the channels.
extension CPUBackend {
  func depthwiseConvolve(_ x: Tensor, _ weight: Tensor, _ bias: Tensor?, _ attributes: ConvolutionAttributes) -> Tensor
  {
    let window = depthwiseWindow(x, weight, attributes)
    precondition(bias.map { $0.shape == [x.shape[3]] } ?? true, "the bias of a convolution by \(weight.shape)")
    return depthwise(x, permute(weight, [2, 3, 1, 0]), bias, window)
  }

  func depthwiseConvolveBackward(
    _ inputs: [Tensor], _ g: Tensor, _ attributes: ConvolutionAttributes, _ needed: [Bool]
  ) -> [Tensor?] {
    let (x, weight) = (inputs[0], inputs[1])
    var window = depthwiseWindow(x, weight, attributes)
    let (height, width, channels) = (weight.shape[2], weight.shape[3], x.shape[3])
    var result: [Tensor?] = inputs.map { _ in nil }
    if needed[0] {
      // The same convolution of the gradient by the kernel turned around.
      let turned = Tensor(uninitialized: [height, width, 1, channels], x.elementType)
      let kernel = permute(weight, [2, 3, 1, 0])
      let size = channels * x.elementType.byteCount
      for tap in 0..<(height * width) {
        (turned.rawPointer + tap * size).copyMemory(
          from: kernel.rawPointer + (height * width - 1 - tap) * size, byteCount: size)
      }
      let back = image_window(
        height: window.output_height, width: window.output_width, output_height: window.height,
        output_width: window.width, kernel_height: height, kernel_width: width, stride_y: 1, stride_x: 1,
        padding_y: height - 1 - window.padding_y, padding_x: width - 1 - window.padding_x, dilation_y: 1, dilation_x: 1)
      result[0] = depthwise(g, turned, nil, back)
    }
    if needed[1] {
      let dKernel = Tensor(uninitialized: [height, width, 1, channels], x.elementType)
      let rows = x.shape[0] * window.output_height
      withUnsafePointer(to: &window) { window in
        let work = window.pointee.output_width * dKernel.count
        sumOfShares(rows, part: 8, width: dKernel.count, work: work, into: dKernel) { share, begin, end in
          kernel_depthwise_backward_kernel(
            x.elementType.kernel, window, x.rawPointer, g.rawPointer, share, channels, begin, end)
        }
      }
      result[1] = permute(dKernel, [3, 2, 0, 1])
    }
    if inputs.count > 2, needed[2] { result[2] = sum(g, [0, 1, 2], keep: false) }
    return result
  }

  /// - Parameter kernel: `[kernel height, kernel width, 1, C]`
  private func depthwise(_ x: Tensor, _ kernel: Tensor, _ bias: Tensor?, _ window: image_window) -> Tensor {
    let channels = x.shape[3]
    let y = Tensor(uninitialized: [x.shape[0], window.output_height, window.output_width, channels], x.elementType)
    withUnsafePointer(to: window) { window in
      let row = window.pointee.output_width * channels * window.pointee.kernel_height * window.pointee.kernel_width
      parallel(x.shape[0] * window.pointee.output_height, grain: rowGrain(row)) {
        kernel_depthwise_forward(
          x.elementType.kernel, window, x.rawPointer, kernel.rawPointer, bias?.rawPointer, y.rawPointer, channels, $0,
          $1)
      }
    }
    return y
  }

  private func depthwiseWindow(_ x: Tensor, _ weight: Tensor, _ attributes: ConvolutionAttributes) -> image_window {
    precondition(
      x.rank == 4 && weight.rank == 4 && x.elementType == weight.elementType && weight.shape[0] == x.shape[3]
        && weight.shape[1] == 1 && attributes.groups == x.shape[3] && attributes.stride == (1, 1)
        && attributes.dilation == (1, 1) && attributes.padding.0 < weight.shape[2]
        && attributes.padding.1 < weight.shape[3],
      "channels last, a convolution in groups is depthwise and has the stride 1: \(x.shape) by \(weight.shape)")
    let height = x.shape[1] + 2 * attributes.padding.0 - weight.shape[2] + 1
    let width = x.shape[2] + 2 * attributes.padding.1 - weight.shape[3] + 1
    precondition(height > 0 && width > 0, "a kernel \(weight.shape) larger than the image \(x.shape)")
    return image_window(
      height: x.shape[1], width: x.shape[2], output_height: height, output_width: width,
      kernel_height: weight.shape[2], kernel_width: weight.shape[3], stride_y: 1, stride_x: 1,
      padding_y: attributes.padding.0, padding_x: attributes.padding.1, dilation_y: 1, dilation_x: 1)
  }
}
