import Kernels

extension CPUBackend {
  func sum(_ x: Tensor, _ axes: [Int], keep: Bool) -> Tensor {
    let shape = Operation.sum(axes: axes, keep: keep).outputShape(x)
    let summed = Set(axes)
    let kept = (0..<x.rank).filter { !summed.contains($0) }
    let y = Tensor(uninitialized: shape, x.elementType)
    let rows = kept.reduce(1) { $0 * x.shape[$1] }
    let columns = axes.reduce(1) { $0 * x.shape[$1] }
    if rows == 0 { return y }
    if columns == 0 { return Tensor(zeros: shape, x.elementType) }
    // Leading axes summed, trailing ones kept: sums of columns. Otherwise the summed axes come last: sums of rows.
    if kept == Array((x.rank - kept.count)..<x.rank), rows > 1 {
      sumOfShares(columns, part: max(32, 4096 / rows), width: rows, into: y) { share, begin, end in
        kernel_sum_columns(x.elementType.kernel, x.rawPointer, share, rows, begin, end)
      }
      return y
    }
    // A summed block of trailing axes first, where other axes follow.
    let trailing = (0..<x.rank).reversed().prefix { summed.contains($0) }
    if !trailing.isEmpty, trailing.count < axes.count {
      let partial = sum(x, Array(trailing.reversed()), keep: true)
      return reshape(sum(partial, axes.filter { !trailing.contains($0) }, keep: true), shape)
    }
    let ordered = permute(x, kept + axes.sorted())
    if rows < 16, columns > elementGrain {
      // Few long rows: equal parts of each, in an order that does not depend on the threads.
      let parts = min(64, columns / (elementGrain / 4))
      let shares = Tensor(uninitialized: [rows, parts], x.elementType)
      let size = x.elementType.byteCount
      parallel(rows * parts) { begin, end in
        for index in begin..<end {
          let (row, part) = (index / parts, index % parts)
          let (first, last) = (columns * part / parts, columns * (part + 1) / parts)
          kernel_sum_rows(
            x.elementType.kernel, ordered.rawPointer + (row * columns + first) * size,
            shares.rawPointer + index * size, last - first, 0, 1)
        }
      }
      kernel_sum_rows(x.elementType.kernel, shares.rawPointer, y.rawPointer, parts, 0, rows)
      return y
    }
    parallel(rows, grain: rowGrain(columns)) {
      kernel_sum_rows(x.elementType.kernel, ordered.rawPointer, y.rawPointer, columns, $0, $1)
    }
    return y
  }

  func sumBackward(_ shape: [Int], _ g: Tensor, _ axes: [Int]) -> Tensor {
    let kept = shape.indices.map { axes.contains($0) ? 1 : shape[$0] }
    return copy(g, shape: shape, strides: broadcastStrides(kept, to: shape))
  }
}
