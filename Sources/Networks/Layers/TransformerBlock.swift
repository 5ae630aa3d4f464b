import Tensors

/// x + s₁ · attention(norm₁(x)), then x + s₂ · mlp(norm₂(x)): a pre-norm block with LayerScale (Touvron et al. 2021) and
/// DropPath on both branches.
struct TransformerBlock: Module {
  let norm1: LayerNorm
  let attention: SelfAttention
  /// LayerScale's factor for each channel; nil without LayerScale.
  let scale1: Parameter?
  let norm2: LayerNorm
  let mlp: MLP
  let scale2: Parameter?
  private let index: Int
  private let dropPath: DropPath

  init(_ name: String, index: Int, _ configuration: VisionTransformerConfiguration, _ initializer: Initializer) {
    let width = configuration.width
    norm1 = LayerNorm("\(name).norm1", width: width, epsilon: configuration.normEpsilon, initializer)
    attention = SelfAttention(
      "\(name).attention", width: width, heads: configuration.heads, bias: configuration.attentionBias, initializer)
    scale1 = configuration.layerScale.map { initializer.scale("\(name).scale1", width, $0) }
    norm2 = LayerNorm("\(name).norm2", width: width, epsilon: configuration.normEpsilon, initializer)
    mlp = MLP("\(name).mlp", width: width, hidden: configuration.hiddenWidth, initializer)
    scale2 = configuration.layerScale.map { initializer.scale("\(name).scale2", width, $0) }
    self.index = index
    dropPath = configuration.dropPath
  }

  /// tokens `[N, prefix + L, width]` → the same shape.
  func callAsFunction(
    _ x: Tensor, cosine: Tensor, sine: Tensor, prefix: Int, _ context: ForwardContext
  ) -> Tensor {
    func keep(_ branch: Int) -> Tensor? {
      dropPath.keep(
        x.shape[0], x.elementType, context.random(for: "drop path", index: 2 * index + branch), share: context.share)
    }
    let attended = residual(
      x, attention(norm1(x), cosine: cosine, sine: sine, prefix: prefix), scale: scale1?.value, keep: keep(0))
    return residual(attended, mlp(norm2(attended)), scale: scale2?.value, keep: keep(1))
  }
}
