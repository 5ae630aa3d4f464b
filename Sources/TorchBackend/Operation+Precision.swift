import CTorchPlugin
import Tensors

extension Operation {
  /// The policy of mixed precision, in this one place: what an operation's inputs are converted to.
  func inputs(in precision: ComputePrecision) -> segtorch_inputs {
    guard precision == .bf16 else { return segtorch_as_given }
    switch self {
    // Products of many terms each, for which GPUs have units of their own. Their sums are float32 inside.
    case .linear, .matrixProduct, .convolution, .transposedConvolution, .attention: return segtorch_bfloat16
    // Sums over many elements, exponentials, and what is small in bfloat16's three digits.
    case .layerNorm, .groupNorm, .batchNorm, .fixedNorm, .normalize, .softmax, .logSoftmax, .sum,
      .deformableAttention, .crossEntropy, .softDice, .regionCrossEntropy, .regionDice,
      .activation(.logarithm), .activation(.squareRoot), .divide, .resize:
      return segtorch_single
    // The rest in what comes; of both, the wider.
    case .add, .subtract, .multiply, .affine, .activation, .residual, .rotary, .reshape, .permute, .concatenate, .slice,
      .maxPool, .gather:
      return segtorch_as_given
    }
  }
}
