import Tensors

/// DINO U-Net (Gao et al. 2025): a frozen DINOv3 transformer, an adapter that makes a pyramid of features of its tokens and of the
/// image, a projection to a U-Net's widths, learned doublings of the resolution, and nnU-Net's decoder.
///
/// Nothing is recorded of the transformer: it costs a forward pass and no more.
public final class DINOUNet: SegmentationNetwork {
  public let configuration: DINOUNetConfiguration
  public let encoder: VisionTransformer
  public let parameters: [Parameter]
  private let adapter: DINOUNetAdapter
  private let projection: FeatureProjection
  /// For each resolution, one 2 x 2 transposed convolution, passed twice.
  private let enlargements: [TransposedConvolutionBlock]
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
    enlargements = configuration.widths.enumerated().map { level, width in
      TransposedConvolutionBlock("enlargements.\(level)", inputs: width, outputs: width, initializer)
    }
    decoder = SkipDecoder(
      "decoder", widths: configuration.widths, convolutions: configuration.convolutions, classes: classes, initializer)
    parameters =
      encoder.parameters + adapter.parameters + projection.parameters + enlargements.flatMap(\.parameters)
      + decoder.parameters
    for parameter in encoder.parameters { parameter.isTrainable = false }
  }

  /// Draws the encoder's patch embedding anew, its bias 0. The published code does so after loading the pretrained weights: its
  /// initialisation of the decoder walks into the encoder, which the decoder holds, and redraws every convolution there.
  public func redrawPatchEmbedding(_ initializer: Initializer) {
    for parameter in encoder.parameters {
      switch parameter.name {
      case "encoder.patchEmbedding.weight":
        let inputs = parameter.shape.dropFirst().reduce(1, *)
        parameter.set(initializer.he("redrawn \(parameter.name)", parameter.shape, fanIn: inputs, slope: 0.01).value)
      case "encoder.patchEmbedding.bias": parameter.set(Tensor(zeros: parameter.shape))
      default: break
      }
    }
  }

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
    let skips = zip(features, enlargements).map { $1($1($0)) }
    return [decoder(skips)]
  }
}
