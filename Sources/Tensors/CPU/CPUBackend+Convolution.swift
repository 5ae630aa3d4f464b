import Kernels

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
    let dx = needed[0] ? convolutionBackwardData(shape, g, weight) : nil
    if needed[1], shape.suitsWinograd(x.elementType) {
      let rest = winogradBackwardWeights(shape, x, g, needsBias: needsBias)
      return Array([dx, rest.weight, rest.bias].prefix(inputs.count))
    }
    let dWeight = needed[1] ? convolutionBackwardWeights(shape, x, g) : nil
    return Array([dx, dWeight, needsBias ? biasGradient(g, shape.layout) : nil].prefix(inputs.count))
  }

  /// A transposed convolution is a plain one's backward pass by the image.
  func convolveTransposed(_ x: Tensor, _ weight: Tensor, _ bias: Tensor?, _ attributes: ConvolutionAttributes) -> Tensor
  {
    if attributes.layout == .channelsLast { return patchConvolveTransposed(x, weight, bias, attributes) }
    let shape = ConvolutionShape(convolvingTransposed: x, by: weight, attributes)
    let y = convolutionBackwardData(shape, x, weight)
    guard let bias else { return y }
    precondition(bias.shape == [shape.inputs], "the bias of a transposed convolution by \(weight.shape)")
    let plane = shape.height * shape.width
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
      needed[1] ? convolutionBackwardWeights(shape, g, x) : nil,
      needsBias ? biasGradient(g, .channelsFirst) : nil,
    ].prefix(inputs.count).map { $0 }
  }

  private func biasGradient(_ g: Tensor, _ layout: DataLayout) -> Tensor {
    switch layout {
    case .channelsFirst: sum(g, [0, 2, 3], keep: false)
    case .channelsLast: columnSums(g, rows: g.shape[..<3].reduce(1, *), columns: g.shape[3])
    }
  }

  // MARK: - The three products of a plain convolution

  // Images of planes become images of tokens, unless their channels are in groups or their windows have gaps.

  private func convolutionForward(_ shape: ConvolutionShape, _ x: Tensor, _ weight: Tensor, _ bias: Tensor?) -> Tensor {
    if shape.suitsWinograd(x.elementType) { return winogradForward(shape, x, weight, bias) }
    if shape.isProduct { return productConvolve(shape, x, weight, bias) }
    if shape.needsColumns {
      return planes(shape, x) { columnConvolve($0, $1, weight, bias) }
    }
    return channelsFirst(convolutionForward(shape.channelsLast, channelsLast(x), weight, bias))
  }

  private func convolutionBackwardData(_ shape: ConvolutionShape, _ dy: Tensor, _ weight: Tensor) -> Tensor {
    if shape.suitsWinograd(dy.elementType) { return winogradBackwardData(shape, dy, weight) }
    if shape.isProduct { return productBackwardData(shape, dy, weight) }
    if shape.needsColumns {
      return planes(shape, dy) { columnBackwardData($0, $1, weight) }
    }
    return channelsFirst(convolutionBackwardData(shape.channelsLast, channelsLast(dy), weight))
  }

  private func convolutionBackwardWeights(_ shape: ConvolutionShape, _ x: Tensor, _ dy: Tensor) -> Tensor {
    if shape.isProduct { return productBackwardWeights(shape, x, dy) }
    if shape.needsColumns {
      return shape.layout == .channelsFirst
        ? columnBackwardWeights(shape, x, dy)
        : columnBackwardWeights(shape.channelsFirst, channelsFirst(x), channelsFirst(dy))
    }
    return convolutionBackwardWeights(shape.channelsLast, channelsLast(x), channelsLast(dy))
  }

  /// What is computed of planes, of images in their own layout.
  private func planes(_ shape: ConvolutionShape, _ x: Tensor, _ body: (ConvolutionShape, Tensor) -> Tensor) -> Tensor {
    shape.layout == .channelsFirst ? body(shape, x) : channelsLast(body(shape.channelsFirst, channelsFirst(x)))
  }

  private func channelsFirst(_ x: Tensor) -> Tensor { permute(x, [0, 3, 1, 2]) }

  private func channelsLast(_ x: Tensor) -> Tensor { permute(x, [0, 2, 3, 1]) }
}
