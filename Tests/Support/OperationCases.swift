import Random
import Tensors

private typealias Input = (shape: [Int], values: OperationCase.Values)

private func normal(_ shape: Int...) -> Input { (shape, .normal) }
private func positive(_ shape: Int...) -> Input { (shape, .positive) }
private func kinked(_ shape: Int...) -> Input { (shape, .awayFromZero) }
private func constant(_ shape: Int...) -> Input { (shape, .constant) }

private let arithmetic: [OperationCase] = [
  OperationCase("add, same shape", [normal(3, 5), normal(3, 5)]) { $0[0] + $0[1] },
  OperationCase("add, row", [normal(3, 5), normal(5)]) { $0[0] + $0[1] },
  OperationCase("add, column", [normal(3, 1), normal(1, 7)]) { $0[0] + $0[1] },
  OperationCase("add, scalar", [normal(), normal(2, 3)]) { $0[0] + $0[1] },
  OperationCase("add, tensor to itself", [normal(4, 3)]) { $0[0] + $0[0] * $0[0] },
  OperationCase("subtract, channels", [normal(2, 3, 4, 5), normal(3, 1, 1)]) { $0[0] - $0[1] },
  OperationCase("multiply, same shape", [normal(2, 3, 4), normal(2, 3, 4)]) { $0[0] * $0[1] },
  OperationCase("multiply, both repeat", [normal(2, 1, 4), normal(3, 1)]) { $0[0] * $0[1] },
  OperationCase("multiply, size one", [normal(1, 1), normal(1)]) { $0[0] * $0[1] },
  OperationCase("divide, row", [normal(3, 5), positive(5)]) { $0[0] / $0[1] },
  OperationCase("divide, scalar above", [normal(), positive(2, 3, 2)]) { $0[0] / $0[1] },
  OperationCase("affine", [normal(3, 7)]) { 2.5 * $0[0] + 0.5 },
  OperationCase("negation", [normal(9)]) { -$0[0] },
  OperationCase("gelu", [normal(5, 41)]) { $0[0].activated(.gelu) },
  OperationCase("relu", [kinked(5, 7)]) { $0[0].activated(.relu) },
  OperationCase("leaky relu", [kinked(5, 7)]) { $0[0].activated(.leakyRelu(slope: 0.01)) },
  OperationCase("sigmoid", [normal(5, 7)]) { $0[0].activated(.sigmoid) },
  OperationCase("logarithm", [positive(5, 7)]) { $0[0].activated(.logarithm) },
  OperationCase("square root", [positive(5, 7)]) { $0[0].activated(.squareRoot) },
  OperationCase("residual, plain", [normal(2, 3, 5), normal(2, 3, 5)]) { residual($0[0], $0[1]) },
  OperationCase("residual, scaled", [normal(2, 3, 5), normal(2, 3, 5), normal(5)]) {
    residual($0[0], $0[1], scale: $0[2])
  },
  OperationCase("residual, dropped", [normal(3, 2, 5), normal(3, 2, 5), ([3], .keep)]) {
    residual($0[0], $0[1], keep: $0[2])
  },
  OperationCase(
    "residual, scaled and dropped", [normal(3, 2, 2, 5), normal(3, 2, 2, 5), normal(5), ([3], .keep)]
  ) { residual($0[0], $0[1], scale: $0[2], keep: $0[3]) },
]

private let products: [OperationCase] = [
  OperationCase("matrix product", [normal(3, 5), normal(5, 4)]) { matrixProduct($0[0], $0[1]) },
  OperationCase("matrix product, batched", [normal(2, 3, 2, 5), normal(2, 3, 5, 4)]) { matrixProduct($0[0], $0[1]) },
  OperationCase("matrix product, a transposed", [normal(7, 5, 3), normal(7, 5, 4)]) {
    matrixProduct($0[0], $0[1], transposeA: true)
  },
  OperationCase("matrix product, b transposed", [normal(2, 3, 5), normal(2, 4, 5)]) {
    matrixProduct($0[0], $0[1], transposeB: true)
  },
  OperationCase("matrix product, both transposed", [normal(2, 5, 3), normal(2, 4, 5)]) {
    matrixProduct($0[0], $0[1], transposeA: true, transposeB: true)
  },
  OperationCase("linear", [normal(2, 3, 5), normal(7, 5), normal(7)]) {
    linear($0[0], weight: $0[1], bias: $0[2])
  },
  OperationCase("linear with GELU", [normal(2, 3, 5), normal(7, 5), normal(7)]) {
    linear($0[0], weight: $0[1], bias: $0[2], gelu: true)
  },
  OperationCase("linear without bias, one row", [normal(5), normal(1, 5)]) { linear($0[0], weight: $0[1]) },
]

