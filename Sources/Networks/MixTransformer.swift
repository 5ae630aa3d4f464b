import Tensors

/// SegFormer's encoder (Xie et al. 2021), a hierarchical transformer: each of four stages embeds overlapping windows of what
/// came before, at a quarter, an eighth, a sixteenth and a thirty-second of the image's resolution, and passes the tokens
/// through pre-norm blocks of reduced attention and mixing feed-forward networks.
struct MixTransformer: Module {
  private struct Block: Module {
    let norm1: LayerNorm
    let attention: ReducedAttention
    let norm2: LayerNorm
    let feedForward: MixFeedForward
    let dropPath: DropPath

    /// - Parameter place: of the first branch's DropPath among all.
    func callAsFunction(_ x: Tensor, place: Int, _ context: ForwardContext) -> Tensor {
      func keep(_ branch: Int) -> Tensor? {
        dropPath.keep(x.shape[0], x.elementType, context.random(for: "drop path", index: place + branch))
      }
      let attended = residual(x, attention(norm1(x)), keep: keep(0))
      return residual(attended, feedForward(norm2(attended)), keep: keep(1))
    }
  }
  private struct Stage: Module {
    let embedding: OverlapPatchEmbedding
    let blocks: [Block]
    let norm: LayerNorm
  }
  private let stages: [Stage]

  init(_ configuration: SegFormerConfiguration, _ initializer: Initializer) {
    let total = configuration.depths.reduce(0, +)
    var index = 0
    stages = configuration.widths.indices.map { stage in
      let (name, width) = ("stages.\(stage)", configuration.widths[stage])
      let blocks = (0..<configuration.depths[stage]).map { block in
        defer { index += 1 }
        let name = "\(name).blocks.\(block)"
        return Block(
          norm1: LayerNorm("\(name).norm1", width: width, epsilon: 1e-5, initializer),
          attention: ReducedAttention(
            "\(name).attention", width: width, heads: configuration.heads[stage],
            reduction: configuration.reductions[stage],
            weights: configuration.weights, initializer),
          norm2: LayerNorm("\(name).norm2", width: width, epsilon: 1e-5, initializer),
          feedForward: MixFeedForward(
            "\(name).feedForward", width: width, hidden: 4 * width, skip: configuration.skipsMixing,
            weights: configuration.weights,
            initializer),
          // Rises from none at the first block to the whole rate at the last.
          dropPath: DropPath(rate: configuration.dropPath * Double(index) / Double(max(1, total - 1))))
      }
      return Stage(
        embedding: OverlapPatchEmbedding(
          "\(name).embedding", channels: stage == 0 ? configuration.channels : configuration.widths[stage - 1],
          width: width,
          kernel: stage == 0 ? 7 : 3, stride: stage == 0 ? 4 : 2, weights: configuration.weights, initializer),
        blocks: blocks, norm: LayerNorm("\(name).norm", width: width, epsilon: 1e-5, initializer))
    }
  }

  /// images `[N, 1 or channels, H, W]` → the tokens after each stage, `[N, H / 4, W / 4, width]` and so on.
  func callAsFunction(_ images: Tensor, _ context: ForwardContext) -> [Tensor] {
    var image = channelsLast(images)
    var index = 0
    return stages.map { stage in
      var x = stage.embedding(image)
      for block in stage.blocks {
        let (before, place) = (x, 2 * index)
        x = Tape.recomputable { block(before, place: place, context) }
        index += 1
      }
      image = stage.norm(x)
      return image
    }
  }
}
