/// The order of an image tensor's axes.
public enum DataLayout: Sendable {
  /// `[N, C, H, W]`
  case channelsFirst
  /// `[N, H, W, C]`: an image of tokens. A convolution whose kernel equals its stride takes only images that the kernel
  /// divides; a transposed one always has a kernel that equals its stride.
  case channelsLast

  func sizes(of x: Tensor) -> (items: Int, channels: Int, height: Int, width: Int) {
    switch self {
    case .channelsFirst: (x.shape[0], x.shape[1], x.shape[2], x.shape[3])
    case .channelsLast: (x.shape[0], x.shape[3], x.shape[1], x.shape[2])
    }
  }

  func shape(_ items: Int, _ channels: Int, _ height: Int, _ width: Int) -> [Int] {
    switch self {
    case .channelsFirst: [items, channels, height, width]
    case .channelsLast: [items, height, width, channels]
    }
  }
}

/// The height and width of a map of features.
public struct MapSize: Sendable, Hashable {
  public var height: Int
  public var width: Int

  public init(height: Int, width: Int) {
    self.height = height
    self.width = width
  }

  /// The number of its pixels.
  public var count: Int { height * width }
}

/// The attributes of a convolution or a transposed convolution, `(height, width)` each.
public struct ConvolutionAttributes: Sendable, Equatable {
  public var stride: (Int, Int)
  public var padding: (Int, Int)
  public var dilation: (Int, Int)
  public var groups: Int
  public var layout: DataLayout

  public init(
    stride: (Int, Int) = (1, 1), padding: (Int, Int) = (0, 0), dilation: (Int, Int) = (1, 1), groups: Int = 1,
    layout: DataLayout = .channelsFirst
  ) {
    self.stride = stride
    self.padding = padding
    self.dilation = dilation
    self.groups = groups
    self.layout = layout
  }

  public static func == (a: Self, b: Self) -> Bool {
    a.stride == b.stride && a.padding == b.padding && a.dilation == b.dilation && a.groups == b.groups
      && a.layout == b.layout
  }
}

/// The attributes of a pooling, `(height, width)` each. What the padding adds is never the greatest.
public struct PoolingAttributes: Sendable, Equatable {
  public var kernel: (Int, Int)
  public var stride: (Int, Int)
  /// At most half of the kernel.
  public var padding: (Int, Int)

  public init(kernel: (Int, Int), stride: (Int, Int), padding: (Int, Int) = (0, 0)) {
    self.kernel = kernel
    self.stride = stride
    self.padding = padding
  }

  public static func == (a: Self, b: Self) -> Bool {
    a.kernel == b.kernel && a.stride == b.stride && a.padding == b.padding
  }
}

/// An elementwise function without parameters.
public enum Activation: Sendable, Equatable {
  /// x Φ(x) with the exact normal distribution function.
  case gelu
  case relu
  /// x for x > 0, slope · x otherwise.
  case leakyRelu(slope: Double)
  case sigmoid
  case logarithm
  case squareRoot
}

/// How `resize` takes values between pixels; pixel centres lie at half-integers as in PyTorch's `align_corners=False`.
public enum ResizeMode: Sendable, Equatable {
  /// The pixel at ⌊i · input / output⌋, as PyTorch's "nearest".
  case nearest
  case bilinear
  /// Bilinear with the kernel widened when shrinking, as PyTorch's `antialias=True`.
  case bilinearAntialiased
  /// Cubic convolution (Keys 1981) with a = -0.75; the border's pixels go on beyond it.
  case bicubic
  /// Cubic convolution with a = -0.5 and the kernel widened when shrinking, as PyTorch's `antialias=True`.
  case bicubicAntialiased
}

/// Sets of labels that may overlap, one for each channel of a network's output.
public struct RegionTable: Sendable, Equatable {
  /// The labels of each region.
  public let regions: [[Int]]
  /// How many labels there are: 0 to `labelCount` - 1, the background (0) among them.
  public let labelCount: Int
  /// For every 32 regions and each label a word, whose bit r % 32 is set where the label belongs to region r.
  let words: [UInt32]

