import Kernels

extension CPUBackend {
  func layerNorm(_ inputs: [Tensor], _ epsilon: Double, _ gelu: Bool, save: Bool) -> ForwardResult {
    let (x, weight, bias) = (inputs[0], inputs[1], inputs[2])
    let columns = x.shape.last!
    precondition(weight.shape == [columns] && bias.shape == [columns], "layerNorm of \(x.shape) by \(weight.shape)")
    let rows = x.shape.dropLast().reduce(1, *)
    let y = Tensor(uninitialized: x.shape, x.elementType)
    let saved = save ? (0..<2).map { _ in Tensor(uninitialized: [rows], x.elementType) } : []
    parallel(rows, grain: rowGrain(columns)) {
      kernel_layer_norm_forward(
        x.elementType.kernel, x.rawPointer, weight.rawPointer, bias.rawPointer, y.rawPointer, saved.first?.rawPointer,
        saved.last?.rawPointer, columns, epsilon, gelu ? 1 : 0, $0, $1)
    }
    return ForwardResult([y], saved: saved)
  }

  func layerNormBackward(_ inputs: [Tensor], _ saved: [Tensor], _ g: Tensor, _ gelu: Bool, _ needed: [Bool])
    -> [Tensor?]
  {
    let (x, weight, bias) = (inputs[0], inputs[1], inputs[2])
    let columns = x.shape.last!
    // GELU's gradient is kept where dx will be.
    let wanted = gelu ? [true, needed[1], needed[2]] : needed
    var found = normBackward(x, columns: columns, units: x.shape.dropLast().reduce(1, *), part: 16, wanted) {
      dx, dWeight, dBias, begin, end in
      kernel_layer_norm_backward(
        x.elementType.kernel, x.rawPointer, weight.rawPointer, bias.rawPointer, saved[0].rawPointer,
        saved[1].rawPointer, g.rawPointer, dx, dWeight, dBias, columns, gelu ? 1 : 0, begin, end)
    }
    if !needed[0] { found[0] = nil }
    return found
  }

  /// Runs a norm's backward kernel over its units (rows, blocks of pixels), adding up the shares of weight and bias.
  private func normBackward(
    _ x: Tensor, columns: Int, units: Int, part: Int, _ needed: [Bool],
    _ kernel: (UnsafeMutableRawPointer?, UnsafeMutableRawPointer?, UnsafeMutableRawPointer?, Int, Int) -> Void
  ) -> [Tensor?] {
    let dx = needed[0] ? Tensor(uninitialized: x.shape, x.elementType) : nil
    guard needed[1] || needed[2] else {
      parallel(units, grain: rowGrain(x.count / max(1, units))) { kernel(dx?.rawPointer, nil, nil, $0, $1) }
      return [dx, nil, nil]
    }
    let sums = Tensor(uninitialized: [2, columns], x.elementType)
    sumOfShares(units, part: part, width: 2 * columns, work: x.count / max(1, units), into: sums) { share, begin, end in
      kernel(dx?.rawPointer, share, share + columns * x.elementType.byteCount, begin, end)
    }
    return [dx, needed[1] ? sums[0] : nil, needed[2] ? sums[1] : nil]
  }

  func normalize(_ x: Tensor, _ epsilon: Double) -> ForwardResult {
    let columns = x.shape.last!
    let rows = x.shape.dropLast().reduce(1, *)
    let y = Tensor(uninitialized: x.shape, x.elementType)
    let norm = Tensor(uninitialized: [rows], x.elementType)
    parallel(rows, grain: rowGrain(columns)) {
      kernel_normalize_forward(
        x.elementType.kernel, x.rawPointer, y.rawPointer, norm.rawPointer, columns, epsilon, $0, $1)
    }
    return ForwardResult([y], saved: [norm])
  }

  func normalizeBackward(_ y: Tensor, _ norm: Tensor, _ g: Tensor) -> Tensor {
    let columns = y.shape.last!
    let dx = Tensor(uninitialized: y.shape, y.elementType)
    parallel(norm.count, grain: rowGrain(columns)) {
      kernel_normalize_backward(
        y.elementType.kernel, y.rawPointer, norm.rawPointer, g.rawPointer, dx.rawPointer, columns, $0, $1)
    }
    return dx
  }
}

/// The number of blocks that the losses cut one image's pixels into.
func pixelBlocks(_ plane: Int) -> Int { (plane + Int(pixel_block) - 1) / Int(pixel_block) }