private let convolutions: [OperationCase] = [
  OperationCase("convolution 3x3", [normal(2, 3, 7, 6), normal(4, 3, 3, 3), normal(4)]) {
    convolution($0[0], weight: $0[1], bias: $0[2], .init(padding: (1, 1)))
  },
  OperationCase("convolution 3x3, stride 2", [normal(1, 2, 8, 7), normal(3, 2, 3, 3)]) {
    convolution($0[0], weight: $0[1], .init(stride: (2, 2), padding: (1, 1)))
  },
  OperationCase("convolution 3x2, dilated, uneven", [normal(1, 2, 9, 8), normal(3, 2, 3, 2), normal(3)]) {
    convolution($0[0], weight: $0[1], bias: $0[2], .init(stride: (1, 2), padding: (2, 0), dilation: (2, 3)))
  },
  OperationCase("convolution 3x3, stride 2, odd", [normal(2, 3, 9, 7), normal(4, 3, 3, 3), normal(4)]) {
    convolution($0[0], weight: $0[1], bias: $0[2], .init(stride: (2, 2), padding: (1, 1)))
  },
  OperationCase("convolution 3x3, one pixel", [normal(2, 3, 1, 1), normal(4, 3, 3, 3), normal(4)]) {
    convolution($0[0], weight: $0[1], bias: $0[2], .init(padding: (1, 1)))
  },
  OperationCase("convolution 1x3, one row", [normal(1, 2, 1, 6), normal(3, 2, 1, 3), normal(3)]) {
    convolution($0[0], weight: $0[1], bias: $0[2], .init(stride: (1, 2), padding: (0, 1)))
  },
  OperationCase("convolution, depthwise, stride 2", [normal(2, 6, 7, 5), normal(6, 1, 3, 3), normal(6)]) {
    convolution($0[0], weight: $0[1], bias: $0[2], .init(stride: (2, 2), padding: (1, 1), groups: 6))
  },
  OperationCase("transposed convolution 2x2, one pixel", [normal(3, 4, 1, 1), normal(4, 3, 2, 2), normal(3)]) {
    transposedConvolution($0[0], weight: $0[1], bias: $0[2], .init(stride: (2, 2)))
  },
  OperationCase("transposed convolution 2x1, odd", [normal(1, 3, 5, 3), normal(3, 2, 2, 1), normal(2)]) {
    transposedConvolution($0[0], weight: $0[1], bias: $0[2], .init(stride: (2, 1)))
  },
  OperationCase("convolution, grouped", [normal(2, 4, 5, 5), normal(6, 2, 3, 3), normal(6)]) {
    convolution($0[0], weight: $0[1], bias: $0[2], .init(padding: (1, 1), groups: 2))
  },
  OperationCase("convolution, depthwise", [normal(1, 5, 6, 4), normal(5, 1, 3, 3)]) {
    convolution($0[0], weight: $0[1], .init(padding: (1, 1), groups: 5))
  },
  OperationCase("convolution, depthwise, channels last", [normal(1, 3, 4, 70), normal(70, 1, 3, 3), normal(70)]) {
    convolution($0[0], weight: $0[1], bias: $0[2], .init(padding: (1, 1), groups: 70, layout: .channelsLast))
  },
  OperationCase("convolution, depthwise 5x2, channels last", [normal(2, 6, 5, 3), normal(3, 1, 5, 2)]) {
    convolution($0[0], weight: $0[1], .init(padding: (2, 0), groups: 3, layout: .channelsLast))
  },
  OperationCase("convolution 1x1", [normal(2, 3, 4, 5), normal(4, 3, 1, 1), normal(4)]) {
    convolution($0[0], weight: $0[1], bias: $0[2])
  },
  OperationCase("convolution, patches", [normal(2, 3, 8, 12), normal(5, 3, 4, 4), normal(5)]) {
    convolution($0[0], weight: $0[1], bias: $0[2], .init(stride: (4, 4)))
  },
  OperationCase("convolution, patches with a rest", [normal(1, 2, 7, 5), normal(3, 2, 2, 2), normal(3)]) {
    convolution($0[0], weight: $0[1], bias: $0[2], .init(stride: (2, 2)))
  },
  OperationCase("convolution, patches channels last", [normal(2, 8, 6, 3), normal(5, 3, 4, 2), normal(5)]) {
    convolution($0[0], weight: $0[1], bias: $0[2], .init(stride: (4, 2), layout: .channelsLast))
  },
  OperationCase("convolution 3x3, channels last", [normal(2, 7, 6, 3), normal(4, 3, 3, 3), normal(4)]) {
    convolution($0[0], weight: $0[1], bias: $0[2], .init(padding: (1, 1), layout: .channelsLast))
  },
  // Whole blocks of channels: oneDNN may put the image in blocks, and dy once for all gradients.
  OperationCase("convolution 3x3, channels last in blocks", [normal(1, 4, 5, 8), normal(16, 8, 3, 3), normal(16)]) {
    convolution($0[0], weight: $0[1], bias: $0[2], .init(padding: (1, 1), layout: .channelsLast))
  },
  OperationCase("convolution 3x3, stride 2, channels last", [normal(1, 9, 8, 5), normal(3, 5, 3, 3)]) {
    convolution($0[0], weight: $0[1], .init(stride: (2, 2), padding: (1, 1), layout: .channelsLast))
  },
  OperationCase("convolution 1x1, channels last", [normal(2, 3, 4, 5), normal(6, 5, 1, 1)]) {
    convolution($0[0], weight: $0[1], .init(layout: .channelsLast))
  },
  OperationCase("transposed convolution 2x2", [normal(2, 5, 3, 4), normal(5, 3, 2, 2), normal(3)]) {
    transposedConvolution($0[0], weight: $0[1], bias: $0[2], .init(stride: (2, 2)))
  },
  OperationCase("transposed convolution 3x3, stride 2", [normal(1, 4, 3, 4), normal(4, 3, 3, 3), normal(3)]) {
    transposedConvolution($0[0], weight: $0[1], bias: $0[2], .init(stride: (2, 2), padding: (1, 1)))
  },
  OperationCase("transposed convolution, grouped", [normal(1, 4, 3, 3), normal(4, 3, 2, 3)]) {
    transposedConvolution($0[0], weight: $0[1], .init(stride: (2, 1), groups: 2))
  },
  OperationCase("transposed convolution, channels last", [normal(2, 3, 4, 5), normal(5, 6, 2, 2), normal(6)]) {
    transposedConvolution($0[0], weight: $0[1], bias: $0[2], .init(stride: (2, 2), layout: .channelsLast))
  },
  OperationCase("transposed convolution 3x2, channels last", [normal(1, 2, 3, 4), normal(4, 3, 3, 2)]) {
    transposedConvolution($0[0], weight: $0[1], .init(stride: (3, 2), layout: .channelsLast))
  },
  OperationCase("resize, bilinear up", [normal(2, 2, 3, 5)]) { $0[0].resized(height: 7, width: 8) },
  OperationCase("resize, bilinear down", [normal(1, 3, 9, 8)]) { $0[0].resized(height: 4, width: 3) },
  OperationCase("resize, antialiased down", [normal(1, 2, 11, 9)]) {
    $0[0].resized(height: 4, width: 3, .bilinearAntialiased)
  },
  OperationCase("resize, antialiased up", [normal(1, 2, 3, 4)]) {
    $0[0].resized(height: 5, width: 9, .bilinearAntialiased)
  },
  OperationCase("resize, bilinear, channels last", [normal(2, 3, 5, 2)]) {
    $0[0].resized(height: 7, width: 4, layout: .channelsLast)
  },
  OperationCase("resize, bicubic up", [normal(2, 2, 3, 5)]) { $0[0].resized(height: 7, width: 8, .bicubic) },
  OperationCase("resize, bicubic down", [normal(1, 3, 9, 1)]) { $0[0].resized(height: 4, width: 3, .bicubic) },
  OperationCase("resize, bicubic antialiased", [normal(1, 2, 11, 4)]) {
    $0[0].resized(height: 4, width: 7, .bicubicAntialiased)
  },
  OperationCase("resize, nearest", [normal(1, 2, 5, 4)]) { $0[0].resized(height: 8, width: 3, .nearest) },
]

