import Kernels

extension CPUBackend {
  package func accumulate(_ a: consuming Tensor, _ b: Tensor) -> Tensor {
    precondition(a.shape == b.shape, "gradients of the shapes \(a.shape) and \(b.shape) for one tensor")
    var sum = a
    guard isKnownUniquelyReferenced(&sum.storage) else { return binary(.add, sum, b) }
    let (to, from, type) = (sum.rawPointer, b.rawPointer, sum.elementType.kernel)
    parallel(sum.count, grain: elementGrain) { kernel_add_into(type, to, from, $0, $1) }
    return sum
  }

  func affine(_ x: Tensor, scale: Double, shift: Double) -> Tensor {
    let y = Tensor(uninitialized: x.shape, x.elementType)
    parallel(x.count, grain: elementGrain) {
      kernel_affine(x.elementType.kernel, x.rawPointer, y.rawPointer, scale, shift, $0, $1)
    }
    return y
  }

  func activate(_ x: Tensor, _ activation: Activation) -> Tensor {
    let y = Tensor(uninitialized: x.shape, x.elementType)
    let (kind, parameter) = activation.kernel
    parallel(x.count, grain: elementGrain / 4) {
      kernel_activation_forward(x.elementType.kernel, kind, parameter, x.rawPointer, y.rawPointer, $0, $1)
    }
    return y
  }

  func activateBackward(_ x: Tensor, _ y: Tensor, _ g: Tensor, _ activation: Activation) -> Tensor {
    let dx = Tensor(uninitialized: x.shape, x.elementType)
    let (kind, parameter) = activation.kernel
    parallel(x.count, grain: elementGrain / 4) {
      kernel_activation_backward(
        x.elementType.kernel, kind, parameter, x.rawPointer, y.rawPointer, g.rawPointer, dx.rawPointer, $0, $1)
    }
    return dx
  }

  // MARK: - Arithmetic that broadcasts

  enum Arithmetic: Int32 { case add, subtract, multiply, divide }

  func binary(_ operation: Arithmetic, _ a: Tensor, _ b: Tensor) -> Tensor {
    precondition(a.elementType == b.elementType, "\(a.elementType) and \(b.elementType) in one operation")
    let shape = broadcastShape(a.shape, b.shape)
    let y = Tensor(uninitialized: shape, a.elementType)
    if y.count == 0 { return y }
    var walk = StridedWalk(shape, [broadcastStrides(a.shape, to: shape), broadcastStrides(b.shape, to: shape)])
    // A long single row is cut up so that threads can share it.
    walk.cutLongRow()
    let rows = y.count / walk.shape.last!
    parallel(rows, grain: rowGrain(walk.shape.last!)) {
      kernel_binary(
        y.elementType.kernel, operation.rawValue, a.rawPointer, b.rawPointer, y.rawPointer, Int32(walk.shape.count),
        walk.shape, walk.strides[0], walk.strides[1], $0, $1)
    }
    return y
  }

  func binaryBackward(
    _ operation: Operation, _ a: Tensor, _ b: Tensor, _ y: Tensor, _ g: Tensor, _ needed: [Bool]
  ) -> [Tensor?] {
    func forA() -> Tensor {
      switch operation {
      case .multiply: binary(.multiply, g, b)
      case .divide: binary(.divide, g, b)
      default: g
      }
    }
    func forB() -> Tensor {
      switch operation {
      case .subtract: affine(reduced(g, to: b.shape), scale: -1, shift: 0)
      case .multiply: binary(.multiply, g, a)
      case .divide: affine(binary(.divide, binary(.multiply, g, y), b), scale: -1, shift: 0)
      default: g
      }
    }
    return [needed[0] ? reduced(forA(), to: a.shape) : nil, needed[1] ? reduced(forB(), to: b.shape) : nil]
  }

  /// The sum over the axes along which a tensor of `shape` was broadcast.
  func reduced(_ g: Tensor, to shape: [Int]) -> Tensor {
    if g.shape == shape { return g }
    let missing = g.rank - shape.count
    let axes = (0..<g.rank).filter { $0 < missing || (shape[$0 - missing] == 1 && g.shape[$0] != 1) }
    return reshape(sum(g, axes, keep: true), shape)
  }

