import Kernels

#if canImport(Glibc)
  import Glibc
#endif

extension CPUBackend {
  /// The same memory under another shape.
  func reshape(_ x: Tensor, _ shape: [Int]) -> Tensor {
    Tensor(sharing: x.storage, offset: x.offset, shape: Operation.reshape(shape).outputShape(x), x.elementType)
  }

  func permute(_ x: Tensor, _ axes: [Int]) -> Tensor {
    let strides = contiguousStrides(x.shape)
    return copy(x, shape: Operation.permute(axes).outputShape(x), strides: axes.map { strides[$0] })
  }

  func permuteBackward(_ g: Tensor, _ axes: [Int]) -> Tensor {
    var inverse = axes
    for (index, axis) in axes.enumerated() { inverse[axis] = index }
    return permute(g, inverse)
  }

  /// The elements of x at strides, as a contiguous array.
  func copy(_ x: Tensor, shape: [Int], strides: [Int]) -> Tensor {
    let y = Tensor(uninitialized: shape, x.elementType)
    if y.count == 0 { return y }
    let walk = StridedWalk(shape, [strides])
    let from = walk.strides[0]
    // [batch, columns, rows] out of [batch, rows, columns]: a transposition, which goes by tiles.
    let rank = walk.shape.count
    if rank >= 2, rank <= 3, from[rank - 2] == 1, from[rank - 1] == walk.shape[rank - 2],
      rank == 2 || from[0] == walk.shape[1] * walk.shape[2]
    {
      let (columns, rows) = (walk.shape[rank - 2], walk.shape[rank - 1])
      let batch = rank == 3 ? walk.shape[0] : 1
      parallel(batch * ((columns + 15) / 16), grain: rowGrain(rows * 16)) {
        kernel_transpose(x.elementType.copyKernel, x.rawPointer, y.rawPointer, rows, columns, $0, $1)
      }
      return y
    }
    parallel(y.count / walk.shape.last!, grain: rowGrain(walk.shape.last!)) {
      kernel_strided_copy(
        x.elementType.copyKernel, x.rawPointer, y.rawPointer, Int32(rank), walk.shape, from, $0, $1)
    }
    return y
  }

  func concatenate(_ tensors: [Tensor], _ axis: Int) -> Tensor {
    let type = tensors[0].elementType
    precondition(tensors.allSatisfy { $0.elementType == type }, "joining \(tensors.map(\.elementType))")
    let y = Tensor(uninitialized: Operation.concatenate(axis: axis).outputShapes(tensors)[0], type)
    var start = 0
    for tensor in tensors {
      copyBand(of: y, axis, start, tensor, into: true)
      start += tensor.shape[axis]
    }
    return y
  }

  func concatenateBackward(_ inputs: [Tensor], _ g: Tensor, _ axis: Int, _ needed: [Bool]) -> [Tensor?] {
    var start = 0
    return zip(inputs, needed).map { input, needed in
      defer { start += input.shape[axis] }
      return needed ? slice(g, axis, start, input.shape[axis]) : nil
    }
  }

  func slice(_ x: Tensor, _ axis: Int, _ start: Int, _ count: Int) -> Tensor {
    let shape = Operation.slice(axis: axis, start: start, count: count).outputShape(x)
    let outer = x.shape[..<axis].reduce(1, *)
    if outer == 1 {
      // A band of the outermost axis lies in one piece: no copy.
      let inner = x.shape[(axis + 1)...].reduce(1, *)
      return Tensor(sharing: x.storage, offset: x.offset + start * inner, shape: shape, x.elementType)
    }
    let y = Tensor(uninitialized: shape, x.elementType)
    copyBand(of: x, axis, start, y, into: false)
    return y
  }

  func sliceBackward(_ shape: [Int], _ g: Tensor, _ axis: Int, _ start: Int, _ count: Int) -> Tensor {
    let dx = Tensor(zeros: shape, g.elementType)
    copyBand(of: dx, axis, start, g, into: true)
    return dx
  }

  /// Copies `part` into the band of `whole` that begins at `start` along the axis, or the band into the part.
  private func copyBand(of whole: Tensor, _ axis: Int, _ start: Int, _ part: Tensor, into: Bool) {
    let size = whole.elementType.byteCount
    let inner = whole.shape[(axis + 1)...].reduce(1, *) * size
    let outer = whole.shape[..<axis].reduce(1, *)
    let (pitch, width) = (whole.shape[axis] * inner, part.shape[axis] * inner)
    if width == 0 { return }
    let (base, other) = (whole.rawPointer + start * inner, part.rawPointer)
    parallel(outer, grain: max(1, elementGrain * 4 / width)) { begin, end in
      for row in begin..<end {
        if into {
          memcpy(base + row * pitch, other + row * width, width)
        } else {
          memcpy(other + row * width, base + row * pitch, width)
        }
      }
    }
  }

  func gather(_ x: Tensor, _ index: Tensor) -> Tensor {
    let columns = check(index, below: x.shape[0], x)
    let y = Tensor(uninitialized: Operation.gather.outputShape(x, index), x.elementType)
    let rows = index.rawPointer.assumingMemoryBound(to: Int32.self)
    parallel(index.count, grain: rowGrain(columns)) {
      kernel_gather_rows(x.elementType.copyKernel, x.rawPointer, rows, y.rawPointer, columns, $0, $1)
    }
    return y
  }

  func gatherBackward(_ shape: [Int], _ g: Tensor, _ index: Tensor) -> Tensor {
    let columns = check(index, below: shape[0], g)
    let dx = Tensor(uninitialized: shape, g.elementType)
    let rows = index.rawPointer.assumingMemoryBound(to: Int32.self)
    parallel(shape[0], grain: rowGrain(columns)) {
      kernel_scatter_add_rows(
        g.elementType.kernel, g.rawPointer, rows, dx.rawPointer, index.count, columns, $0, $1)
    }
    return dx
  }

  /// The elements of one of x's rows.
  private func check(_ index: Tensor, below bound: Int, _ x: Tensor) -> Int {
    precondition(
      x.rank >= 1 && index.elementType == .int32 && index.rank == 1, "rows of \(x.shape) by \(index.shape)")
    index.withUnsafeElements(of: Int32.self) { indices in
      precondition(indices.allSatisfy { $0 >= 0 && $0 < bound }, "an index outside of \(bound) rows")
    }
    return x.shape.dropFirst().reduce(1, *)
  }
}

extension ElementType {
  /// The kernels that only copy do not mind what the bits mean.
  var copyKernel: kernel_type { self == .float64 ? kernel_float64 : kernel_float32 }
}