private let pools: [OperationCase] = [
  OperationCase("max pool 2x2", [normal(2, 3, 6, 4)]) { $0[0].maxPooled(.init(kernel: (2, 2), stride: (2, 2))) },
  OperationCase("max pool 3x3, padded, odd", [normal(1, 2, 7, 5)]) {
    $0[0].maxPooled(.init(kernel: (3, 3), stride: (2, 2), padding: (1, 1)))
  },
  OperationCase("max pool 3x2, one pixel", [normal(2, 2, 1, 1)]) {
    $0[0].maxPooled(.init(kernel: (3, 2), stride: (1, 2), padding: (1, 1)))
  },
]

private let channelNorms: [OperationCase] = [
  OperationCase("instance norm", [normal(2, 3, 5, 7), normal(3), normal(3)]) {
    instanceNorm($0[0], weight: $0[1], bias: $0[2], epsilon: 1e-5)
  },
  OperationCase("instance norm, leaky", [normal(2, 3, 9, 4), normal(3), normal(3)]) {
    instanceNorm($0[0], weight: $0[1], bias: $0[2], epsilon: 1e-5, slope: 0.01)
  },
  OperationCase("instance norm, channels last", [normal(2, 5, 7, 9), normal(9), normal(9)]) {
    instanceNorm($0[0], weight: $0[1], bias: $0[2], epsilon: 1e-5, slope: 0.01, layout: .channelsLast)
  },
  OperationCase("instance norm, channels last, many", [normal(1, 35, 31, 2), normal(2), normal(2)]) {
    instanceNorm($0[0], weight: $0[1], bias: $0[2], epsilon: 1e-5, layout: .channelsLast)
  },
  OperationCase("group norm", [normal(2, 6, 3, 5), normal(6), normal(6)]) {
    groupNorm($0[0], weight: $0[1], bias: $0[2], groups: 3, epsilon: 1e-5)
  },
  OperationCase("group norm, one group, channels last", [normal(2, 3, 4, 6), normal(6), normal(6)]) {
    groupNorm($0[0], weight: $0[1], bias: $0[2], groups: 1, epsilon: 1e-3, layout: .channelsLast)
  },
  OperationCase("batch norm", [normal(3, 2, 4, 5), normal(2), normal(2)]) {
    batchNorm($0[0], weight: $0[1], bias: $0[2], epsilon: 1e-5).output
  },
  OperationCase("batch norm, relu, channels last", [normal(3, 5, 3, 4), normal(4), normal(4)]) {
    batchNorm($0[0], weight: $0[1], bias: $0[2], epsilon: 1e-5, slope: 0, layout: .channelsLast).output
  },
  OperationCase(
    "batch norm, evaluation", [normal(2, 3, 4, 5), normal(3), normal(3), constant(3), ([3], .positiveConstant)]
  ) { batchNorm($0[0], weight: $0[1], bias: $0[2], mean: $0[3], variance: $0[4], epsilon: 1e-5) },
]

