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
