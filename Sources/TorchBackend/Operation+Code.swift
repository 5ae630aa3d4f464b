import CTorchPlugin
import Tensors

/// An operation as the plugin reads it.
struct OperationCode {
  let kind: segtorch_kind
  var integers: [Int64] = []
  var reals: [Double] = []

  init(_ kind: segtorch_kind, _ integers: [Int] = [], _ reals: [Double] = []) {
    (self.kind, self.integers, self.reals) = (kind, integers.map(Int64.init), reals)
  }

  /// Lends it to a function of the plugin.
  func withOperation<Result>(
    inputs: segtorch_inputs = segtorch_as_given, _ body: (UnsafePointer<segtorch_operation>) throws -> Result
  ) rethrows -> Result {
    try integers.withUnsafeBufferPointer { integers in
      try reals.withUnsafeBufferPointer { reals in
        var operation = segtorch_operation(
          kind: Int32(kind.rawValue), inputs: Int32(inputs.rawValue), integer_count: Int32(integers.count),
          real_count: Int32(reals.count),
          integers: integers.baseAddress, reals: reals.baseAddress)
        return try withUnsafePointer(to: &operation, body)
      }
    }
  }
}

private func flag(_ value: Bool) -> Int { value ? 1 : 0 }

extension Operation {
  var code: OperationCode {
    switch self {
    case .add: OperationCode(segtorch_add)
    case .subtract: OperationCode(segtorch_subtract)
    case .multiply: OperationCode(segtorch_multiply)
    case .divide: OperationCode(segtorch_divide)
    case .affine(let scale, let shift): OperationCode(segtorch_affine, [], [scale, shift])
    case .activation(let activation):
      OperationCode(segtorch_activation, [Int(activation.code.rawValue)], [activation.slope])
    case .residual(let hasScale, let hasKeep): OperationCode(segtorch_residual, [flag(hasScale), flag(hasKeep)])
    case .matrixProduct(let transposeA, let transposeB):
      OperationCode(segtorch_matrix_product, [flag(transposeA), flag(transposeB)])
    case .linear(let hasBias, let gelu): OperationCode(segtorch_linear, [flag(hasBias), flag(gelu)])
    case .convolution(let attributes, let hasBias):
      OperationCode(segtorch_convolution, attributes.integers(hasBias: hasBias))
    case .transposedConvolution(let attributes, let hasBias):
      OperationCode(segtorch_transposed_convolution, attributes.integers(hasBias: hasBias))
    case .layerNorm(let epsilon, let gelu): OperationCode(segtorch_layer_norm, [flag(gelu)], [epsilon])
    case .groupNorm(let groups, let epsilon, let slope, let layout):
      OperationCode(segtorch_group_norm, [groups, layout.code], [epsilon, slope])
    case .batchNorm(let epsilon, let slope, let layout):
      OperationCode(segtorch_batch_norm, [layout.code], [epsilon, slope])
    case .fixedNorm(let epsilon, let slope, let layout):
      OperationCode(segtorch_fixed_norm, [layout.code], [epsilon, slope])
    case .normalize(let epsilon): OperationCode(segtorch_normalize, [], [epsilon])
    case .softmax: OperationCode(segtorch_softmax)
    case .logSoftmax: OperationCode(segtorch_log_softmax)
    case .attention(let scale): OperationCode(segtorch_attention, [], [scale])
    case .rotary(let prefix): OperationCode(segtorch_rotary, [prefix])
    case .deformableAttention(let maps):
      OperationCode(segtorch_deformable_attention, maps.flatMap { [$0.height, $0.width] })
    case .reshape(let shape): OperationCode(segtorch_reshape, shape)
    case .permute(let axes): OperationCode(segtorch_permute, axes)
    case .concatenate(let axis): OperationCode(segtorch_concatenate, [axis])
    case .slice(let axis, let start, let count): OperationCode(segtorch_slice, [axis, start, count])
    case .resize(let height, let width, let mode, let layout):
      OperationCode(segtorch_resize, [height, width, Int(mode.code.rawValue), layout.code])
    case .maxPool(let attributes):
      OperationCode(
        segtorch_max_pool,
        [
          attributes.kernel.0, attributes.kernel.1, attributes.stride.0, attributes.stride.1, attributes.padding.0,
          attributes.padding.1,
        ])
    case .gather: OperationCode(segtorch_gather)
    case .sum(let axes, let keep): OperationCode(segtorch_sum, [flag(keep)] + axes)
    case .crossEntropy: OperationCode(segtorch_cross_entropy)
    case .softDice(let overBatch, let includeBackground, let smooth):
      OperationCode(segtorch_soft_dice, [flag(overBatch), flag(includeBackground)], [smooth])
    case .regionCrossEntropy(let regions, let perPixel):
      OperationCode(segtorch_region_cross_entropy, [flag(perPixel)] + regions.integers)
    case .regionDice(let regions, let overBatch, let smooth):
      OperationCode(segtorch_region_dice, [flag(overBatch)] + regions.integers, [smooth])
    }
  }
}

extension RegionTable {
  /// How many labels and regions there are, and for each label whether it is in each region.
  var integers: [Int] {
    [labelCount, regions.count]
      + (0..<labelCount).flatMap { label in regions.indices.map { flag(contains(label: label, region: $0)) } }
  }
}

extension ConvolutionAttributes {
  fileprivate func integers(hasBias: Bool) -> [Int] {
    [
      stride.0, stride.1, padding.0, padding.1, dilation.0, dilation.1, groups, layout.code, flag(hasBias),
    ]
  }
}

extension DataLayout {
  fileprivate var code: Int {
    switch self {
    case .channelsFirst: Int(segtorch_channels_first.rawValue)
    case .channelsLast: Int(segtorch_channels_last.rawValue)
    }
  }
}

extension ResizeMode {
  fileprivate var code: segtorch_mode {
    switch self {
    case .nearest: segtorch_nearest
    case .bilinear: segtorch_bilinear
    case .bilinearAntialiased: segtorch_bilinear_antialiased
    case .bicubic: segtorch_bicubic
    case .bicubicAntialiased: segtorch_bicubic_antialiased
    }
  }
}

extension Activation {
  fileprivate var code: segtorch_function {
    switch self {
    case .gelu: segtorch_gelu
    case .relu: segtorch_relu
    case .leakyRelu: segtorch_leaky_relu
    case .sigmoid: segtorch_sigmoid
    case .logarithm: segtorch_logarithm
    case .squareRoot: segtorch_square_root
    }
  }

  fileprivate var slope: Double {
    if case .leakyRelu(let slope) = self { slope } else { 0 }
  }
}
