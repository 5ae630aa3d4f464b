import Tensors

/// What a block of a vision transformer hands on, through the final norm.
public struct BlockTokens: Sendable {
  /// `[N, rows · columns, width]`, row by row.
  public let patches: Tensor
  /// `[N, width]`
  public let classToken: Tensor
}

/// Patches whose content the network does not see: a learned token stands in for it (masked image modelling).
public struct MaskedPatches: Sendable {
  /// float32 `[N, rows · columns, 1]`: 1 for a masked patch, 0 for another.
  public let mask: Tensor
  /// `[1, 1, width]`
  public let token: Tensor

  public init(mask: Tensor, token: Tensor) {
    self.mask = mask
    self.token = token
  }
}

/// DINOv3's vision transformer (Dosovitskiy et al. 2021; Siméoni et al. 2025): a class token, storage tokens and one token
/// for each patch go through pre-norm blocks whose attention knows positions by rotary embedding alone, so that an image
/// may have any size that is a multiple of the patch's.
public final class VisionTransformer: Module {
  public let configuration: VisionTransformerConfiguration
  /// `[1, 1, width]`
  private let classToken: Parameter
  /// `[1, storageTokens, width]`
  private let storageTokens: Parameter?
  let patchEmbedding: PatchEmbedding
  private let blocks: [TransformerBlock]
  private let norm: LayerNorm
  private let rotary: RotaryEmbedding

  /// - Parameter name: what the parameters' names begin with.
  public init(
    _ configuration: VisionTransformerConfiguration, name: String = "encoder", _ initializer: Initializer
  ) {
    if let problem = configuration.problem { preconditionFailure("a vision transformer cannot be built: \(problem)") }
    self.configuration = configuration
    let width = configuration.width
    classToken = initializer.normal("\(name).classToken", [1, 1, width], deviation: 0.02)
    storageTokens =
      configuration.storageTokens == 0
      ? nil : initializer.normal("\(name).storageTokens", [1, configuration.storageTokens, width], deviation: 0.02)
    patchEmbedding = PatchEmbedding(
      "\(name).patchEmbedding", channels: configuration.channels, patch: configuration.patch, width: width, initializer)
    blocks = (0..<configuration.depth).map {
      TransformerBlock("\(name).blocks.\($0)", index: $0, configuration, initializer)
    }
    norm = LayerNorm("\(name).norm", width: width, epsilon: configuration.normEpsilon, initializer)
    rotary = RotaryEmbedding(headWidth: width / configuration.heads, base: configuration.rotaryBase)
  }

  /// The parameters by depth, for a decay of the learning rate from layer to layer: the embeddings, then each block, then the
  /// final norm.
  package var layers: [[Parameter]] {
    [[classToken] + [storageTokens].compactMap { $0 } + patchEmbedding.parameters] + blocks.map(\.parameters)
      + [norm.parameters]
  }

  /// Those of the patch embedding.
  package var patchEmbeddingParameters: [Parameter] { patchEmbedding.parameters }

  /// The rotary embedding's periods, which published checkpoints carry.
  var rotaryPeriods: [Double] { rotary.periods }

  /// The tokens after each of the blocks asked for, each through the final norm.
  /// - Parameters:
  ///   - images: `[N, 1 or channels, H, W]`, H and W multiples of the patch size.
  ///   - wanted: blocks' indices from 0, ascending; the last block when nil.
  ///   - masked: patches to hide, if any.
  ///   - context: in training, images skip branches (`dropPath`) and every block sees positions of its own
  ///     (`rotaryAugmentation`).
  public func callAsFunction(
    _ images: Tensor, blocks wanted: [Int]? = nil, masked: MaskedPatches? = nil, _ context: ForwardContext
  ) -> [BlockTokens] {
    let wanted = wanted ?? [blocks.count - 1]
    precondition(
      !wanted.isEmpty && zip(wanted, wanted.dropFirst()).allSatisfy(<) && wanted[0] >= 0 && wanted.last! < blocks.count,
      "blocks \(wanted) of \(blocks.count)")
    let count = images.shape[0]
    var patches = patchEmbedding(images)
    if let masked { patches = patches * (-masked.mask + 1) + masked.mask * masked.token }
    let prefixTokens = [classToken.value] + [storageTokens?.value].compactMap { $0 }
    let prefix = 1 + configuration.storageTokens
    let first = prefixTokens.count == 1 ? prefixTokens[0] : concatenate(prefixTokens, axis: 1)
    let repeated = first + Tensor(zeros: [count, 1, 1], first.elementType)
    var tokens = concatenate([repeated, patches], axis: 1)
    let grid = (rows: images.shape[2] / configuration.patch, columns: images.shape[3] / configuration.patch)
    let elementType = tokens.elementType
    let still = rotary.tables(rows: grid.rows, columns: grid.columns, elementType)
    var results: [BlockTokens] = []
    for (index, block) in blocks.enumerated().prefix(wanted.last! + 1) {
      let before = tokens
      let change = configuration.rotaryAugmentation.draw(context.random(for: "rotary augmentation", index: index))
      let (cosine, sine) =
        change.map { rotary.tables(rows: grid.rows, columns: grid.columns, change: $0, elementType) } ?? still
      tokens = Tape.recomputable { block(before, cosine: cosine, sine: sine, prefix: prefix, context) }
      if wanted.contains(index) {
        let normed = norm(tokens)
        results.append(
          BlockTokens(
            patches: normed.sliced(axis: 1, prefix..<tokens.shape[1]),
            classToken: normed.sliced(axis: 1, 0..<1).reshaped([count, configuration.width])))
      }
    }
    return results
  }
}
