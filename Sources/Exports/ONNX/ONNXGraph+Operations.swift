import struct Foundation.Data
import Tensors

/// The engine's operations in ONNX's operators. Images with their channels last are transposed around the operators that take
/// them first only.
extension ONNXGraph {
  /// The nodes of one operation.
  /// - Returns: its first output; nil for an operation of training alone, which has no translation.
  mutating func translate(_ operation: Operation, _ inputs: [Value], shape: [Int]) -> Value? {
    let x = inputs[0]
    switch operation {
    case .add: return node("Add", inputs, shape: shape)
    case .subtract: return node("Sub", inputs, shape: shape)
    case .multiply: return node("Mul", inputs, shape: shape)
    case .divide: return node("Div", inputs, shape: shape)
    case .affine(let scale, let shift):
      let scaled = scale == 1 ? x : node("Mul", [x, scalar(scale)], shape: shape)
      return shift == 0 ? scaled : node("Add", [scaled, scalar(shift)], shape: shape)
    case .activation(let activation): return activated(x, activation)
    case .residual(let hasScale, let hasKeep): return residual(inputs, hasScale: hasScale, hasKeep: hasKeep)
    case .matrixProduct(let transposeA, let transposeB):
      let a = transposeA ? transposedMatrix(x) : x
      let b = transposeB ? transposedMatrix(inputs[1]) : inputs[1]
      return node("MatMul", [a, b], shape: shape)
    case .linear(let hasBias, let gelu):
      var y = node("MatMul", [x, transposedMatrix(inputs[1])], shape: shape)
      if hasBias { y = node("Add", [y, inputs[2]], shape: shape) }
      return gelu ? activated(y, .gelu) : y
    case .convolution(let attributes, _): return convolution("Conv", inputs, attributes, shape: shape)
    case .transposedConvolution(let attributes, _):
      return convolution("ConvTranspose", inputs, attributes, shape: shape)
    case .layerNorm(let epsilon, let gelu):
      let y = node(
        "LayerNormalization", inputs, [("axis", .whole(-1)), ("epsilon", .number(epsilon))], shape: shape)
      return gelu ? activated(y, .gelu) : y
    case .groupNorm(let groups, let epsilon, let slope, let layout):
      return withChannelsFirst(x, layout) { $0.groupNorm($1, inputs[1], inputs[2], groups, epsilon, slope) }
    case .fixedNorm(let epsilon, let slope, let layout):
      return withChannelsFirst(x, layout) { graph, x in
        let y = graph.node(
          "BatchNormalization", [x] + inputs.dropFirst(), [("epsilon", .number(epsilon))], shape: x.shape)
        return graph.leaky(y, slope)
      }
    case .normalize(let epsilon):
      let norms = node(
        "ReduceL2", [x], [("axes", .wholes([x.shape.count - 1]))], shape: x.shape.dropLast() + [1])
      let bounded = node("Max", [norms, scalar(epsilon)], shape: norms.shape)
      return node("Div", [x, bounded], shape: shape)
    case .softmax: return node("Softmax", [x], [("axis", .whole(-1))], shape: shape)
    case .logSoftmax: return node("LogSoftmax", [x], [("axis", .whole(-1))], shape: shape)
    case .attention(let scale): return attention(inputs, scale: scale)
    case .rotary(let prefix): return rotary(inputs, prefix: prefix)
    case .deformableAttention(let maps): return deformableAttention(inputs, maps, shape: shape)
    case .reshape: return reshaped(x, shape)
    case .permute(let axes): return permuted(x, axes)
    case .concatenate(let axis): return node("Concat", inputs, [("axis", .whole(axis))], shape: shape)
    case .slice(let axis, let start, let count): return sliced(x, axis: axis, start..<(start + count))
    case .resize(let height, let width, let mode, let layout):
      return withChannelsFirst(x, layout) { $0.resized($1, height, width, mode) }
    case .maxPool(let attributes):
      return node(
        "MaxPool", [x],
        [
          ("kernel_shape", .wholes([attributes.kernel.0, attributes.kernel.1])),
          ("strides", .wholes([attributes.stride.0, attributes.stride.1])), ("pads", pads(attributes.padding)),
        ], shape: shape)
    case .gather: return node("Gather", inputs, [("axis", .whole(0))], shape: shape, type: x.type)
    case .sum(let axes, let keep):
      if axes.isEmpty { return reshaped(x, shape) }
      return node("ReduceSum", [x, list(axes)], [("keepdims", .whole(keep ? 1 : 0))], shape: shape)
    case .batchNorm, .crossEntropy, .softDice, .regionCrossEntropy, .regionDice: return nil
    }
  }

  // MARK: - Shape

  mutating func reshaped(_ x: Value, _ shape: [Int]) -> Value {
    x.shape == shape ? x : node("Reshape", [x, list(shape)], shape: shape, type: x.type)
  }

  mutating func sliced(_ x: Value, axis: Int, _ range: Range<Int>) -> Value {
    var shape = x.shape
    shape[axis] = range.count
    return node(
      "Slice", [x, list([range.lowerBound]), list([range.upperBound]), list([axis])], shape: shape, type: x.type)
  }

