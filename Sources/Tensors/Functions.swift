// The operations as functions of tensors: what networks and losses are written in.

public func + (a: Tensor, b: Tensor) -> Tensor { apply(.add, [a, b])[0] }
public func - (a: Tensor, b: Tensor) -> Tensor { apply(.subtract, [a, b])[0] }
public func * (a: Tensor, b: Tensor) -> Tensor { apply(.multiply, [a, b])[0] }
public func / (a: Tensor, b: Tensor) -> Tensor { apply(.divide, [a, b])[0] }
public func * (a: Tensor, scale: Double) -> Tensor { apply(.affine(scale: scale, shift: 0), [a])[0] }
public func * (scale: Double, a: Tensor) -> Tensor { a * scale }
public func / (a: Tensor, divisor: Double) -> Tensor { a * (1 / divisor) }
public func + (a: Tensor, shift: Double) -> Tensor { apply(.affine(scale: 1, shift: shift), [a])[0] }
public func - (a: Tensor, shift: Double) -> Tensor { a + -shift }
public prefix func - (a: Tensor) -> Tensor { a * -1 }

/// x + keep[n] · scale[c] · branch (LayerScale and DropPath on a residual branch): x, branch `[N, ·, C]`, scale `[C]`, keep `[N]`.
public func residual(_ x: Tensor, _ branch: Tensor, scale: Tensor? = nil, keep: Tensor? = nil) -> Tensor {
  apply(.residual(hasScale: scale != nil, hasKeep: keep != nil), [x, branch] + [scale, keep].compactMap { $0 })[0]
}

/// The product of the last two axes' matrices, the leading axes equal.
public func matrixProduct(_ a: Tensor, _ b: Tensor, transposeA: Bool = false, transposeB: Bool = false) -> Tensor {
  apply(.matrixProduct(transposeA: transposeA, transposeB: transposeB), [a, b])[0]
}

/// x W^T + b: x `[·, I]`, weight `[O, I]`, bias `[O]`.
///
/// - Parameter gelu: whether GELU is applied to the result.
public func linear(_ x: Tensor, weight: Tensor, bias: Tensor? = nil, gelu: Bool = false) -> Tensor {
  apply(.linear(hasBias: bias != nil, gelu: gelu), [x, weight] + (bias.map { [$0] } ?? []))[0]
}

/// x `[N, I, H, W]`, weight `[O, I/groups, kh, kw]`.
public func convolution(
  _ x: Tensor, weight: Tensor, bias: Tensor? = nil, _ attributes: ConvolutionAttributes = .init()
) -> Tensor {
  apply(.convolution(attributes, hasBias: bias != nil), [x, weight] + (bias.map { [$0] } ?? []))[0]
}

/// x `[N, I, H, W]`, weight `[I, O/groups, kh, kw]`.
public func transposedConvolution(
  _ x: Tensor, weight: Tensor, bias: Tensor? = nil, _ attributes: ConvolutionAttributes = .init()
) -> Tensor {
  apply(.transposedConvolution(attributes, hasBias: bias != nil), [x, weight] + (bias.map { [$0] } ?? []))[0]
}

/// (x - mean) / sqrt(variance + epsilon) · weight + bias over the last axis.
///
/// - Parameter gelu: whether GELU is applied to the result.
public func layerNorm(_ x: Tensor, weight: Tensor, bias: Tensor, epsilon: Double, gelu: Bool = false) -> Tensor {
  apply(.layerNorm(epsilon: epsilon, gelu: gelu), [x, weight, bias])[0]
}

/// Instance norm of x `[N, C, H, W]` (or channels last), weight `[C]`, bias `[C]`, followed by a leaky ReLU of that slope.
public func instanceNorm(
  _ x: Tensor, weight: Tensor, bias: Tensor, epsilon: Double, slope: Double = 1, layout: DataLayout = .channelsFirst
) -> Tensor {
  groupNorm(x, weight: weight, bias: bias, groups: weight.count, epsilon: epsilon, slope: slope, layout: layout)
}

/// Group norm of x `[N, C, H, W]` (or channels last), weight `[C]`, bias `[C]`, followed by a leaky ReLU of that slope.
public func groupNorm(
  _ x: Tensor, weight: Tensor, bias: Tensor, groups: Int, epsilon: Double, slope: Double = 1,
  layout: DataLayout = .channelsFirst
) -> Tensor {
  apply(.groupNorm(groups: groups, epsilon: epsilon, slope: slope, layout), [x, weight, bias])[0]
}

/// Batch norm by the batch's own statistics, which it also gives (the variance biased); followed by a leaky ReLU.
public func batchNorm(
  _ x: Tensor, weight: Tensor, bias: Tensor, epsilon: Double, slope: Double = 1, layout: DataLayout = .channelsFirst
) -> (output: Tensor, mean: Tensor, variance: Tensor) {
  let results = apply(.batchNorm(epsilon: epsilon, slope: slope, layout), [x, weight, bias])
  return (results[0], results[1].detached, results[2].detached)
}

/// Batch norm by given statistics `[C]`, as in evaluation; followed by a leaky ReLU.
public func batchNorm(
  _ x: Tensor, weight: Tensor, bias: Tensor, mean: Tensor, variance: Tensor, epsilon: Double, slope: Double = 1,
  layout: DataLayout = .channelsFirst
) -> Tensor {
  apply(.fixedNorm(epsilon: epsilon, slope: slope, layout), [x, weight, bias, mean.detached, variance.detached])[0]
}

