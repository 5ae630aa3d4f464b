import Kernels

#if canImport(Glibc)
  import Glibc
#endif

// Convolutions of images of tokens [N, H, W, C] as matrix products. The pixels under a line of a kernel lie in one piece, so that a
// pixel's window is a row of a matrix as it is: the products take it from the image, and no columns are made. The image gets a
// margin of zeros first where windows go beyond it.

/// Images `[items, height, width, channels]` in memory, with a margin of zeros.
private struct PaddedImage {
  let tensor: Tensor
  let lines: Int
  let columns: Int
  let channels: Int

  var line: Int { columns * channels }

  init(_ x: Tensor, top: Int, left: Int, bottom: Int, right: Int) {
    let (items, height, width) = (x.shape[0], x.shape[1], x.shape[2])
    channels = x.shape[3]
    (lines, columns) = (top + height + bottom, left + width + right)
    if top + left + bottom + right == 0 {
      tensor = x
      return
    }
    let padded = Tensor(uninitialized: [items, lines, columns, channels], x.elementType)
    let pixel = channels * x.elementType.byteCount
    let (lines, columns) = (lines, columns)
    parallel(items * lines, grain: rowGrain(columns * channels)) { begin, end in
      for index in begin..<end {
        let y = index % lines - top
        let to = padded.rawPointer + index * columns * pixel
        guard y >= 0, y < height else {
          memset(to, 0, columns * pixel)
          continue
        }
        memset(to, 0, left * pixel)
        memcpy(to + left * pixel, x.rawPointer + (index / lines * height + y) * width * pixel, width * pixel)
        memset(to + (left + width) * pixel, 0, right * pixel)
      }
    }
    tensor = padded
  }

  /// As many pixels as `lines` times `columns` of every image, from the one at (y, x) on, `steps` apart.
  func pixels(_ lines: Int, _ columns: Int, y: Int = 0, x: Int = 0, steps: (Int, Int) = (1, 1)) -> matrix_rows {
    matrix_rows(
      tensor.rawPointer + (y * line + x * channels) * tensor.elementType.byteCount, step: steps.1 * channels,
      inner: columns, lineStep: steps.0 * line, lines: lines, imageStep: self.lines * line)
  }
}

/// The taps of a kernel, along one axis, that a transposed convolution's results of one phase see: pixel p of the image with p + padding =
/// stride · q + phase gets dy's pixels q - taps + 1 ... q.
private struct Phase {
  /// The first of its pixels and how many there are, `stride` apart.
  let first: Int
  let count: Int
  /// q of the first.
  let start: Int
  /// The kernel's elements that matter, in the order of dy's pixels.
  let taps: [Int]

  static func all(size: Int, kernel: Int, stride: Int, padding: Int) -> [Phase] {
    (0..<stride).map { phase in
      let first = ((phase - padding) % stride + stride) % stride
      return Phase(
        first: first, count: first < size ? (size - first + stride - 1) / stride : 0, start: (first + padding) / stride,
        taps: Swift.stride(from: phase, to: kernel, by: stride).reversed())
    }
  }

  /// How many of dy's pixels are missing before its first one and, of `size`, after its last one.
  static func margins(_ phases: [Phase], size: Int) -> (before: Int, after: Int) {
    let used = phases.filter { $0.count > 0 && !$0.taps.isEmpty }
    return (
      max(0, used.map { $0.taps.count - 1 - $0.start }.max() ?? 0),
      max(0, (used.map { $0.start + $0.count - 1 }.max() ?? 0) - (size - 1))
    )
  }
}

extension ConvolutionShape {
  /// Whether a convolution is a matrix product over an image of tokens.
  var isProduct: Bool { !needsColumns && layout == .channelsLast }
}

extension CPUBackend {
  /// x with the margins that windows reach into, and nothing behind the last window.
  private func padded(_ x: Tensor, _ shape: ConvolutionShape) -> PaddedImage {
    let attributes = shape.attributes
    return PaddedImage(
      x, top: attributes.padding.0, left: attributes.padding.1,
      bottom: max(
        0, (shape.outputHeight - 1) * attributes.stride.0 + shape.kernel.0 - shape.height - attributes.padding.0),
      right: max(0, (shape.outputWidth - 1) * attributes.stride.1 + shape.kernel.1 - shape.width - attributes.padding.1)
    )
  }

