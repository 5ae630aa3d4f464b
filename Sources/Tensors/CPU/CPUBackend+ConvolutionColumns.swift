import Kernels

#if canImport(Glibc)
  import Glibc
#endif

// Convolutions of planes [N, C, H, W] in groups or with gaps, by the columns of their windows.
extension CPUBackend {
  func columnConvolve(_ shape: ConvolutionShape, _ x: Tensor, _ weight: Tensor, _ bias: Tensor?) -> Tensor {
    let y = Tensor(uninitialized: shape.outputShape, x.elementType)
    let columns = ColumnProduct(shape, x.elementType)
    if let bias {
      let plane = columns.plane
      memset(y.rawPointer, 0, y.count * y.elementType.byteCount)
      parallel(shape.items * shape.outputs, grain: rowGrain(plane)) {
        kernel_add_bias_planes(y.elementType.kernel, bias.rawPointer, y.rawPointer, shape.outputs, plane, $0, $1)
      }
    }
    for item in 0..<shape.items {
      for group in 0..<shape.attributes.groups {
        let matrix = columns.fill(from: x, item, group)
        gemm(
          x.elementType, false, false, columns.rows, columns.plane, columns.depth, columns.weight(weight, group),
          columns.depth, matrix, columns.plane, beta: bias == nil ? 0 : 1, columns.output(y, item, group),
          columns.plane)
      }
    }
    return y
  }

  func columnBackwardData(_ shape: ConvolutionShape, _ dy: Tensor, _ weight: Tensor) -> Tensor {
    let columns = ColumnProduct(shape, dy.elementType)
    let dx = Tensor(zeros: shape.inputShape, dy.elementType)
    for item in 0..<shape.items {
      for group in 0..<shape.attributes.groups {
        let matrix = shape.isPointwise ? columns.input(dx, item, group) : columns.memory!.rawPointer
        gemm(
          dy.elementType, true, false, columns.depth, columns.plane, columns.rows, columns.weight(weight, group),
          columns.depth, columns.output(dy, item, group), columns.plane, matrix, columns.plane)
        columns.spread(to: dx, item, group)
      }
    }
    return dx
  }

  func columnBackwardWeights(_ shape: ConvolutionShape, _ x: Tensor, _ dy: Tensor) -> Tensor {
    let columns = ColumnProduct(shape, x.elementType)
    let dWeight = Tensor(
      zeros: [shape.outputs, shape.inputs / shape.attributes.groups, shape.kernel.0, shape.kernel.1], x.elementType)
    for item in 0..<shape.items {
      for group in 0..<shape.attributes.groups {
        let matrix = columns.fill(from: x, item, group)
        gemm(
          x.elementType, false, true, columns.rows, columns.depth, columns.plane, columns.output(dy, item, group),
          columns.plane, matrix, columns.plane, beta: 1, columns.weight(dWeight, group), columns.depth)
      }
    }
    return dWeight
  }
}

/// A convolution of one image and group as a matrix product: weights [rows, depth] by columns [depth, plane].
private struct ColumnProduct {
  let shape: ConvolutionShape
  let type: ElementType
  let rows: Int
  let depth: Int
  let plane: Int
  let channels: Int
  let memory: Tensor?

  init(_ shape: ConvolutionShape, _ type: ElementType) {
    self.shape = shape
    self.type = type
    let groups = shape.attributes.groups
    rows = shape.outputs / groups
    channels = shape.inputs / groups
    depth = channels * shape.kernel.0 * shape.kernel.1
    plane = shape.outputHeight * shape.outputWidth
    memory = shape.isPointwise ? nil : Tensor(uninitialized: [depth, plane], type)
  }

  func input(_ x: Tensor, _ item: Int, _ group: Int) -> UnsafeMutableRawPointer {
    x.rawPointer + (item * shape.inputs + group * channels) * shape.height * shape.width * type.byteCount
  }

  func output(_ y: Tensor, _ item: Int, _ group: Int) -> UnsafeMutableRawPointer {
    y.rawPointer + (item * shape.outputs + group * rows) * plane * type.byteCount
  }

  func weight(_ weight: Tensor, _ group: Int) -> UnsafeMutableRawPointer {
    weight.rawPointer + group * rows * depth * type.byteCount
  }

  func fill(from x: Tensor, _ item: Int, _ group: Int) -> UnsafeMutableRawPointer {
    guard let memory else { return input(x, item, group) }
    let from = input(x, item, group)
    parallel(channels, grain: rowGrain(depth / channels * plane)) { begin, end in
      var window = shape.window
      kernel_image_to_columns(type.kernel, &window, from, memory.rawPointer, begin, end)
    }
    return memory.rawPointer
  }

  func spread(to dx: Tensor, _ item: Int, _ group: Int) {
    guard let memory else { return }
    let to = input(dx, item, group)
    parallel(channels, grain: rowGrain(depth / channels * plane)) { begin, end in
      var window = shape.window
      kernel_columns_to_image(type.kernel, &window, memory.rawPointer, to, begin, end)
    }
  }
}
