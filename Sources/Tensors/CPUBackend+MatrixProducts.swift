import Kernels

extension CPUBackend {
  /// c = op(a) op(b) + beta c for row-major matrices at addresses.
  func gemm(
    _ type: ElementType, _ transposeA: Bool, _ transposeB: Bool, _ m: Int, _ n: Int, _ k: Int,
    _ a: UnsafeRawPointer, _ lda: Int, _ b: UnsafeRawPointer, _ ldb: Int, beta: Double = 0,
    _ c: UnsafeMutableRawPointer, _ ldc: Int
  ) {
    precondition(max(max(m, n), max(k, max(lda, ldb), ldc)) <= Int(Int32.max), "a matrix too large for BLAS")
    kernel_gemm(
      type.kernel, transposeA ? 1 : 0, transposeB ? 1 : 0, m, n, k, 1, a, max(1, lda), b, max(1, ldb), beta, c,
      max(1, ldc))
  }

  /// The batched product, stored by rows. Small matrices share out the threads, large ones use all of them one by one.
  func product(_ a: Tensor, _ b: Tensor, _ transposeA: Bool, _ transposeB: Bool) -> Tensor {
    precondition(a.rank >= 2 && a.rank == b.rank && a.elementType == b.elementType, "product of \(a.shape), \(b.shape)")
    let rank = a.rank
    let (rowsA, columnsA) = (a.shape[rank - 2], a.shape[rank - 1])
    let (rowsB, columnsB) = (b.shape[rank - 2], b.shape[rank - 1])
    let (m, k) = transposeA ? (columnsA, rowsA) : (rowsA, columnsA)
    let (depth, n) = transposeB ? (columnsB, rowsB) : (rowsB, columnsB)
    precondition(
      depth == k && a.shape.dropLast(2) == b.shape.dropLast(2), "the product of \(a.shape) and \(b.shape)")
    let batch = a.shape.dropLast(2).reduce(1, *)
    let c = Tensor(uninitialized: Array(a.shape.dropLast(2)) + [m, n], a.elementType)
    let size = a.elementType.byteCount
    func multiply(_ index: Int) {
      gemm(
        a.elementType, transposeA, transposeB, m, n, k, a.rawPointer + index * m * k * size, columnsA,
        b.rawPointer + index * k * n * size, columnsB, c.rawPointer + index * m * n * size, n)
    }
    if batch >= 2 * Compute.threadCount || (batch > 1 && m * n * k < 1 << 18) {
      parallel(batch, grain: max(1, (1 << 16) / max(1, m * n * k))) { begin, end in
        for index in begin..<end { multiply(index) }
      }
    } else {
      for index in 0..<batch { multiply(index) }
    }
    return c
  }

  func productBackward(
    _ a: Tensor, _ b: Tensor, _ g: Tensor, _ transposeA: Bool, _ transposeB: Bool, _ needed: [Bool]
  ) -> [Tensor?] {
    let forA = needed[0] ? (transposeA ? product(b, g, transposeB, true) : product(g, b, false, !transposeB)) : nil
    let forB = needed[1] ? (transposeB ? product(g, a, true, transposeA) : product(a, g, !transposeA, false)) : nil
    return [forA, forB]
  }

  func linear(_ x: Tensor, _ weight: Tensor, _ bias: Tensor?) -> Tensor {
    precondition(
      x.rank >= 1 && weight.rank == 2 && weight.shape[1] == x.shape.last!, "linear of \(x.shape) by \(weight.shape)")
    let (outputs, inputs) = (weight.shape[0], weight.shape[1])
    precondition(bias.map { $0.shape == [outputs] } ?? true, "the bias of a linear layer of \(weight.shape)")
    let rows = x.shape.dropLast().reduce(1, *)
    let y = Tensor(uninitialized: Array(x.shape.dropLast()) + [outputs], x.elementType)
    if let bias { fill(rows: rows, of: y, with: bias) }
    gemm(
      x.elementType, false, true, rows, outputs, inputs, x.rawPointer, inputs, weight.rawPointer, inputs,
      beta: bias == nil ? 0 : 1, y.rawPointer, outputs)
    return y
  }

  func linearBackward(_ inputs: [Tensor], _ g: Tensor, _ needed: [Bool]) -> [Tensor?] {
    let (x, weight) = (inputs[0], inputs[1])
    let (outputs, width) = (weight.shape[0], weight.shape[1])
    let rows = x.shape.dropLast().reduce(1, *)
    var result: [Tensor?] = inputs.map { _ in nil }
    if needed[0] {
      let dx = Tensor(uninitialized: x.shape, x.elementType)
      gemm(
        x.elementType, false, false, rows, width, outputs, g.rawPointer, outputs, weight.rawPointer, width,
        dx.rawPointer, width)
      result[0] = dx
    }
    if needed[1] {
      let dWeight = Tensor(uninitialized: weight.shape, x.elementType)
      gemm(
        x.elementType, true, false, outputs, width, rows, g.rawPointer, outputs, x.rawPointer, width,
        dWeight.rawPointer, width)
      result[1] = dWeight
    }
    if inputs.count > 2, needed[2] { result[2] = columnSums(g, rows: rows, columns: outputs) }
    return result
  }

  /// Every row a copy of the bias.
  func fill(rows: Int, of y: Tensor, with bias: Tensor) {
    let columns = bias.count
    parallel(rows, grain: rowGrain(columns)) {
      kernel_fill_rows(y.elementType.kernel, bias.rawPointer, y.rawPointer, columns, $0, $1)
    }
  }

  /// The sum of all rows, as a bias's gradient is.
  func columnSums(_ g: Tensor, rows: Int, columns: Int) -> Tensor {
    let sums = Tensor(uninitialized: [columns], g.elementType)
    sumOfShares(rows, part: max(32, 4096 / max(1, columns)), width: columns, into: sums) { share, begin, end in
      kernel_sum_columns(g.elementType.kernel, g.rawPointer, share, columns, begin, end)
    }
    return sums
  }
}