private let norms: [OperationCase] = [
  OperationCase("layer norm", [normal(2, 3, 37), normal(37), normal(37)]) {
    layerNorm($0[0], weight: $0[1], bias: $0[2], epsilon: 1e-5)
  },
  OperationCase("layer norm, many rows", [normal(67, 5), normal(5), normal(5)]) {
    layerNorm($0[0], weight: $0[1], bias: $0[2], epsilon: 1e-6)
  },
  OperationCase("layer norm with GELU", [normal(3, 4, 21), normal(21), normal(21)]) {
    layerNorm($0[0], weight: $0[1], bias: $0[2], epsilon: 1e-5, gelu: true)
  },
  OperationCase("normalize", [normal(4, 6)]) { $0[0].normalized() },
  OperationCase("normalize, all shorter than epsilon", [normal(3, 4)]) { $0[0].normalized(epsilon: 100) },
  OperationCase("softmax", [normal(3, 4, 19)]) { softmax($0[0]) },
  OperationCase("softmax of one", [normal(3, 1)]) { softmax($0[0]) },
  OperationCase("log softmax", [normal(3, 21)]) { logSoftmax($0[0]) },
  OperationCase("attention", [normal(2, 5, 3, 4), normal(2, 5, 3, 4), normal(2, 5, 3, 4)]) {
    attention(query: $0[0], key: $0[1], value: $0[2], scale: 0.5)
  },
  OperationCase("attention, other keys", [normal(1, 3, 2, 6), normal(1, 7, 2, 6), normal(1, 7, 2, 6)]) {
    attention(query: $0[0], key: $0[1], value: $0[2], scale: 0.4)
  },
  OperationCase(
    "deformable attention", [normal(2, 12, 3, 4), normal(2, 7, 3, 1, 4, 2), normal(2, 7, 3, 1, 4)]
  ) {
    deformableAttention(
      value: $0[0], maps: [MapSize(height: 3, width: 4)], locations: 0.4 * $0[1] + 0.5, weights: $0[2])
  },
  OperationCase(
    "deformable attention, several maps", [normal(1, 23, 2, 5), normal(1, 6, 2, 3, 2, 2), normal(1, 6, 2, 3, 2)]
  ) {
    deformableAttention(
      value: $0[0],
      maps: [MapSize(height: 4, width: 5), MapSize(height: 1, width: 1), MapSize(height: 1, width: 2)],
      locations: 0.4 * $0[1] + 0.5, weights: $0[2])
  },
  OperationCase("rotary", [normal(2, 5, 3, 8), constant(4, 8), constant(4, 8)]) {
    rotary($0[0], cosine: $0[1], sine: $0[2], prefix: 1)
  },
]

