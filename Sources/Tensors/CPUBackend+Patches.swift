import Kernels

#if canImport(Glibc)
  import Glibc
#endif

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

  func patchConvolveTransposed(
    _ x: Tensor, _ weight: Tensor, _ bias: Tensor?, _ attributes: ConvolutionAttributes
  ) -> Tensor {
    let grid = grid(enlarging: x, weight, attributes)
    let (inputs, outputs) = (weight.shape[0], weight.shape[1])
    precondition(bias.map { $0.shape == [outputs] } ?? true, "the bias of a transposed convolution by \(weight.shape)")
    let width = grid.area * outputs
    let matrix = permute(weight, [0, 2, 3, 1])
    if grid.area > 1, grid.count >= 2048, inputs * width <= 400_000 {
      return enlargeInBlocks(x, matrix, bias, grid, inputs, outputs)
    }
    let y = Tensor(uninitialized: [grid.count, width], x.elementType)
    if let bias { fill(rows: grid.count * grid.area, of: y, with: bias) }
    gemm(
      x.elementType, false, false, grid.count, width, inputs, x.rawPointer, inputs, matrix.rawPointer, width,
      beta: bias == nil ? 0 : 1, y.rawPointer, width)
    return pixels(y, grid, channels: outputs)
  }

  /// Each thread multiplies blocks of tokens small enough that the product is still in its cache when the windows are put
  /// where they belong. Pays where the image is large and the matrix, which every block packs anew, is small.
  private func enlargeInBlocks(
    _ x: Tensor, _ matrix: Tensor, _ bias: Tensor?, _ grid: PatchGrid, _ inputs: Int, _ outputs: Int
  ) -> Tensor {
    let type = x.elementType
    let size = type.byteCount
    let width = grid.area * outputs
    let block = max(64, (1 << 17) / width)
    let strip = grid.kernel.1 * outputs * size
    let y = Tensor(
      uninitialized: [grid.items, grid.rows * grid.kernel.0, grid.columns * grid.kernel.1, outputs], type)
    let target = y.rawPointer
    parallel((grid.count + block - 1) / block) { begin, end in
      let product = Tensor(uninitialized: [block, width], type)
      for index in begin..<end {
        let first = index * block
        let count = min(block, grid.count - first)
        if let bias {
          kernel_fill_rows(type.kernel, bias.rawPointer, product.rawPointer, outputs, 0, count * grid.area)
        }
        gemm(
          type, false, false, count, width, inputs, x.rawPointer + first * inputs * size, inputs, matrix.rawPointer,
          width, beta: bias == nil ? 0 : 1, product.rawPointer, width)
        for token in 0..<count {
          let (row, column) = (first + token).quotientAndRemainder(dividingBy: grid.columns)
          for line in 0..<grid.kernel.0 {
            memcpy(
              target + ((row * grid.kernel.0 + line) * grid.columns + column) * strip,
              product.rawPointer + token * width * size + line * strip, strip)
          }
        }
      }
    }
    return y
  }

  func patchConvolveTransposedBackward(
    _ inputs: [Tensor], _ g: Tensor, _ attributes: ConvolutionAttributes, _ needed: [Bool]
  ) -> [Tensor?] {
    let (x, weight) = (inputs[0], inputs[1])
    let (width, outputs) = (weight.shape[0], weight.shape[1])
    let grid = grid(enlarging: x, weight, attributes)
    let depth = grid.area * outputs
    let slopes = windows(g, grid, channels: outputs)
    let type = x.elementType
    var result: [Tensor?] = inputs.map { _ in nil }
    if needed[0] {
      let matrix = permute(weight, [0, 2, 3, 1])
      let dx = Tensor(uninitialized: x.shape, type)
      gemm(
        type, false, true, grid.count, width, depth, slopes.rawPointer, depth, matrix.rawPointer, depth,
        dx.rawPointer, width)
      result[0] = dx
    }
    if needed[1] {
      let dMatrix = Tensor(uninitialized: [width, grid.kernel.0, grid.kernel.1, outputs], type)
      gemm(
        type, true, false, width, depth, grid.count, x.rawPointer, width, slopes.rawPointer, depth,
        dMatrix.rawPointer, depth)
      result[1] = permute(dMatrix, [0, 3, 1, 2])
    }
    if inputs.count > 2, needed[2] { result[2] = columnSums(g, rows: grid.count * grid.area, columns: outputs) }
    return result
  }
}
