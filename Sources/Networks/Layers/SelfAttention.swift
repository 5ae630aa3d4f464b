import Tensors

/// Which of the projections before the attention have a bias.
public enum AttentionBias: String, Sendable, CaseIterable {
  case none
  /// Query, key and value.
  case all
  /// All but the key: DINOv3's masked key bias.
  case queryAndValue
}

/// Multi-head self-attention: softmax(q kᵀ / √D) v for each head of width D, q and k rotated by their positions.
struct SelfAttention: Module {
  let query: Linear
  let key: Linear
  let value: Linear
  let output: Linear
  private let heads: Int

  init(_ name: String, width: Int, heads: Int, bias: AttentionBias, _ initializer: Initializer) {
    precondition(width % heads == 0, "a width of \(width) does not divide into \(heads) heads")
    func projection(_ part: String, _ bias: Bool) -> Linear {
      Linear("\(name).\(part)", inputs: width, outputs: width, bias: bias, initializer)
    }
    query = projection("query", bias != .none)
    key = projection("key", bias == .all)
    value = projection("value", bias != .none)
    output = projection("output", true)
    self.heads = heads
  }

  /// x `[N, prefix + L, width]` → the same shape; cosine and sine `[L, headWidth]` turn all but the first `prefix` tokens.
  func callAsFunction(_ x: Tensor, cosine: Tensor, sine: Tensor, prefix: Int) -> Tensor {
    let (count, length, width) = (x.shape[0], x.shape[1], x.shape[2])
    let headWidth = width / heads
    func split(_ tokens: Tensor) -> Tensor { tokens.reshaped([count, length, heads, headWidth]) }
    let attended = attention(
      query: rotary(split(query(x)), cosine: cosine, sine: sine, prefix: prefix),
      key: rotary(split(key(x)), cosine: cosine, sine: sine, prefix: prefix),
      value: split(value(x)), scale: 1 / Double(headWidth).squareRoot())
    return output(attended.reshaped([count, length, width]))
  }
}