private let shapes: [OperationCase] = [
  OperationCase("reshape", [normal(2, 6)]) { $0[0].reshaped([3, 4]) },
  OperationCase("permute, matrix", [normal(19, 35)]) { $0[0].permuted([1, 0]) },
  OperationCase("permute, to channels last", [normal(2, 3, 4, 5)]) { $0[0].permuted([0, 2, 3, 1]) },
  OperationCase("permute, any", [normal(2, 3, 4, 5, 2)]) { $0[0].permuted([3, 1, 4, 0, 2]) },
  OperationCase("permute, size one", [normal(1, 3, 1, 5)]) { $0[0].permuted([2, 3, 0, 1]) },
  OperationCase("concatenate, last", [normal(2, 3), normal(2, 1), normal(2, 4)]) { concatenate($0, axis: 1) },
  OperationCase("concatenate, first", [normal(2, 3), normal(1, 3)]) { concatenate($0, axis: 0) },
  OperationCase("slice, first", [normal(5, 3)]) { $0[0].sliced(axis: 0, 1..<4) },
  OperationCase("slice, middle", [normal(2, 6, 3)]) { $0[0].sliced(axis: 1, 2..<5) },
  OperationCase("slices that meet", [normal(2, 7)]) {
    $0[0].sliced(axis: 1, 0..<4) * $0[0].sliced(axis: 1, 3..<7)
  },
  OperationCase("gather", [normal(4, 3), ([6], .integers(below: 4, ignoring: false))]) { $0[0].gathered($0[1]) },
  OperationCase("sum of all", [normal(3, 4, 5)]) { $0[0].sum() },
  OperationCase("sum, trailing", [normal(3, 4, 5)]) { $0[0].sum(axes: [1, 2]) },
  OperationCase("sum, leading, kept", [normal(3, 4, 5)]) { $0[0].sum(axes: [0], keep: true) },
  OperationCase("sum, middle", [normal(3, 4, 5)]) { $0[0].sum(axes: [1]) },
  OperationCase("sum, per channel", [normal(3, 4, 5, 2)]) { $0[0].sum(axes: [0, 2, 3]) },
  OperationCase("mean", [normal(3, 4, 5)]) { $0[0].mean(axes: [0, 2]) },
]

