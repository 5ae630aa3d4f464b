import CBLAS
import Kernels

extension CPUBackend {
  /// c = op(a) op(b) + beta c + bias for row-major matrices at addresses; beta is 0 or 1, the bias `[n]`.
  func gemm(
    _ type: ElementType, _ transposeA: Bool, _ transposeB: Bool, _ m: Int, _ n: Int, _ k: Int,
    _ a: UnsafeMutableRawPointer, _ lda: Int, _ b: UnsafeMutableRawPointer, _ ldb: Int, beta: Double = 0,
    bias: UnsafeMutableRawPointer? = nil, _ c: UnsafeMutableRawPointer, _ ldc: Int,
    activated: UnsafeMutableRawPointer? = nil
  ) {
    precondition(beta == 0 || beta == 1, "a product added \(beta) times")
    if type == .float64, bias == nil, activated == nil, m > 0, n > 0 {
      // Single precision is what trainings are made of and has kernels of our own; doubles, in which gradients are checked
      // and statistics are taken, are OpenBLAS's.
      precondition(max(m, n, k, max(lda, ldb, ldc)) <= Int(Int32.max), "a matrix too large for BLAS")
      kernels_adopt_thread_count()
      cblas_dgemm(
        CblasRowMajor, transposeA ? CblasTrans : CblasNoTrans, transposeB ? CblasTrans : CblasNoTrans, Int32(m),
        Int32(n), Int32(k), 1, a.assumingMemoryBound(to: Double.self), Int32(max(1, lda)),
        b.assumingMemoryBound(to: Double.self), Int32(max(1, ldb)), beta, c.assumingMemoryBound(to: Double.self),
        Int32(max(1, ldc)))
      return
    }
    multiply(
      type,
      matrix_product(
        rows: m, columns: n, depth: k, a: matrix_rows(a, step: transposeA ? 1 : lda), aColumn: transposeA ? lda : 1,
        b: matrix_rows(b, step: transposeB ? 1 : ldb), bColumn: transposeB ? ldb : 1, c: matrix_rows(c, step: ldc),
        bias: bias, activated: activated, accumulate: beta == 1))
  }

  /// Computes a product of matrices whose elements lie anywhere.
  func multiply(_ type: ElementType, _ product: matrix_product) {
    precondition(
      max(product.rows, product.columns, product.depth) < Int(one_step), "a matrix of too many rows or columns"
    )
    withUnsafePointer(to: product) { product in
      let scratch = Storage(byteCount: kernel_gemm_scratch(type.kernel, product), on: .cpu)
      kernel_gemm(type.kernel, product, scratch.handle)
    }
  }

  /// The batched product, stored by rows. Small matrices share out the threads, large ones use all of them one by one.
  func product(_ a: Tensor, _ b: Tensor, _ transposeA: Bool, _ transposeB: Bool) -> Tensor {
    precondition(a.elementType == b.elementType, "a product of \(a.elementType) and \(b.elementType)")
    let shape = Operation.matrixProduct(transposeA: transposeA, transposeB: transposeB).outputShape(a, b)
    let rank = a.rank
    let (columnsA, columnsB) = (a.shape[rank - 1], b.shape[rank - 1])
    let (m, k, n) = (shape[rank - 2], transposeA ? a.shape[rank - 2] : columnsA, shape[rank - 1])
    let batch = a.shape.dropLast(2).reduce(1, *)
    let c = Tensor(uninitialized: shape, a.elementType)
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
    let y = Tensor(uninitialized: linearShape(x, weight, bias), x.elementType)
    multiplyLinear(x, weight, bias, into: y, activated: nil)
    return y
  }

  /// GELU of a linear map; what GELU was taken of is saved.
  func linearGelu(_ x: Tensor, _ weight: Tensor, _ bias: Tensor?, save: Bool) -> ForwardResult {
    let y = Tensor(uninitialized: linearShape(x, weight, bias), x.elementType)
    let before = save ? Tensor(uninitialized: y.shape, x.elementType) : y
    multiplyLinear(x, weight, bias, into: before, activated: y)
    return ForwardResult([y], saved: save ? [before] : [])
  }

  private func linearShape(_ x: Tensor, _ weight: Tensor, _ bias: Tensor?) -> [Int] {
    Operation.linear(hasBias: bias != nil, gelu: false).outputShapes([x, weight] + (bias.map { [$0] } ?? []))[0]
  }

  private func multiplyLinear(_ x: Tensor, _ weight: Tensor, _ bias: Tensor?, into y: Tensor, activated: Tensor?) {
    let (outputs, inputs) = (weight.shape[0], weight.shape[1])
    gemm(
      x.elementType, false, true, x.shape.dropLast().reduce(1, *), outputs, inputs, x.rawPointer, inputs,
      weight.rawPointer, inputs, bias: bias?.rawPointer, y.rawPointer, outputs, activated: activated?.rawPointer)
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

  /// The sum of all rows, as a bias's gradient is.
  func columnSums(_ g: Tensor, rows: Int, columns: Int) -> Tensor {
    let sums = Tensor(uninitialized: [columns], g.elementType)
    sumOfShares(rows, part: max(32, 4096 / max(1, columns)), width: columns, into: sums) { share, begin, end in
      kernel_sum_columns(g.elementType.kernel, g.rawPointer, share, columns, begin, end)
    }
    return sums
  }
}

extension matrix_rows {
  /// Rows that are all one step apart.
  init(_ start: UnsafeMutableRawPointer, step: Int) {
    self.init(start: start, step: step, inner: Int(one_step), line_step: 0, skipped: 0, lines: 0, image_step: 0)
  }

  /// Lines of `inner` rows that are `step` apart, the lines `lineStep`.
  init(_ start: UnsafeMutableRawPointer, step: Int, inner: Int, lineStep: Int) {
    self.init(start: start, step: step, inner: inner, line_step: lineStep, skipped: 0, lines: 0, image_step: 0)
  }

  /// The pixels of images of `lines` lines.
  init(_ start: UnsafeMutableRawPointer, step: Int, inner: Int, lineStep: Int, lines: Int, imageStep: Int) {
    self.init(
      start: start, step: step, inner: inner, line_step: lineStep, skipped: 0, lines: lines, image_step: imageStep)
  }
}

extension matrix_product {
  /// c = a b + bias, or c += a b. `runs`: after how many of a's columns they go on elsewhere, and where.
  init(
    rows: Int, columns: Int, depth: Int, a: matrix_rows, aColumn: Int, runs: (count: Int, step: Int) = (0, 0),
    b: matrix_rows, bColumn: Int, c: matrix_rows, bias: UnsafeMutableRawPointer? = nil,
    activated: UnsafeMutableRawPointer? = nil, accumulate: Bool = false
  ) {
    self.init(
      rows: rows, columns: columns, depth: depth, a: a, a_column: aColumn, a_run: runs.count, a_run_step: runs.step,
      b: b, b_column: bColumn, c: c, bias: UnsafeRawPointer(bias), activated: activated,
      accumulate: accumulate ? 1 : 0)
  }
}