  private mutating func permuted(_ x: Value, _ axes: [Int]) -> Value {
    node("Transpose", [x], [("perm", .wholes(axes))], shape: axes.map { x.shape[$0] }, type: x.type)
  }

  private mutating func transposedMatrix(_ x: Value) -> Value {
    let rank = x.shape.count
    return permuted(x, Array(0..<(rank - 2)) + [rank - 1, rank - 2])
  }

  private mutating func withChannelsFirst(
    _ x: Value, _ layout: DataLayout, _ body: (inout ONNXGraph, Value) -> Value
  ) -> Value {
    precondition(x.shape.count == 4, "images of \(x.shape)")
    guard layout == .channelsLast else { return body(&self, x) }
    let first = permuted(x, [0, 3, 1, 2])
    let y = body(&self, first)
    return permuted(y, [0, 2, 3, 1])
  }

  // MARK: - Elementwise

  private mutating func activated(_ x: Value, _ activation: Activation) -> Value {
    switch activation {
    case .gelu:
      let scaled = node("Mul", [x, scalar(0.5.squareRoot())], shape: x.shape)
      let shifted = node("Add", [node("Erf", [scaled], shape: x.shape), scalar(1)], shape: x.shape)
      let half = node("Mul", [x, scalar(0.5)], shape: x.shape)
      return node("Mul", [half, shifted], shape: x.shape)
    case .relu: return node("Relu", [x], shape: x.shape)
    case .leakyRelu(let slope): return leaky(x, slope)
    case .sigmoid: return node("Sigmoid", [x], shape: x.shape)
    case .logarithm: return node("Log", [x], shape: x.shape)
    case .squareRoot: return node("Sqrt", [x], shape: x.shape)
    }
  }

  private mutating func leaky(_ x: Value, _ slope: Double) -> Value {
    slope == 1 ? x : node("LeakyRelu", [x], [("alpha", .number(slope))], shape: x.shape)
  }

  private mutating func residual(_ inputs: [Value], hasScale: Bool, hasKeep: Bool) -> Value {
    let x = inputs[0]
    var branch = inputs[1]
    if hasScale { branch = node("Mul", [branch, inputs[2]], shape: x.shape) }
    if hasKeep {
      let keep = reshaped(inputs[hasScale ? 3 : 2], [x.shape[0]] + Array(repeating: 1, count: x.shape.count - 1))
      branch = node("Mul", [branch, keep], shape: x.shape)
    }
    return node("Add", [x, branch], shape: x.shape)
  }

  // MARK: - Images

  private func pads(_ padding: (Int, Int)) -> Attribute { .wholes([padding.0, padding.1, padding.0, padding.1]) }

  private mutating func convolution(
    _ name: String, _ inputs: [Value], _ attributes: ConvolutionAttributes, shape: [Int]
  ) -> Value {
    let isLast = attributes.layout == .channelsLast
    let result = isLast ? [shape[0], shape[3], shape[1], shape[2]] : shape
    let kernel = Array(inputs[1].shape.suffix(2))
    let x = isLast ? permuted(inputs[0], [0, 3, 1, 2]) : inputs[0]
    let y = node(
      name, [x] + inputs.dropFirst(),
      [
        ("kernel_shape", .wholes(kernel)), ("strides", .wholes([attributes.stride.0, attributes.stride.1])),
        ("dilations", .wholes([attributes.dilation.0, attributes.dilation.1])), ("pads", pads(attributes.padding)),
        ("group", .whole(attributes.groups)),
      ], shape: result)
    return isLast ? permuted(y, [0, 2, 3, 1]) : y
  }

  private mutating func groupNorm(
    _ x: Value, _ weight: Value, _ bias: Value, _ groups: Int, _ epsilon: Double, _ slope: Double
  ) -> Value {
    let epsilon: [(String, Attribute)] = [("epsilon", .number(epsilon))]
    let channels = x.shape[1]
    if groups == channels {
      return leaky(node("InstanceNormalization", [x, weight, bias], epsilon, shape: x.shape), slope)
    }
    let grouped = reshaped(x, [x.shape[0], groups, x.shape[1...].reduce(1, *) / groups])
    let (ones, zeros) = ([Float](repeating: 1, count: groups), [Float](repeating: 0, count: groups))
    let unit = node(
      "InstanceNormalization", [grouped, constant(ones, shape: [groups]), constant(zeros, shape: [groups])], epsilon,
      shape: grouped.shape)
    let scaled = node("Mul", [reshaped(unit, x.shape), reshaped(weight, [channels, 1, 1])], shape: x.shape)
    return leaky(node("Add", [scaled, reshaped(bias, [channels, 1, 1])], shape: x.shape), slope)
  }