  /// - Parameter regions: at least one; each has labels below `labelCount`.
  public init(regions: [[Int]], labelCount: Int) {
    precondition(
      !regions.isEmpty && regions.allSatisfy { $0.allSatisfy((0..<labelCount).contains) },
      "regions \(regions) of \(labelCount) labels")
    self.regions = regions
    self.labelCount = labelCount
    var words = [UInt32](repeating: 0, count: (regions.count + 31) / 32 * labelCount)
    for (index, region) in regions.enumerated() {
      for label in region { words[index / 32 * labelCount + label] |= 1 << UInt32(index % 32) }
    }
    self.words = words
  }

  /// Whether a label belongs to a region.
  public func contains(label: Int, region: Int) -> Bool {
    words[region / 32 * labelCount + label] >> UInt32(region % 32) & 1 == 1
  }
}

/// The engine's whole vocabulary. A backend implements each forward and each vector-Jacobian product; the tape knows none.
///
/// The inputs and outputs of each are written beside it; `·` stands for any leading axes.
public enum Operation: Sendable, Equatable {
  // Elementwise; the four arithmetic ones broadcast as NumPy does.
  case add
  case subtract
  case multiply
  case divide
  /// scale · x + shift
  case affine(scale: Double, shift: Double)
  case activation(Activation)
  /// x + keep[n] · scale[c] · branch: a residual connection with LayerScale and DropPath. Inputs: x, branch `[N, ·, C]`,
  /// then scale `[C]` and keep `[N]`, a constant, where said.
  case residual(hasScale: Bool, hasKeep: Bool)

  // Matrix products.
  /// a `[·, M, K]` (or `[·, K, M]` transposed) times b `[·, K, N]` (or `[·, N, K]`), the leading axes equal.
  case matrixProduct(transposeA: Bool, transposeB: Bool)
  /// x `[·, I]`, weight `[O, I]`, bias `[O]` where said → `[·, O]`, or GELU of that.
  case linear(hasBias: Bool, gelu: Bool)
  /// x, weight `[O, I/groups, kh, kw]`, bias `[O]` where said. Channels last: weight the same.
  case convolution(ConvolutionAttributes, hasBias: Bool)
  /// x, weight `[I, O/groups, kh, kw]`, bias `[O]` where said.
  case transposedConvolution(ConvolutionAttributes, hasBias: Bool)

  // Normalisation.
  /// Over the last axis; x `[·, C]`, weight `[C]`, bias `[C]`; GELU of that where said.
  case layerNorm(epsilon: Double, gelu: Bool)
  /// Group norm, followed by a leaky ReLU of that slope (1 for none): over the pixels and the channels of each of so many
  /// groups of one image; as many groups as channels are instance norm. x `[N, C, H, W]`, or channels last, weight `[C]`,
  /// bias `[C]`.
  case groupNorm(groups: Int, epsilon: Double, slope: Double, DataLayout)
  /// The same over the pixels of a channel in all images; also gives the channels' mean and biased variance `[C]`, through
  /// which no gradient flows.
  case batchNorm(epsilon: Double, slope: Double, DataLayout)
  /// The same with mean and variance `[C]` given, constants: inputs x, weight, bias, mean, variance.
  case fixedNorm(epsilon: Double, slope: Double, DataLayout)
  /// x / max(‖x‖, epsilon) over the last axis.
  case normalize(epsilon: Double)

  // Attention.
  /// Over the last axis.
  case softmax
  case logSoftmax
  /// query `[N, Lq, heads, D]`, key and value `[N, Lk, heads, D]` → `[N, Lq, heads, D]`; never stores Lq x Lk.
  case attention(scale: Double)
  /// Rotates x `[N, L, heads, D]` after its first `prefix` tokens by cosines and sines `[L - prefix, D]`:
  /// x · cos + rotateHalf(x) · sin, rotateHalf(a, b) = (-b, a) on the two halves of D. The tables are constants.
  case rotary(prefix: Int)

