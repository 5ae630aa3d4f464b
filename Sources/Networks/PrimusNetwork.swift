import Tensors

/// MedDINOv3's segmentation network: a DINOv3 vision transformer and the Primus decoder on the patch tokens of one or
/// several of its blocks, joined along the channels (multi-scale token aggregation).
public final class PrimusNetwork: SegmentationNetwork {
  public let encoder: VisionTransformer
  /// The blocks whose patch tokens the decoder takes, from 0.
  public let blocks: [Int]
  public let classes: Int
  private let decoder: PrimusDecoder

  /// - Parameters:
  ///   - blocks: ascending, from 0; the last block alone when nil.
  ///   - classes: background included.
  public init(
    _ configuration: VisionTransformerConfiguration, blocks: [Int]? = nil, classes: Int, _ initializer: Initializer
  ) {
    let blocks = blocks ?? [configuration.depth - 1]
    self.blocks = blocks
    self.classes = classes
    encoder = VisionTransformer(configuration, initializer)
    decoder = PrimusDecoder(
      "decoder", width: configuration.width * blocks.count, patch: configuration.patch, classes: classes, initializer)
  }

  public var encoderParameters: [Parameter] { encoder.parameters }

  public var inputMultiple: (height: Int, width: Int) { (encoder.configuration.patch, encoder.configuration.patch) }

  public var weightMetadata: [String: String] { encoder.configuration.metadata }

  public func logits(_ images: Tensor, _ context: ForwardContext) -> [Tensor] {
    let tokens = encoder(images, blocks: blocks, context).map(\.patches)
    let patch = encoder.configuration.patch
    let joined = tokens.count == 1 ? tokens[0] : concatenate(tokens, axis: 2)
    return [
      decoder(joined.reshaped([images.shape[0], images.shape[2] / patch, images.shape[3] / patch, joined.shape[2]]))
    ]
  }
}
