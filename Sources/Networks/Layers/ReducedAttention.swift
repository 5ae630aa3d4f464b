import Tensors

/// Multi-head self-attention whose keys and values are windows of R x R tokens, mapped linearly to one each and normalised
/// (Xie et al. 2021, sequence reduction): its cost falls by R².
struct ReducedAttention: Module {
  let query: Linear
  let key: Linear
  let value: Linear
  let output: Linear
  private let heads: Int

  private struct Reduction: Module {
    /// `[width, width, R, R]`
    let weight: Parameter
    /// `[width]`
    let bias: Parameter
    let norm: LayerNorm
  }
  /// nil where every token is a key.
  private let reduction: Reduction?

  init(
    _ name: String, width: Int, heads: Int, reduction: Int, weights: WeightDistribution, _ initializer: Initializer
  ) {
    precondition(width % heads == 0, "a width of \(width) does not divide into \(heads) heads")
    func projection(_ part: String) -> Linear {
      Linear("\(name).\(part)", inputs: width, outputs: width, weights: weights, initializer)
    }
    query = projection("query")
    key = projection("key")
    value = projection("value")
    output = projection("output")
    self.heads = heads
    self.reduction =
      reduction == 1
      ? nil
      : Reduction(
        weight: initializer.weight("\(name).reduction.weight", [width, width, reduction, reduction], weights),
        bias: initializer.bias("\(name).reduction.bias", [width]),
        norm: LayerNorm("\(name).reduction.norm", width: width, epsilon: 1e-5, initializer))
  }

  /// x `[N, H, W, width]` → the same shape.
  func callAsFunction(_ x: Tensor) -> Tensor {
    let (count, width) = (x.shape[0], x.shape[3])
    let source = reduction.map { reduce(x, $0) } ?? x
    func split(_ tokens: Tensor) -> Tensor {
      tokens.reshaped([count, tokens.shape[1] * tokens.shape[2], heads, width / heads])
    }
    let attended = attention(
      query: split(query(x)), key: split(key(source)), value: split(value(source)),
      scale: 1 / Double(width / heads).squareRoot())
    return output(attended.reshaped(x.shape))
  }

  /// Whole windows only: rows and columns that fill none are left out.
  private func reduce(_ x: Tensor, _ reduction: Reduction) -> Tensor {
    let size = reduction.weight.shape[2]
    var whole = x
    for axis in [1, 2] where x.shape[axis] % size != 0 {
      whole = whole.sliced(axis: axis, 0..<(x.shape[axis] / size * size))
    }
    return reduction.norm(
      convolution(
        whole, weight: reduction.weight.value, bias: reduction.bias.value,
        .init(stride: (size, size), layout: .channelsLast)))
  }
}
