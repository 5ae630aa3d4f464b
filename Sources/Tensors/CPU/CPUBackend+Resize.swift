import Kernels

extension CPUBackend {
  func resize(_ x: Tensor, _ height: Int, _ width: Int, _ mode: ResizeMode, _ layout: DataLayout) -> Tensor {
    let axis = layout == .channelsFirst ? 2 : 1
    let rows = ResamplingWeights(from: x.shape[axis], to: height, mode)
    let columns = ResamplingWeights(from: x.shape[axis + 1], to: width, mode)
    return resample(x, rows, columns, axis: axis)
  }

  func resizeBackward(
    _ shape: [Int], _ g: Tensor, _ height: Int, _ width: Int, _ mode: ResizeMode, _ layout: DataLayout
  ) -> Tensor {
    let axis = layout == .channelsFirst ? 2 : 1
    let rows = ResamplingWeights(from: shape[axis], to: height, mode).transposed()
    let columns = ResamplingWeights(from: shape[axis + 1], to: width, mode).transposed()
    return resample(g, rows, columns, axis: axis)
  }

  /// Rows along `axis` and columns along the next, in the order that computes less: a row of pixels is resampled from other rows
  /// by vectors, a pixel from the pixels beside it by itself where its channels don't follow.
  private func resample(_ x: Tensor, _ rows: ResamplingWeights, _ columns: ResamplingWeights, axis: Int) -> Tensor {
    let columnCost = x.shape[(axis + 2)...].allSatisfy { $0 == 1 } ? 8 : 1
    let rowsFirst = rows.output * columns.input + columnCost * rows.output * columns.output
    let columnsFirst = columnCost * rows.input * columns.output + rows.output * columns.output
    if rowsFirst <= columnsFirst { return resample(resample(x, rows, axis: axis), columns, axis: axis + 1) }
    return resample(resample(x, columns, axis: axis + 1), rows, axis: axis)
  }

  private func resample(_ x: Tensor, _ weights: ResamplingWeights, axis: Int) -> Tensor {
    if weights.isIdentity { return x }
    var shape = x.shape
    shape[axis] = weights.output
    let inner = shape[(axis + 1)...].reduce(1, *)
    let outer = shape[..<axis].reduce(1, *)
    let y = Tensor(uninitialized: shape, x.elementType)
    parallel(outer * weights.output, grain: rowGrain(inner)) {
      kernel_resample(
        x.elementType.kernel, x.rawPointer, y.rawPointer, weights.start, weights.index, weights.weight, weights.input,
        weights.output, inner, $0, $1)
    }
    return y
  }
}

/// What every output sample takes from which input samples along one axis: sparse rows of weights.
struct ResamplingWeights {
  let input: Int
  let output: Int
  private(set) var start: [Int32] = [0]
  private(set) var index: [Int32] = []
  private(set) var weight: [Double] = []

  var isIdentity: Bool {
    input == output && index.count == output && weight.allSatisfy { $0 == 1 }
      && index.enumerated().allSatisfy { $0 == $1 }
  }

  private init(input: Int, output: Int, _ entries: [(row: Int, column: Int, weight: Double)]) {
    self.input = input
    self.output = output
    var next = 0
    for row in 0..<output {
      while next < entries.count, entries[next].row == row {
        index.append(Int32(entries[next].column))
        weight.append(entries[next].weight)
        next += 1
      }
      start.append(Int32(index.count))
    }
  }

  init(from input: Int, to output: Int, _ mode: ResizeMode) {
    var entries: [(row: Int, column: Int, weight: Double)] = []
    let ratio = Double(input) / Double(output)
    for row in 0..<output {
      switch mode {
      case .nearest:
        entries.append((row, min(input - 1, row * input / output), 1))
      case .bilinear:
        let place = max(0, (Double(row) + 0.5) * ratio - 0.5)
        let first = min(input - 1, Int(place))
        let share = place - Double(first)
        if first + 1 < input, share > 0 {
          entries.append((row, first, 1 - share))
          entries.append((row, first + 1, share))
        } else {
          entries.append((row, first, 1))
        }
      case .bicubic:
        let place = (Double(row) + 0.5) * ratio - 0.5
        let first = Int(place.rounded(.down)) - 1
        for column in first..<(first + 4) {
          entries.append((row, min(input - 1, max(0, column)), Self.cubic(place - Double(column), -0.75)))
        }
      case .bilinearAntialiased: entries += Self.widened(row, ratio, input, radius: 1) { max(0, 1 - abs($0)) }
      case .bicubicAntialiased: entries += Self.widened(row, ratio, input, radius: 2) { Self.cubic($0, -0.5) }
      }
    }
    self.init(input: input, output: output, entries)
  }

  /// Cubic convolution's kernel (Keys 1981).
  private static func cubic(_ x: Double, _ a: Double) -> Double {
    let x = abs(x)
    if x <= 1 { return ((a + 2) * x - (a + 3)) * x * x + 1 }
    return x < 2 ? ((a * x - 5 * a) * x + 8 * a) * x - 4 * a : 0
  }

  /// One output sample's shares of the input samples under a kernel that is as wide as the output's samples lie apart.
  private static func widened(
    _ row: Int, _ ratio: Double, _ input: Int, radius: Double, _ kernel: (Double) -> Double
  ) -> [(row: Int, column: Int, weight: Double)] {
    let scale = max(1, ratio)
    let centre = ratio * (Double(row) + 0.5)
    let first = max(0, Int(centre - radius * scale + 0.5))
    let last = min(input, Int(centre + radius * scale + 0.5))
    let weights = (first..<last).map { kernel((Double($0) - centre + 0.5) / scale) }
    let total = weights.reduce(0, +)
    return zip(first..<last, weights).compactMap { $1 == 0 ? nil : (row, $0, $1 / total) }
  }

  /// What every input sample gives to which output samples: the gradient's way.
  func transposed() -> ResamplingWeights {
    var entries: [(row: Int, column: Int, weight: Double)] = []
    for row in 0..<output {
      for k in Int(start[row])..<Int(start[row + 1]) { entries.append((Int(index[k]), row, weight[k])) }
    }
    entries.sort { ($0.row, $0.column) < ($1.row, $1.column) }
    return ResamplingWeights(input: output, output: input, entries)
  }
}