public func softmax(_ x: Tensor) -> Tensor { apply(.softmax, [x])[0] }
public func logSoftmax(_ x: Tensor) -> Tensor { apply(.logSoftmax, [x])[0] }

/// softmax(scale · q k^T) v for each head: query `[N, Lq, heads, D]`, key and value `[N, Lk, heads, D]`.
public func attention(query: Tensor, key: Tensor, value: Tensor, scale: Double) -> Tensor {
  apply(.attention(scale: scale), [query, key, value])[0]
}

/// Rotary position embedding of x `[N, L, heads, D]` by cosines and sines `[L - prefix, D]`; the first `prefix` tokens stay.
public func rotary(_ x: Tensor, cosine: Tensor, sine: Tensor, prefix: Int) -> Tensor {
  apply(.rotary(prefix: prefix), [x, cosine, sine])[0]
}

/// Deformable attention: value `[N, L, heads, D]`, the pixels of the maps one map after the other; locations
/// `[N, Q, heads, maps, points, 2]` as (x, y) from 0 to 1; weights `[N, Q, heads, maps, points]` → `[N, Q, heads, D]`.
public func deformableAttention(value: Tensor, maps: [MapSize], locations: Tensor, weights: Tensor) -> Tensor {
  apply(.deformableAttention(maps), [value, locations, weights])[0]
}

/// The tensors joined along an axis.
public func concatenate(_ tensors: [Tensor], axis: Int) -> Tensor { apply(.concatenate(axis: axis), tensors)[0] }

/// Mean over the pixels of -log softmax(logits)[label]: logits `[N, C, H, W]`, labels int32 `[N, H, W]`, those below 0 ignored.
public func crossEntropy(logits: Tensor, labels: Tensor) -> Tensor { apply(.crossEntropy, [logits, labels])[0] }

/// Minus the mean soft Dice of the classes, the softmax inside (nnU-Net's memory-efficient Dice loss).
public func softDice(
  logits: Tensor, labels: Tensor, overBatch: Bool = true, includeBackground: Bool = false, smooth: Double = 1e-5
) -> Tensor {
  apply(.softDice(overBatch: overBatch, includeBackground: includeBackground, smooth: smooth), [logits, labels])[0]
}

/// Binary cross-entropy of regions that may overlap, the sigmoid inside: logits `[N, R, H, W]`, labels int32 `[N, H, W]`,
/// those below 0 ignored; the mean over the pixels and the regions, or `perPixel` the regions' sum and the pixels' mean.
public func regionCrossEntropy(logits: Tensor, labels: Tensor, regions: RegionTable, perPixel: Bool = false) -> Tensor {
  apply(.regionCrossEntropy(regions, perPixel: perPixel), [logits, labels])[0]
}

/// Minus the mean soft Dice of regions that may overlap, the sigmoid inside; labels below 0 ignored.
public func regionDice(
  logits: Tensor, labels: Tensor, regions: RegionTable, overBatch: Bool = true, smooth: Double = 1e-5
) -> Tensor {
  apply(.regionDice(regions, overBatch: overBatch, smooth: smooth), [logits, labels])[0]
}

extension Tensor {
  public func activated(_ activation: Activation) -> Tensor { apply(.activation(activation), [self])[0] }

  /// x / max(‖x‖, epsilon) over the last axis.
  public func normalized(epsilon: Double = 1e-12) -> Tensor { apply(.normalize(epsilon: epsilon), [self])[0] }

  /// The same elements in another shape.
  public func reshaped(_ shape: [Int]) -> Tensor { apply(.reshape(shape), [self])[0] }

  /// Axis i of the result is axis `axes[i]` of this tensor.
  public func permuted(_ axes: [Int]) -> Tensor { apply(.permute(axes), [self])[0] }

  public func sliced(axis: Int, _ range: Range<Int>) -> Tensor {
    apply(.slice(axis: axis, start: range.lowerBound, count: range.count), [self])[0]
  }

  /// Rows of the leading axis by int32 index `[K]`.
  public func gathered(_ indices: Tensor) -> Tensor { apply(.gather, [self, indices])[0] }

  /// `[N, C, H, W]`, or `[N, H, W, C]`, to another height and width.
  public func resized(
    height: Int, width: Int, _ mode: ResizeMode = .bilinear, layout: DataLayout = .channelsFirst
  ) -> Tensor {
    apply(.resize(height: height, width: width, mode, layout), [self])[0]
  }

  /// The greatest value of every window of `[N, C, H, W]`.
  public func maxPooled(_ attributes: PoolingAttributes) -> Tensor { apply(.maxPool(attributes), [self])[0] }

  public func sum(axes: [Int]? = nil, keep: Bool = false) -> Tensor {
    apply(.sum(axes: axes ?? Array(0..<rank), keep: keep), [self])[0]
  }

  public func mean(axes: [Int]? = nil, keep: Bool = false) -> Tensor {
    let axes = axes ?? Array(0..<rank)
    return sum(axes: axes, keep: keep) / Double(axes.reduce(1) { $0 * shape[$1] })
  }
}
