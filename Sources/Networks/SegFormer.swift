import Tensors

/// SegFormer (Xie et al. 2021): a mix transformer and a decoder of linear maps alone. It has no pretrained part.
public final class SegFormer: SegmentationNetwork {
  public let configuration: SegFormerConfiguration
  private let encoder: MixTransformer
  private let decoder: SegFormerDecoder

  /// - Parameter classes: background included.
  public init(_ configuration: SegFormerConfiguration, classes: Int, _ initializer: Initializer) {
    if let problem = configuration.problem { preconditionFailure("a SegFormer cannot be built: \(problem)") }
    self.configuration = configuration
    encoder = MixTransformer(configuration, initializer)
    decoder = SegFormerDecoder("decoder", configuration, classes: classes, initializer)
  }

  public var inputMultiple: (height: Int, width: Int) { (4, 4) }

  public func logits(_ images: Tensor, _ context: ForwardContext) -> [Tensor] {
    [decoder(encoder(images, context), context)]
  }
}

/// Maps every stage's tokens linearly to one width, brings them to a quarter of the image's resolution, joins them by one more
/// linear map, batch normalisation and ReLU, and classifies every pixel; then enlarges the logits.
struct SegFormerDecoder: Module {
  private let projections: [Linear]
  /// `[width, 4 · width]`, the last stage's columns first.
  private let fusion: Parameter
  private let norm: BatchNormalization
  private let dropout: ChannelDropout
  private let classifier: Linear
  /// `[classes, classes, 4, 4]` and `[classes]`; nil where interpolation does it.
  private let upsample: TransposedConvolutionBlock?
  private let width: Int

  init(_ name: String, _ configuration: SegFormerConfiguration, classes: Int, _ initializer: Initializer) {
    width = configuration.decoderWidth
    projections = configuration.widths.enumerated().map { stage, inputs in
      Linear(
        "\(name).projections.\(stage)", inputs: inputs, outputs: configuration.decoderWidth,
        weights: configuration.weights, initializer)
    }
    fusion = initializer.weight("\(name).fusion.weight", [width, 4 * width], configuration.weights)
    norm = BatchNormalization("\(name).norm", channels: width, initializer)
    dropout = ChannelDropout(rate: configuration.dropout)
    classifier = Linear(
      "\(name).classifier", inputs: width, outputs: classes, weights: configuration.weights, initializer)
    // PyTorch's own distribution, which the published code leaves: the fan-in counted over the outputs.
    let bound = (1 / Double(classes * 16)).squareRoot()
    upsample =
      configuration.upsampling == .bilinear
      ? nil
      : TransposedConvolutionBlock(
        weight: initializer.uniform("\(name).upsample.weight", [classes, classes, 4, 4], bound: bound),
        bias: initializer.uniform("\(name).upsample.bias", [classes], bound: bound, decays: false)
      )
  }

  /// The stages' tokens `[N, h, w, width]` → logits `[N, classes, 4 h, 4 w]` for the h and w of the first.
  func callAsFunction(_ stages: [Tensor], _ context: ForwardContext) -> Tensor {
    let (height, width) = (stages[0].shape[1], stages[0].shape[2])
    // The linear map of the joined stages is the sum of each stage's share of it, and interpolation and linear maps of channels
    // may change places: the shares are computed where the tokens are few.
    let shares = zip(stages, projections).enumerated().map { stage, part in
      let columns = (stages.count - 1 - stage) * self.width
      let share = self.share(
        of: part.0, part.1, fusion: fusion.value.sliced(axis: 1, columns..<(columns + self.width)))
      return stage == 0 ? share : share.resized(height: height, width: width, layout: .channelsLast)
    }
    let joined = shares.dropFirst().reduce(shares[0], +)
    let logits = classifier(dropout(norm(joined, context, slope: 0), context))
    guard let upsample else {
      return logits.permuted([0, 3, 1, 2]).resized(height: 4 * height, width: 4 * width)
    }
    return upsample(logits).permuted([0, 3, 1, 2])
  }

  /// F (P x + b) for a stage's tokens x, its projection and its columns F of the fusion: as one linear map (F P) x + F b where
  /// the tokens are more than their channels, so that this takes less.
  private func share(of tokens: Tensor, _ projection: Linear, fusion: Tensor) -> Tensor {
    let inputs = tokens.shape[3]
    guard let bias = projection.bias, tokens.count / inputs > inputs else {
      return linear(projection(tokens), weight: fusion)
    }
    return linear(
      tokens, weight: matrixProduct(fusion, projection.weight.value),
      bias: linear(bias.value.reshaped([1, width]), weight: fusion).reshaped([width]))
  }
}
