extension Operation {
  /// The shapes of the outputs, the same on every device. Inputs that do not go together are our own bug.
  package func outputShapes(_ inputs: [Tensor]) -> [[Int]] {
    let x = inputs[0].shape
    switch self {
    case .add, .subtract, .multiply, .divide: return [broadcastShape(x, inputs[1].shape)]
    case .affine, .activation, .normalize, .softmax, .logSoftmax, .layerNorm, .groupNorm, .fixedNorm:
      return [x]
    case .residual:
      precondition(x == inputs[1].shape, "a residual connection of \(x) and \(inputs[1].shape)")
      return [x]
    case .batchNorm:
      let channels = inputs[1].count
      return [x, [channels], [channels]]
    case .matrixProduct(let transposeA, let transposeB):
      return [Self.productShape(x, inputs[1].shape, transposeA, transposeB)]
    case .linear: return [Self.linearShape(x, inputs[1].shape, bias: inputs.count > 2 ? inputs[2].shape : nil)]
    case .convolution(let attributes, _):
      return [ConvolutionShape(convolving: inputs[0], by: inputs[1], attributes).outputShape]
    case .transposedConvolution(let attributes, _):
      return [ConvolutionShape(convolvingTransposed: inputs[0], by: inputs[1], attributes).inputShape]
    case .attention:
      precondition(
        x.count == 4 && inputs[1].shape == inputs[2].shape && inputs[1].rank == 4
          && [0, 2, 3].allSatisfy { x[$0] == inputs[1].shape[$0] }, "attention of \(inputs.map(\.shape))")
      return [x]
    case .rotary(let prefix):
      precondition(
        x.count == 4 && prefix >= 0 && prefix <= x[1] && inputs[1].shape == [x[1] - prefix, x[3]]
          && inputs[2].shape == inputs[1].shape, "rotary embedding of \(inputs.map(\.shape))")
      return [x]
    case .deformableAttention(let maps):
      let (locations, weights) = (inputs[1].shape, inputs[2].shape)
      precondition(
        x.count == 4 && locations.count == 6 && x[1] == maps.reduce(0) { $0 + $1.count } && locations[0] == x[0]
          && locations[2] == x[2] && locations[3] == maps.count && locations[5] == 2
          && weights == Array(locations.dropLast()),
        "deformable attention of \(inputs.map(\.shape)) on \(maps)")
      return [[x[0], locations[1], x[2], x[3]]]
    case .reshape(let shape):
      precondition(shape.reduce(1, *) == inputs[0].count, "\(x) cannot take the shape \(shape)")
      return [shape]
    case .permute(let axes):
      precondition(axes.sorted() == Array(x.indices), "\(axes) is no order of the axes of \(x)")
      return [axes.map { x[$0] }]
    case .concatenate(let axis): return [Self.joinedShape(inputs.map(\.shape), axis)]
    case .slice(let axis, let start, let count):
      precondition(
        x.indices.contains(axis) && start >= 0 && count >= 0 && start + count <= x[axis],
        "\(start)..<\(start + count) along axis \(axis) of \(x)")
      return [Self.replacing(axis, of: x, by: count)]
    case .resize(let height, let width, _, let layout):
      let axis = layout == .channelsFirst ? 2 : 1
      precondition(
        x.count == 4 && x[axis] > 0 && x[axis + 1] > 0 && height > 0 && width > 0, "resizing \(x)")
      return [Self.replacing(axis + 1, of: Self.replacing(axis, of: x, by: height), by: width)]
    case .maxPool(let attributes): return [Self.pooledShape(x, attributes)]
    case .gather: return [[inputs[1].count] + x.dropFirst()]
    case .sum(let axes, let keep):
      precondition(
        Set(axes).count == axes.count && axes.allSatisfy(x.indices.contains), "the axes \(axes) of \(x)")
      return [x.indices.compactMap { axes.contains($0) ? (keep ? 1 : nil) : x[$0] }]
    case .crossEntropy, .softDice, .regionCrossEntropy, .regionDice:
      precondition(
        x.count >= 2 && inputs[1].shape == [x[0]] + x.dropFirst(2) && inputs[1].elementType == .int32,
        "logits \(x) and labels \(inputs[1].shape) do not match")
      return [[]]
    }
  }

  /// The shape of the one output of an operation that has one.
  func outputShape(_ inputs: Tensor...) -> [Int] { outputShapes(inputs)[0] }

  private static func productShape(_ a: [Int], _ b: [Int], _ transposeA: Bool, _ transposeB: Bool) -> [Int] {
    precondition(a.count >= 2 && a.count == b.count && a.dropLast(2) == b.dropLast(2), "the product of \(a) and \(b)")
    let (rows, depth) = transposeA ? (a[a.count - 1], a[a.count - 2]) : (a[a.count - 2], a[a.count - 1])
    let (otherDepth, columns) = transposeB ? (b[b.count - 1], b[b.count - 2]) : (b[b.count - 2], b[b.count - 1])
    precondition(depth == otherDepth, "the product of \(a) and \(b)")
    return a.dropLast(2) + [rows, columns]
  }

  private static func linearShape(_ x: [Int], _ weight: [Int], bias: [Int]?) -> [Int] {
    precondition(weight.count == 2 && x.last == weight[1], "linear of \(x) by \(weight)")
    precondition(bias.map { $0 == [weight[0]] } ?? true, "the bias of a linear layer of \(weight)")
    return x.dropLast() + [weight[0]]
  }

  private static func joinedShape(_ shapes: [[Int]], _ axis: Int) -> [Int] {
    precondition(shapes[0].indices.contains(axis), "joining \(shapes) along axis \(axis)")
    let joined = replacing(axis, of: shapes[0], by: shapes.reduce(0) { $0 + $1[axis] })
    precondition(
      shapes.allSatisfy { $0.count == joined.count && replacing(axis, of: $0, by: joined[axis]) == joined },
      "joining \(shapes) along axis \(axis)")
    return joined
  }

  private static func pooledShape(_ x: [Int], _ attributes: PoolingAttributes) -> [Int] {
    let (kernel, stride, padding) = (attributes.kernel, attributes.stride, attributes.padding)
    precondition(
      kernel.0 > 0 && kernel.1 > 0 && stride.0 > 0 && stride.1 > 0 && padding.0 >= 0 && padding.1 >= 0
        && 2 * padding.0 <= kernel.0 && 2 * padding.1 <= kernel.1, "the attributes \(attributes) of a pooling")
    precondition(
      x.count == 4 && x[2] + 2 * padding.0 >= kernel.0 && x[3] + 2 * padding.1 >= kernel.1,
      "a window \(kernel) larger than the image \(x)")
    return [
      x[0], x[1], (x[2] + 2 * padding.0 - kernel.0) / stride.0 + 1, (x[3] + 2 * padding.1 - kernel.1) / stride.1 + 1,
    ]
  }

  private static func replacing(_ axis: Int, of shape: [Int], by size: Int) -> [Int] {
    var shape = shape
    shape[axis] = size
    return shape
  }
}

/// The shape of an elementwise operation's result, as NumPy broadcasts.
func broadcastShape(_ a: [Int], _ b: [Int]) -> [Int] {
  let rank = max(a.count, b.count)
  return (0..<rank).map { axis in
    let left = axis - (rank - a.count)
    let right = axis - (rank - b.count)
    let m = left >= 0 ? a[left] : 1
    let n = right >= 0 ? b[right] : 1
    precondition(m == n || m == 1 || n == 1, "the shapes \(a) and \(b) do not broadcast")
    return m == 1 ? n : m
  }
}
