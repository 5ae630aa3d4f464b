import Tensors

/// DINO U-Net (Gao et al. 2025): a frozen DINOv3 transformer, an adapter that makes a pyramid of features of its tokens and of the
/// image, a projection to a U-Net's widths, transposed convolutions that double the resolution, and nnU-Net's decoder.
///
/// Nothing is recorded of the transformer: it costs a forward pass and no more.
public final class DINOUNet: SegmentationNetwork {
  public let configuration: DINOUNetConfiguration
  public let encoder: VisionTransformer
  private let adapter: DINOUNetAdapter
  private let projection: FeatureProjection
  /// For each resolution, one 2 x 2 transposed convolution, passed twice.
  private let upsamples: [TransposedConvolutionBlock]
  private let decoder: SkipDecoder

  /// - Parameter classes: background included.
  public init(_ configuration: DINOUNetConfiguration, classes: Int, _ initializer: Initializer) {
    if let problem = configuration.problem { preconditionFailure("a DINO U-Net cannot be built: \(problem)") }
    self.configuration = configuration
    encoder = VisionTransformer(configuration.encoder, initializer)
    adapter = DINOUNetAdapter("adapter", configuration, initializer)
    projection = FeatureProjection(
      "projection", inputs: configuration.encoder.width, rank: configuration.rank, widths: configuration.widths,
      initializer)
    upsamples = configuration.widths.enumerated().map { level, width in
      TransposedConvolutionBlock("upsamples.\(level)", inputs: width, outputs: width, initializer)
    }
    decoder = SkipDecoder(
      "decoder", widths: configuration.widths, convolutions: configuration.convolutions, classes: classes, initializer)
    encoder.setTrainable(false)
  }

  /// Draws the encoder's patch embedding anew, its bias 0. The published code does so after loading the pretrained weights: its
  /// initialisation of the decoder walks into the encoder, which the decoder holds, and redraws every convolution there.
  public func redrawPatchEmbedding(_ initializer: Initializer) {
    let (weight, bias) = (encoder.patchEmbedding.weight, encoder.patchEmbedding.bias)
    let inputs = weight.shape.dropFirst().reduce(1, *)
    weight.set(initializer.he("redrawn \(weight.name)", weight.shape, fanIn: inputs, slope: 0.01).value)
    bias.set(Tensor(zeros: bias.shape))
  }

  public var encoderParameters: [Parameter] { encoder.parameters }

  public var inputMultiple: (height: Int, width: Int) {
    // The coarsest features lie at a thirty-second of the resolution.
    let patch = configuration.encoder.patch
    var multiple = 32
    while multiple % patch != 0 { multiple += 32 }
    return (multiple, multiple)
  }

  public func logits(_ images: Tensor, _ context: ForwardContext) -> [Tensor] {
    let patch = configuration.encoder.patch
    let map = MapSize(height: images.shape[2] / patch, width: images.shape[3] / patch)
    // The published code leaves the frozen encoder in training mode: what its configuration draws there is drawn here.
    let tokens = Tape.withoutRecording { encoder(images, blocks: configuration.blocks, context).map(\.patches) }
    let features = projection(adapter(images, tokens: tokens, map: map, context))
    let skips = zip(features, upsamples).map { $1($1($0)) }
    return [decoder(skips)]
  }
}
