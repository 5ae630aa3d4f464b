import Kernels

extension CPUBackend {
  /// The greatest value of every window, and its place in its plane for the backward pass.
  func maxPool(_ x: Tensor, _ attributes: PoolingAttributes) -> ForwardResult {
    let (window, shape) = poolWindow(x, attributes)
    let y = Tensor(uninitialized: shape, x.elementType)
    let index = Tensor(uninitialized: shape, .int32)
    let places = index.rawPointer.assumingMemoryBound(to: Int32.self)
    parallel(x.shape[0] * x.shape[1], grain: rowGrain(shape[2] * shape[3])) { begin, end in
      var window = window
      kernel_max_pool_forward(x.elementType.kernel, &window, x.rawPointer, y.rawPointer, places, begin, end)
    }
    return ForwardResult([y], saved: [index])
  }

  func maxPoolBackward(_ x: Tensor, _ index: Tensor, _ g: Tensor, _ attributes: PoolingAttributes) -> Tensor {
    let (window, _) = poolWindow(x, attributes)
    let dx = Tensor(uninitialized: x.shape, x.elementType)
    let places = index.rawPointer.assumingMemoryBound(to: Int32.self)
    parallel(x.shape[0] * x.shape[1], grain: rowGrain(x.shape[2] * x.shape[3])) { begin, end in
      var window = window
      kernel_max_pool_backward(x.elementType.kernel, &window, places, g.rawPointer, dx.rawPointer, begin, end)
    }
    return dx
  }

  private func poolWindow(_ x: Tensor, _ attributes: PoolingAttributes) -> (image_window, [Int]) {
    let (kernel, stride, padding) = (attributes.kernel, attributes.stride, attributes.padding)
    precondition(x.rank == 4 && x.shape[2] * x.shape[3] < Int(Int32.max), "pooling of \(x.shape)")
    let shape = Operation.maxPool(attributes).outputShape(x)
    let (height, width) = (x.shape[2], x.shape[3])
    let window = image_window(
      height: height, width: width, output_height: shape[2], output_width: shape[3], kernel_height: kernel.0,
      kernel_width: kernel.1, stride_y: stride.0, stride_x: stride.1, padding_y: padding.0, padding_x: padding.1,
      dilation_y: 1, dilation_x: 1)
    return (window, shape)
  }
}