  func productConvolve(_ shape: ConvolutionShape, _ x: Tensor, _ weight: Tensor, _ bias: Tensor?) -> Tensor {
    let y = Tensor(uninitialized: shape.outputShape, x.elementType)
    let image = padded(x, shape)
    let depth = shape.kernel.0 * shape.kernel.1 * shape.inputs
    let matrix = permute(weight, [0, 2, 3, 1])
    multiply(
      x.elementType,
      matrix_product(
        rows: shape.items * shape.outputHeight * shape.outputWidth, columns: shape.outputs, depth: depth,
        a: image.pixels(shape.outputHeight, shape.outputWidth, steps: shape.attributes.stride), aColumn: 1,
        runs: (shape.kernel.1 * shape.inputs, image.line), b: matrix_rows(matrix.rawPointer, step: 1), bColumn: depth,
        c: matrix_rows(y.rawPointer, step: shape.outputs), bias: bias?.rawPointer))
    return y
  }

  /// By the image. Pixels that see the same elements of the kernel are the rows of one product.
  func productBackwardData(_ shape: ConvolutionShape, _ dy: Tensor, _ weight: Tensor) -> Tensor {
    let attributes = shape.attributes
    let vertical = Phase.all(
      size: shape.height, kernel: shape.kernel.0, stride: attributes.stride.0, padding: attributes.padding.0)
    let horizontal = Phase.all(
      size: shape.width, kernel: shape.kernel.1, stride: attributes.stride.1, padding: attributes.padding.1)
    let (top, bottom) = Phase.margins(vertical, size: shape.outputHeight)
    let (left, right) = Phase.margins(horizontal, size: shape.outputWidth)
    let image = PaddedImage(dy, top: top, left: left, bottom: bottom, right: right)
    let skips = (vertical + horizontal).contains { $0.taps.isEmpty }
    let type = dy.elementType
    let dx = skips ? Tensor(zeros: shape.inputShape, type) : Tensor(uninitialized: shape.inputShape, type)
    let result = PaddedImage(dx, top: 0, left: 0, bottom: 0, right: 0)
    let matrix = permute(weight, [2, 3, 0, 1])
    let tap = shape.outputs * shape.inputs
    for down in vertical where down.count > 0 && !down.taps.isEmpty {
      for across in horizontal where across.count > 0 && !across.taps.isEmpty {
        let kernels = Tensor(uninitialized: [down.taps.count * across.taps.count, shape.outputs, shape.inputs], type)
        for (i, ky) in down.taps.enumerated() {
          for (j, kx) in across.taps.enumerated() {
            memcpy(
              kernels.rawPointer + (i * across.taps.count + j) * tap * type.byteCount,
              matrix.rawPointer + (ky * shape.kernel.1 + kx) * tap * type.byteCount, tap * type.byteCount)
          }
        }
        multiply(
          type,
          matrix_product(
            rows: shape.items * down.count * across.count, columns: shape.inputs,
            depth: down.taps.count * across.taps.count * shape.outputs,
            a: image.pixels(
              down.count, across.count, y: top + down.start - down.taps.count + 1,
              x: left + across.start - across.taps.count + 1), aColumn: 1,
            runs: (across.taps.count * shape.outputs, image.line),
            b: matrix_rows(kernels.rawPointer, step: shape.inputs), bColumn: 1,
            c: result.pixels(
              down.count, across.count, y: down.first, x: across.first, steps: attributes.stride)))
      }
    }
    return dx
  }

  /// By the kernels: for each of their lines, dy's pixels by those of the image that the line saw.
  func productBackwardWeights(_ shape: ConvolutionShape, _ x: Tensor, _ dy: Tensor) -> Tensor {
    let type = x.elementType
    let image = padded(x, shape)
    let run = shape.kernel.1 * shape.inputs
    let dMatrix = Tensor(uninitialized: [shape.outputs, shape.kernel.0, shape.kernel.1, shape.inputs], type)
    for line in 0..<shape.kernel.0 {
      multiply(
        type,
        matrix_product(
          rows: shape.outputs, columns: run, depth: shape.items * shape.outputHeight * shape.outputWidth,
          a: matrix_rows(dy.rawPointer, step: 1), aColumn: shape.outputs,
          b: image.pixels(shape.outputHeight, shape.outputWidth, y: line, steps: shape.attributes.stride), bColumn: 1,
          c: matrix_rows(dMatrix.rawPointer + line * run * type.byteCount, step: shape.kernel.0 * run)))
    }
    return permute(dMatrix, [0, 3, 1, 2])
  }
}
