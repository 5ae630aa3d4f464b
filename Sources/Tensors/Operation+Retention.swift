extension Operation {
  /// Which inputs' elements the vector-Jacobian product reads, and whether it reads the outputs'; of the others the tape keeps
  /// no more than the shape. nil: all of them.
  var retention: (inputs: Set<Int>, outputs: Bool)? {
    switch self {
    case .add, .subtract, .affine, .reshape, .permute, .concatenate, .slice, .resize, .sum: ([], false)
    case .multiply: ([0, 1], false)
    case .divide: ([1], true)
    case .activation(.sigmoid), .activation(.exponential), .activation(.squareRoot): ([], true)
    case .activation: ([0], false)
    // The branch only for the gradient by its scale.
    case .residual(let hasScale, let hasKeep): (hasScale ? [1, 2, 3] : hasKeep ? [2] : [], false)
    case .linear, .matrixProduct, .convolution, .transposedConvolution: ([0, 1], false)
    case .layerNorm(_, let gelu): (gelu ? [0, 1, 2] : [0, 1], false)
    case .channelLayerNorm: ([0, 1], false)
    case .normalize, .softmax, .logSoftmax: ([], true)
    case .attention: ([0, 1, 2], true)
    case .rotary: ([1, 2], false)
    case .gather: ([1], false)
    default: nil
    }
  }
}

extension Tensor {
  /// The same shape, type and node without the elements.
  var hollow: Tensor {
    var copy = Tensor(sharing: Storage.empty, offset: 0, shape: shape, elementType)
    copy.node = node
    return copy
  }
}

extension Storage {
  /// Nothing; where a hollow tensor points.
  fileprivate static let empty = Storage(byteCount: 0)
}
