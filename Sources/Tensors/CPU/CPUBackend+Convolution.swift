import COneDNN
import Kernels

#if canImport(Glibc)
  import Glibc
#endif

extension CPUBackend {
  /// Whether a convolution is depthwise, of stride 1 and over an image of tokens: our own kernel takes those.
  private func isDepthwise(_ x: Tensor, _ weight: Tensor, _ attributes: ConvolutionAttributes) -> Bool {
    attributes.layout == .channelsLast && attributes.groups > 1 && attributes.stride == (1, 1)
      && attributes.groups == weight.shape[0] && attributes.groups == x.shape[x.rank - 1]
  }

  func convolve(_ x: Tensor, _ weight: Tensor, _ bias: Tensor?, _ attributes: ConvolutionAttributes) -> Tensor {
    if isDepthwise(x, weight, attributes) { return depthwiseConvolve(x, weight, bias, attributes) }
    let shape = ConvolutionShape(convolving: x, by: weight, attributes)
    if attributes.layout == .channelsLast, shape.isPatchwise { return patchConvolve(x, weight, bias, attributes) }
    precondition(bias.map { $0.shape == [shape.outputs] } ?? true, "the bias of a convolution by \(weight.shape)")
    return convolutionForward(shape, x, weight, bias)
  }

  func convolveBackward(_ inputs: [Tensor], _ g: Tensor, _ attributes: ConvolutionAttributes, _ needed: [Bool])
    -> [Tensor?]
  {
    if isDepthwise(inputs[0], inputs[1], attributes) {
      return depthwiseConvolveBackward(inputs, g, attributes, needed)
    }
    let (x, weight) = (inputs[0], inputs[1])
    let shape = ConvolutionShape(convolving: x, by: weight, attributes)
    if attributes.layout == .channelsLast, shape.isPatchwise {
      return patchConvolveBackward(inputs, g, attributes, needed)
    }
    let needsBias = inputs.count > 2 && needed[2]
    if shape.suitsWinograd(x.elementType) {
      let dx = needed[0] ? winogradBackwardData(shape, g, weight) : nil
      let rest = needed[1] ? winogradBackwardWeights(shape, x, g, needsBias: needsBias) : nil
      let dBias = needsBias && rest == nil ? biasGradient(g, shape.outputLayout) : rest?.bias
      return Array([dx, rest?.weight, dBias].prefix(inputs.count))
    }
    if needed[1], needed[0] || needsBias, let all = oneDNNBackward(shape, x, weight, g, needed[0], needsBias) {
      return Array(all.prefix(inputs.count))
    }
    return [
      needed[0] ? convolutionBackwardData(shape, g, weight) : nil,
      needed[1] ? convolutionBackwardWeights(shape, x, g, weight.shape) : nil,
      needsBias ? biasGradient(g, shape.outputLayout) : nil,
    ].prefix(inputs.count).map { $0 }
  }

  func convolveTransposed(_ x: Tensor, _ weight: Tensor, _ bias: Tensor?, _ attributes: ConvolutionAttributes) -> Tensor
  {
    if attributes.layout == .channelsLast { return patchConvolveTransposed(x, weight, bias, attributes) }
    let shape = ConvolutionShape(convolvingTransposed: x, by: weight, attributes)
    let y = convolutionBackwardData(shape, x, weight)
    guard let bias else { return y }
    precondition(bias.shape == [shape.inputs], "the bias of a transposed convolution by \(weight.shape)")
    let plane = shape.height * shape.width
    if case .blocked(let size) = shape.inputLayout {
      let blocks = shape.inputs / size
      let bytes = y.elementType.byteCount
      parallel(shape.items * blocks, grain: rowGrain(plane * size)) { begin, end in
        for index in begin..<end {
          kernel_add_bias_rows(
            y.elementType.kernel, bias.rawPointer + index % blocks * size * bytes, y.rawPointer, size, index * plane,
            (index + 1) * plane)
        }
      }
      return y
    }
    parallel(shape.items * shape.inputs, grain: rowGrain(plane)) {
      kernel_add_bias_planes(
        y.elementType.kernel, bias.rawPointer, y.rawPointer, shape.inputs, plane, $0, $1)
    }
    return y
  }