  /// What queries see at a few points of one or several maps (Zhu et al. 2021), bilinear between the pixels and zero outside:
  /// value `[N, L, heads, D]`, the maps' pixels row by row, one map after the other; locations `[N, Q, heads, maps, points, 2]`,
  /// (x, y) from 0 to 1 across a map; weights `[N, Q, heads, maps, points]` → `[N, Q, heads, D]`.
  case deformableAttention([MapSize])

  // Shape.
  case reshape([Int])
  case permute([Int])
  case concatenate(axis: Int)
  case slice(axis: Int, start: Int, count: Int)
  /// x `[N, C, H, W]` → `[N, C, height, width]`, or the same with channels last.
  case resize(height: Int, width: Int, ResizeMode, DataLayout)
  /// x `[N, C, H, W]` → the greatest value of every window.
  case maxPool(PoolingAttributes)
  /// Rows of x `[R, ·]` by index (int32 `[K]`) → `[K, ·]`.
  case gather

  // Reductions and losses.
  /// Over the axes named; they stay with size 1 when kept.
  case sum(axes: [Int], keep: Bool)
  /// Mean of -log softmax(logits)[label] over the pixels whose label is not below 0, or 0 where there is none; logits
  /// `[N, C, H, W]`, labels int32 `[N, H, W]`.
  case crossEntropy
  /// Minus the mean soft Dice of the classes (softmax inside): logits `[N, C, H, W]`, labels int32 `[N, H, W]`, those below 0 ignored.
  /// Per class (2 Σ p t + smooth) / max(Σ p + Σ t + smooth, 1e-8), summed over the batch and the pixels, or averaged over
  /// the batch's items when `overBatch` is false; the background (class 0) left out unless said.
  case softDice(overBatch: Bool, includeBackground: Bool, smooth: Double)
  /// Sum of max(x, 0) - x t + log(1 + e^-|x|), the binary cross-entropy of σ(x), over the regions and the pixels whose label
  /// is not below 0, divided by the number of those pixels and, unless `perPixel`, of the regions; 0 where there is no pixel.
  /// Logits `[N, R, H, W]`, labels int32 `[N, H, W]`; t is 1 where the label belongs to the region.
  case regionCrossEntropy(RegionTable, perPixel: Bool)
  /// Minus the mean soft Dice of all regions, as `softDice` with σ in place of the softmax.
  case regionDice(RegionTable, overBatch: Bool, smooth: Double)
}

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

extension Operation {
  /// Which inputs' elements the vector-Jacobian product reads, and whether it reads the outputs'; of the others the tape keeps
  /// no more than the shape. Every operation states it, so that none keeps memory because it was forgotten.
  var savedForBackward: (inputs: Set<Int>, outputs: Bool) {
    switch self {
    case .add, .subtract, .affine, .reshape, .permute, .concatenate, .slice, .resize, .sum: ([], false)
    case .multiply: ([0, 1], false)
    case .divide: ([1], true)
    case .activation(.sigmoid), .activation(.squareRoot): ([], true)
    case .activation(.gelu), .activation(.relu), .activation(.leakyRelu), .activation(.logarithm):
      ([0], false)
    // The branch only for the gradient by its scale.
    case .residual(let hasScale, let hasKeep): (hasScale ? [1, 2, 3] : hasKeep ? [2] : [], false)
    case .linear, .matrixProduct, .convolution, .transposedConvolution: ([0, 1], false)
    case .layerNorm(_, let gelu): (gelu ? [0, 1, 2] : [0, 1], false)
    // The bias for the leaky ReLU that follows.
    case .groupNorm, .batchNorm, .fixedNorm: ([0, 1, 2], false)
    case .normalize, .softmax, .logSoftmax: ([], true)
    case .attention: ([0, 1, 2], true)
    case .rotary: ([1, 2], false)
    case .deformableAttention: ([0, 1, 2], false)
    // The places of the greatest values are among what the forward pass saved.
    case .maxPool: ([], false)
    case .gather: ([1], false)
    case .crossEntropy, .softDice, .regionCrossEntropy, .regionDice: ([0, 1], false)
    }
  }
}