private let losses: [OperationCase] = [
  OperationCase("cross-entropy", [normal(2, 4, 9, 8), ([2, 9, 8], .integers(below: 4, ignoring: false))]) {
    crossEntropy(logits: $0[0], labels: $0[1])
  },
  OperationCase("cross-entropy, some ignored", [normal(1, 3, 5, 5), ([1, 5, 5], .integers(below: 3, ignoring: true))]) {
    crossEntropy(logits: $0[0], labels: $0[1])
  },
  OperationCase("soft Dice over the batch", [normal(2, 4, 9, 8), ([2, 9, 8], .integers(below: 4, ignoring: false))]) {
    softDice(logits: $0[0], labels: $0[1])
  },
  OperationCase("soft Dice, some ignored", [normal(2, 3, 5, 5), ([2, 5, 5], .integers(below: 3, ignoring: true))]) {
    softDice(logits: $0[0], labels: $0[1], overBatch: false)
  },
  OperationCase("soft Dice, background too", [normal(2, 3, 5, 5), ([2, 5, 5], .integers(below: 3, ignoring: false))]) {
    softDice(logits: $0[0], labels: $0[1], overBatch: false, includeBackground: true, smooth: 1)
  },
  OperationCase(
    "binary cross-entropy of regions", [normal(2, 3, 9, 8), ([2, 9, 8], .integers(below: 4, ignoring: false))]
  ) { regionCrossEntropy(logits: $0[0], labels: $0[1], regions: kidneyRegions) },
  OperationCase(
    "binary cross-entropy of regions, some ignored",
    [normal(2, 3, 5, 5), ([2, 5, 5], .integers(below: 4, ignoring: true))]
  ) { regionCrossEntropy(logits: $0[0], labels: $0[1], regions: kidneyRegions, perPixel: true) },
  OperationCase(
    "binary cross-entropy of many regions", [normal(1, 35, 3, 5), ([1, 3, 5], .integers(below: 36, ignoring: false))]
  ) {
    regionCrossEntropy(
      logits: $0[0], labels: $0[1], regions: RegionTable(regions: (1..<36).map { Array($0..<36) }, labelCount: 36))
  },
  OperationCase("Dice of many regions", [normal(1, 35, 3, 5), ([1, 3, 5], .integers(below: 36, ignoring: true))]) {
    regionDice(
      logits: $0[0], labels: $0[1], regions: RegionTable(regions: (1..<36).map { Array($0..<36) }, labelCount: 36))
  },
  OperationCase(
    "Dice of regions over the batch", [normal(2, 3, 9, 8), ([2, 9, 8], .integers(below: 4, ignoring: false))]
  ) { regionDice(logits: $0[0], labels: $0[1], regions: kidneyRegions) },
  OperationCase(
    "Dice of regions, some ignored", [normal(2, 3, 5, 5), ([2, 5, 5], .integers(below: 4, ignoring: true))]
  ) { regionDice(logits: $0[0], labels: $0[1], regions: kidneyRegions, overBatch: false) },
]

/// KiTS23's: kidney and masses, masses, tumour.
private let kidneyRegions = RegionTable(regions: [[1, 2, 3], [2, 3], [2]], labelCount: 4)

/// What takes several operations.
private let compositions: [OperationCase] = [
  OperationCase("weight-normalised linear", [normal(3, 5), normal(7, 5)]) {
    linear($0[0].normalized(), weight: $0[1].normalized())
  },
  OperationCase("dropout", [normal(3, 4, 5)]) {
    $0[0].dropped(rate: 0.3, CounterRandom(seed: 1, purpose: "dropout"))
  },
  OperationCase("dropout of channels", [normal(2, 3, 4, 5)]) {
    $0[0].dropped(rate: 0.4, along: [1, 2], CounterRandom(seed: 1, purpose: "dropout"))
  },
]

/// Every operation, in the ways it is used.
package let operationCases =
  arithmetic + products + convolutions + pools + channelNorms + norms + shapes + losses
  + compositions