  func convolveTransposedBackward(
    _ inputs: [Tensor], _ g: Tensor, _ attributes: ConvolutionAttributes, _ needed: [Bool]
  ) -> [Tensor?] {
    if attributes.layout == .channelsLast { return patchConvolveTransposedBackward(inputs, g, attributes, needed) }
    let (x, weight) = (inputs[0], inputs[1])
    let shape = ConvolutionShape(convolvingTransposed: x, by: weight, attributes)
    let needsBias = inputs.count > 2 && needed[2]
    return [
      needed[0] ? convolutionForward(shape, g, weight, nil) : nil,
      needed[1] ? convolutionBackwardWeights(shape, g, x, weight.shape) : nil,
      needsBias ? biasGradient(g, shape.inputLayout) : nil,
    ].prefix(inputs.count).map { $0 }
  }

  private func biasGradient(_ g: Tensor, _ layout: ImageLayout) -> Tensor {
    switch layout {
    case .channelsFirst: sum(g, [0, 2, 3], keep: false)
    case .channelsLast: columnSums(g, rows: g.shape[..<3].reduce(1, *), columns: g.shape[3])
    case .blocked(let size): reshape(sum(g, [0, 2, 3], keep: false), [g.shape[1] * size])
    }
  }

  // MARK: - The three products of a plain convolution

  private func convolutionForward(_ shape: ConvolutionShape, _ x: Tensor, _ weight: Tensor, _ bias: Tensor?) -> Tensor {
    if shape.suitsWinograd(x.elementType) { return winogradForward(shape, x, weight, bias) }
    let y = Tensor(uninitialized: shape.outputShape, x.elementType)
    if shape.suitsOneDNN(x.elementType) {
      var sizes = shape.oneDNN
      let done = onednn_convolution_forward(
        &sizes, x.floats, weight.floats, bias.map { UnsafePointer($0.floats) }, y.floats)
      if done != 0 { return y }
    }
    if !shape.isChannelsFirst {
      return arranged(
        convolutionForward(shape.channelsFirst, channelsFirst(x, from: shape.inputLayout), weight, bias),
        to: shape.outputLayout)
    }
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

  private func convolutionBackwardData(_ shape: ConvolutionShape, _ dy: Tensor, _ weight: Tensor) -> Tensor {
    if shape.suitsOneDNN(dy.elementType) {
      let dx = Tensor(uninitialized: shape.inputShape, dy.elementType)
      var sizes = shape.oneDNN
      if onednn_convolution_backward_data(&sizes, dy.floats, weight.floats, dx.floats) != 0 { return dx }
    }
    if !shape.isChannelsFirst {
      return arranged(
        convolutionBackwardData(shape.channelsFirst, channelsFirst(dy, from: shape.outputLayout), weight),
        to: shape.inputLayout)
    }
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

  private func convolutionBackwardWeights(
    _ shape: ConvolutionShape, _ x: Tensor, _ dy: Tensor, _ weightShape: [Int]
  ) -> Tensor {
    if shape.suitsOneDNN(x.elementType) {
      let dWeight = Tensor(uninitialized: weightShape, x.elementType)
      var sizes = shape.oneDNN
      if onednn_convolution_backward_weights(&sizes, x.floats, dy.floats, dWeight.floats, nil) != 0 { return dWeight }
    }
    if !shape.isChannelsFirst {
      return convolutionBackwardWeights(
        shape.channelsFirst, channelsFirst(x, from: shape.inputLayout), channelsFirst(dy, from: shape.outputLayout),
        weightShape)
    }
    let columns = ColumnProduct(shape, x.elementType)
    let dWeight = Tensor(zeros: weightShape, x.elementType)
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

  /// The gradients by the weights and, where needed, by the image and the bias, with few passes over dy, where oneDNN can.
  private func oneDNNBackward(
    _ shape: ConvolutionShape, _ x: Tensor, _ weight: Tensor, _ dy: Tensor, _ needsInput: Bool, _ needsBias: Bool
  ) -> [Tensor?]? {
    guard shape.suitsOneDNN(x.elementType) else { return nil }
    let dx = needsInput ? Tensor(uninitialized: shape.inputShape, x.elementType) : nil
    let dWeight = Tensor(uninitialized: weight.shape, x.elementType)
    let dBias = needsBias ? Tensor(uninitialized: [shape.outputs], x.elementType) : nil
    var sizes = shape.oneDNN
    let done =
      if let dx {
        onednn_convolution_backward(
          &sizes, x.floats, weight.floats, dy.floats, dx.floats, dWeight.floats, dBias?.floats)
      } else {
        onednn_convolution_backward_weights(&sizes, x.floats, dy.floats, dWeight.floats, dBias?.floats)
      }
    return done != 0 ? [dx, dWeight, dBias] : nil
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
}

extension Tensor {
  /// The first element's address as single precision.
  var floats: UnsafeMutablePointer<Float> { rawPointer.assumingMemoryBound(to: Float.self) }
}