  /// Two products with the mode's weights along height and width, taken from the engine's own resizing of unit vectors: every mode
  /// is linear and separable, and so comes out the same in every runtime.
  private mutating func resized(_ x: Value, _ height: Int, _ width: Int, _ mode: ResizeMode) -> Value {
    func weights(_ inputs: Int, _ outputs: Int) -> Tensor {
      Device.cpu {
        let units = Tensor(shape: [inputs, 1, inputs, 1], of: Float.self) { values in
          for index in 0..<inputs { values[index * inputs + index] = 1 }
        }
        return units.resized(height: outputs, width: 1, mode).reshaped([inputs, outputs])
      }
    }
    var y = x
    if x.shape[2] != height {
      let matrix = Device.cpu { weights(x.shape[2], height).permuted([1, 0]) }
      let left = constant(matrix.values(as: Float.self), shape: matrix.shape)
      y = node("MatMul", [left, y], shape: [x.shape[0], x.shape[1], height, x.shape[3]])
    }
    if x.shape[3] != width {
      let matrix = weights(x.shape[3], width)
      let right = constant(matrix.values(as: Float.self), shape: matrix.shape)
      y = node("MatMul", [y, right], shape: [x.shape[0], x.shape[1], height, width])
    }
    return y
  }

  // MARK: - Attention

  private mutating func attention(_ inputs: [Value], scale: Double) -> Value {
    let query = permuted(inputs[0], [0, 2, 1, 3])
    let key = permuted(inputs[1], [0, 2, 3, 1])
    let value = permuted(inputs[2], [0, 2, 1, 3])
    let logits = Array(query.shape.prefix(3)) + [key.shape[3]]
    let scaled = node("Mul", [query, scalar(scale)], shape: query.shape)
    let weights = node(
      "Softmax", [node("MatMul", [scaled, key], shape: logits)], [("axis", .whole(-1))], shape: logits)
    return permuted(node("MatMul", [weights, value], shape: query.shape), [0, 2, 1, 3])
  }

  private mutating func rotary(_ inputs: [Value], prefix: Int) -> Value {
    let x = inputs[0]
    let (length, depth) = (x.shape[1], x.shape[3])
    let tokens = prefix > 0 ? sliced(x, axis: 1, prefix..<length) : x
    func table(_ index: Int, _ graph: inout ONNXGraph) -> Value {
      graph.reshaped(inputs[index], [1, length - prefix, 1, depth])
    }
    let first = sliced(tokens, axis: 3, 0..<(depth / 2))
    let second = sliced(tokens, axis: 3, (depth / 2)..<depth)
    let negative = node("Neg", [second], shape: second.shape)
    let half = node("Concat", [negative, first], [("axis", .whole(3))], shape: tokens.shape)
    let (cosine, sine) = (table(1, &self), table(2, &self))
    let straight = node("Mul", [tokens, cosine], shape: tokens.shape)
    let turned = node("Mul", [half, sine], shape: tokens.shape)
    let rotated = node("Add", [straight, turned], shape: tokens.shape)
    guard prefix > 0 else { return rotated }
    return node("Concat", [sliced(x, axis: 1, 0..<prefix), rotated], [("axis", .whole(1))], shape: x.shape)
  }

  private mutating func deformableAttention(_ inputs: [Value], _ maps: [MapSize], shape: [Int]) -> Value {
    let (value, locations, weights) = (inputs[0], inputs[1], inputs[2])
    let (items, heads, depth) = (value.shape[0], value.shape[2], value.shape[3])
    let (queries, points) = (locations.shape[1], locations.shape[4])
    var start = 0
    var sum: Value?
    for (index, map) in maps.enumerated() {
      let pixels = permuted(sliced(value, axis: 1, start..<(start + map.count)), [0, 2, 3, 1])
      let image = reshaped(pixels, [items * heads, depth, map.height, map.width])
      start += map.count
      func ofMap(_ x: Value, _ graph: inout ONNXGraph) -> Value {
        let part = graph.sliced(x, axis: 3, index..<(index + 1))
        let moved = graph.permuted(part, [0, 2, 1, 3, 4] + (x.shape.count == 6 ? [5] : []))
        return graph.reshaped(
          moved,
          [items * heads, x.shape.count == 6 ? queries : 1, x.shape.count == 6 ? points : queries]
            + [x.shape.count == 6 ? 2 : points])
      }
      // From 0 ... 1 across the map to -1 ... 1.
      let own = ofMap(locations, &self)
      let doubled = node("Mul", [own, scalar(2)], shape: own.shape)
      let grid = node("Sub", [doubled, scalar(1)], shape: own.shape)
      let sampled = node(
        "GridSample", [image, grid],
        [("mode", .text("bilinear")), ("padding_mode", .text("zeros")), ("align_corners", .whole(0))],
        shape: [items * heads, depth, queries, points])
      let weighted = node("Mul", [sampled, ofMap(weights, &self)], shape: sampled.shape)
      let seen = node(
        "ReduceSum", [weighted, list([3])], [("keepdims", .whole(0))], shape: [items * heads, depth, queries])
      sum = sum.map { node("Add", [$0, seen], shape: seen.shape) } ?? seen
    }
    return permuted(reshaped(sum!, [items, heads, depth, queries]), [0, 3, 1, 2])
  }
}
