import Kernels

// Convolutions of images of tokens [N, H, W, C] whose kernel equals the stride: each window is a row of one large matrix
// product. This is how a ViT embeds patches and how the Primus decoder enlarges.
extension CPUBackend {
  /// The sizes of windows [rows, columns] of [kernel height, kernel width] pixels.
  private struct PatchGrid {
    let items: Int
    let rows: Int
    let columns: Int
    let kernel: (Int, Int)

    var count: Int { items * rows * columns }
    var area: Int { kernel.0 * kernel.1 }

    init(_ items: Int, _ rows: Int, _ columns: Int, _ weight: Tensor, _ attributes: ConvolutionAttributes) {
      (self.items, self.rows, self.columns) = (items, rows, columns)
      kernel = (weight.shape[2], weight.shape[3])
      precondition(
        kernel == attributes.stride && attributes.padding == (0, 0) && attributes.dilation == (1, 1)
          && attributes.groups == 1, "channels last, a convolution's kernel equals its stride")
    }
  }

  /// Pixels [N, rows, ky, columns, kx, C] to windows [N, rows, columns, ky, kx, C].
  private func windows(_ x: Tensor, _ grid: PatchGrid, channels: Int) -> Tensor {
    let pixels = reshape(x, [grid.items, grid.rows, grid.kernel.0, grid.columns, grid.kernel.1 * channels])
    return grid.area == 1 ? pixels : permute(pixels, [0, 1, 3, 2, 4])
  }

  /// Windows [N, rows, columns, ky, kx, C] to pixels [N, H, W, C].
  private func pixels(_ windows: Tensor, _ grid: PatchGrid, channels: Int) -> Tensor {
    let split = reshape(windows, [grid.items, grid.rows, grid.columns, grid.kernel.0, grid.kernel.1 * channels])
    return reshape(
      grid.area == 1 ? split : permute(split, [0, 1, 3, 2, 4]),
      [grid.items, grid.rows * grid.kernel.0, grid.columns * grid.kernel.1, channels])
  }

  private func grid(dividing x: Tensor, _ weight: Tensor, _ attributes: ConvolutionAttributes) -> PatchGrid {
    precondition(
      x.rank == 4 && weight.rank == 4 && weight.shape[1] == x.shape[3] && x.shape[1] % weight.shape[2] == 0
        && x.shape[2] % weight.shape[3] == 0, "windows \(weight.shape) of an image of tokens \(x.shape)")
    return PatchGrid(x.shape[0], x.shape[1] / weight.shape[2], x.shape[2] / weight.shape[3], weight, attributes)
  }

  func patchConvolve(_ x: Tensor, _ weight: Tensor, _ bias: Tensor?, _ attributes: ConvolutionAttributes) -> Tensor {
    let grid = grid(dividing: x, weight, attributes)
    let depth = grid.area * x.shape[3]
    let matrix = reshape(permute(weight, [0, 2, 3, 1]), [weight.shape[0], depth])
    let y = linear(reshape(windows(x, grid, channels: x.shape[3]), [grid.count, depth]), matrix, bias)
    return reshape(y, [grid.items, grid.rows, grid.columns, weight.shape[0]])
  }

  func patchConvolveBackward(
    _ inputs: [Tensor], _ g: Tensor, _ attributes: ConvolutionAttributes, _ needed: [Bool]
  ) -> [Tensor?] {
    let (x, weight) = (inputs[0], inputs[1])
    let (outputs, channels) = (weight.shape[0], weight.shape[1])
    let grid = grid(dividing: x, weight, attributes)
    let depth = grid.area * channels
    let matrix = reshape(permute(weight, [0, 2, 3, 1]), [outputs, depth])
    let rows = reshape(windows(x, grid, channels: channels), [grid.count, depth])
    var found = linearBackward(
      [rows, matrix] + inputs.dropFirst(2), reshape(g, [grid.count, outputs]), needed)
    found[0] = found[0].map { pixels($0, grid, channels: channels) }
    found[1] = found[1].map { permute(reshape($0, [outputs, grid.kernel.0, grid.kernel.1, channels]), [0, 3, 1, 2]) }
    return found
  }

