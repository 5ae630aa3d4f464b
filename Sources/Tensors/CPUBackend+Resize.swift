import Kernels

extension CPUBackend {
  func resize(_ x: Tensor, _ height: Int, _ width: Int, _ mode: ResizeMode) -> Tensor {
    precondition(x.rank == 4 && x.shape[2] > 0 && x.shape[3] > 0 && height > 0 && width > 0, "resizing \(x.shape)")
    let rows = ResamplingWeights(from: x.shape[2], to: height, mode)
    let columns = ResamplingWeights(from: x.shape[3], to: width, mode)
    return resample(x, rows, columns)
  }

  func resizeBackward(_ shape: [Int], _ g: Tensor, _ height: Int, _ width: Int, _ mode: ResizeMode) -> Tensor {
    let rows = ResamplingWeights(from: shape[2], to: height, mode).transposed()
    let columns = ResamplingWeights(from: shape[3], to: width, mode).transposed()
    return resample(g, rows, columns)
  }

  /// Along both axes of [N, C, H, W], one after the other, the one that shrinks more first.
  private func resample(_ x: Tensor, _ rows: ResamplingWeights, _ columns: ResamplingWeights) -> Tensor {
    if rows.output * columns.input <= columns.output * rows.input {
      return resample(resample(x, rows, axis: 2), columns, axis: 3)
    }
    return resample(resample(x, columns, axis: 3), rows, axis: 2)
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
      case .average:
        let (first, last) = (row * input / output, ((row + 1) * input + output - 1) / output)
        for column in first..<last { entries.append((row, column, 1 / Double(last - first))) }
      case .bilinearAntialiased:
        let reach = max(1, ratio)
        let centre = ratio * (Double(row) + 0.5)
        let first = max(0, Int(centre - reach + 0.5))
        let last = min(input, Int(centre + reach + 0.5))
        let weights = (first..<last).map { max(0, 1 - abs((Double($0) - centre + 0.5) / reach)) }
        let total = weights.reduce(0, +)
        for (offset, weight) in weights.enumerated() where weight > 0 {
          entries.append((row, first + offset, weight / total))
        }
      }
    }
    self.init(input: input, output: output, entries)
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
