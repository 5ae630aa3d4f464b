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

extension Tensor {
  /// The same shape, type and node without the elements.
  var withoutElements: Tensor {
    var copy = Tensor(sharing: .empty(on: device), offset: 0, shape: shape, elementType)
    copy.node = node
    return copy
  }
}