  private func grid(enlarging x: Tensor, _ weight: Tensor, _ attributes: ConvolutionAttributes) -> PatchGrid {
    precondition(
      x.rank == 4 && weight.rank == 4 && weight.shape[0] == x.shape[3],
      "an image of tokens \(x.shape) enlarged by \(weight.shape)")
    return PatchGrid(x.shape[0], x.shape[1], x.shape[2], weight, attributes)
  }

  /// Every line of the windows is a matrix product of its own, whose rows are where they belong in the image: nothing is moved.
  func patchConvolveTransposed(
    _ x: Tensor, _ weight: Tensor, _ bias: Tensor?, _ attributes: ConvolutionAttributes
  ) -> Tensor {
    let grid = grid(enlarging: x, weight, attributes)
    let (inputs, outputs) = (weight.shape[0], weight.shape[1])
    precondition(bias.map { $0.shape == [outputs] } ?? true, "the bias of a transposed convolution by \(weight.shape)")
    let type = x.elementType
    let matrix = permute(weight, [0, 2, 3, 1])
    let strip = grid.kernel.1 * outputs
    let repeated = bias.map { concatenate([Tensor](repeating: $0, count: grid.kernel.1), 0) }
    let y = Tensor(
      uninitialized: [grid.items, grid.rows * grid.kernel.0, grid.columns * grid.kernel.1, outputs], type)
    for line in 0..<grid.kernel.0 {
      multiply(
        type,
        matrix_product(
          rows: grid.count, columns: strip, depth: inputs, a: matrix_rows(x.rawPointer, step: inputs), aColumn: 1,
          b: matrix_rows(matrix.rawPointer + line * strip * type.byteCount, step: grid.kernel.0 * strip), bColumn: 1,
          c: rows(of: y, line, strip, grid), bias: repeated?.rawPointer))
    }
    return y
  }

  func patchConvolveTransposedBackward(
    _ inputs: [Tensor], _ g: Tensor, _ attributes: ConvolutionAttributes, _ needed: [Bool]
  ) -> [Tensor?] {
    let (x, weight) = (inputs[0], inputs[1])
    let (width, outputs) = (weight.shape[0], weight.shape[1])
    let grid = grid(enlarging: x, weight, attributes)
    let type = x.elementType
    let strip = grid.kernel.1 * outputs
    let depth = grid.area * outputs
    var result: [Tensor?] = inputs.map { _ in nil }
    if needed[0] {
      let matrix = permute(weight, [0, 2, 3, 1])
      let dx = Tensor(uninitialized: x.shape, type)
      for line in 0..<grid.kernel.0 {
        multiply(
          type,
          matrix_product(
            rows: grid.count, columns: width, depth: strip, a: rows(of: g, line, strip, grid), aColumn: 1,
            b: matrix_rows(matrix.rawPointer + line * strip * type.byteCount, step: 1), bColumn: depth,
            c: matrix_rows(dx.rawPointer, step: width), accumulate: line > 0))
      }
      result[0] = dx
    }
    if needed[1] {
      let dMatrix = Tensor(uninitialized: [width, grid.kernel.0, grid.kernel.1, outputs], type)
      for line in 0..<grid.kernel.0 {
        multiply(
          type,
          matrix_product(
            rows: width, columns: strip, depth: grid.count, a: matrix_rows(x.rawPointer, step: 1), aColumn: width,
            b: rows(of: g, line, strip, grid), bColumn: 1,
            c: matrix_rows(dMatrix.rawPointer + line * strip * type.byteCount, step: depth)))
      }
      result[1] = permute(dMatrix, [0, 3, 1, 2])
    }
    if inputs.count > 2, needed[2] { result[2] = columnSums(g, rows: grid.count * grid.area, columns: outputs) }
    return result
  }

  /// One line of every window of an image: a matrix [windows, strip].
  private func rows(of image: Tensor, _ line: Int, _ strip: Int, _ grid: PatchGrid) -> matrix_rows {
    let pitch = grid.columns * strip
    return matrix_rows(
      image.rawPointer + line * pitch * image.elementType.byteCount, step: strip, inner: grid.columns,
      lineStep: grid.kernel.0 * pitch)
  }
}