  // MARK: - Residual connections

  func residual(_ inputs: [Tensor], hasScale: Bool, hasKeep: Bool) -> Tensor {
    let (x, branch) = (inputs[0], inputs[1])
    let shape = ResidualShape(inputs, hasScale: hasScale, hasKeep: hasKeep)
    let y = Tensor(uninitialized: x.shape, x.elementType)
    parallel(shape.rows, grain: rowGrain(shape.columns)) {
      kernel_residual_forward(
        x.elementType.kernel, x.rawPointer, branch.rawPointer, shape.scale?.rawPointer, shape.keep?.rawPointer,
        y.rawPointer, shape.rowsPerItem, shape.columns, $0, $1)
    }
    return y
  }

  func residualBackward(_ inputs: [Tensor], _ g: Tensor, hasScale: Bool, hasKeep: Bool, _ needed: [Bool]) -> [Tensor?] {
    let branch = inputs[1]
    let shape = ResidualShape(inputs, hasScale: hasScale, hasKeep: hasKeep)
    precondition(!hasKeep || !needed.last!, "what DropPath keeps is a constant")
    let type = g.elementType.kernel
    let needsScale = hasScale && needed[2]
    let dBranch = needed[1] ? Tensor(uninitialized: branch.shape, g.elementType) : nil
    let dScale = needsScale ? Tensor(uninitialized: [shape.columns], g.elementType) : nil
    if let dScale {
      sumOfShares(shape.rows, part: 32, width: shape.columns, into: dScale) { share, begin, end in
        kernel_residual_backward(
          type, g.rawPointer, branch.rawPointer, shape.scale?.rawPointer, shape.keep?.rawPointer, dBranch?.rawPointer,
          share, shape.rowsPerItem, shape.columns, begin, end)
      }
    } else if let dBranch {
      parallel(shape.rows, grain: rowGrain(shape.columns)) {
        kernel_residual_backward(
          type, g.rawPointer, branch.rawPointer, shape.scale?.rawPointer, shape.keep?.rawPointer, dBranch.rawPointer,
          nil, shape.rowsPerItem, shape.columns, $0, $1)
      }
    }
    return [needed[0] ? g : nil, dBranch] + (hasScale ? [dScale] : []) + (hasKeep ? [nil] : [])
  }

  /// The inputs of `residual`, checked.
  private struct ResidualShape {
    let rows: Int
    let columns: Int
    let rowsPerItem: Int
    let scale: Tensor?
    let keep: Tensor?

    init(_ inputs: [Tensor], hasScale: Bool, hasKeep: Bool) {
      let x = inputs[0]
      precondition(x.rank >= 2 && inputs[1].shape == x.shape, "residual of \(x.shape) and \(inputs[1].shape)")
      columns = x.shape.last!
      rows = x.shape.dropLast().reduce(1, *)
      rowsPerItem = max(1, x.shape[1..<(x.rank - 1)].reduce(1, *))
      scale = hasScale ? inputs[2] : nil
      keep = hasKeep ? inputs.last! : nil
      precondition(scale.map { $0.shape == [x.shape.last!] } ?? true, "the scale of a residual of \(x.shape)")
      precondition(keep.map { $0.shape == [x.shape[0]] } ?? true, "what a residual of \(x.shape) keeps")
    }
  }
}

extension Activation {
  /// The kernels' name for it, and its parameter.
  var kernel: (kind: Int32, parameter: Double) {
    switch self {
    case .gelu: (Int32(activation_gelu.rawValue), 0)
    case .relu: (Int32(activation_relu.rawValue), 0)
    case .leakyRelu(let slope): (Int32(activation_leaky_relu.rawValue), slope)
    case .sigmoid: (Int32(activation_sigmoid.rawValue), 0)
    case .logarithm: (Int32(activation_logarithm.rawValue), 0)
    case .squareRoot: (Int32(activation_square_root.rawValue), 0)
    }
  }
}
