import Tensors

/// nnU-Net's decoder (Isensee et al. 2021) on features of four resolutions, each half the one before: from the coarsest up, every
/// stage doubles the resolution, joins the features that skipped it and convolves; then every pixel is classified.
struct SkipDecoder: Module {
  private let upsamples: [TransposedConvolutionBlock]
  private let stages: [[ConvolutionBlock]]
  private let classifier: ImageConvolution

  /// - Parameters:
  ///   - widths: the features' channels, the finest first.
  ///   - convolutions: in each stage.
  init(_ name: String, widths: [Int], convolutions: Int, classes: Int, _ initializer: Initializer) {
    let coarsestFirst = Array(widths.reversed())
    let pairs = Array(zip(coarsestFirst, coarsestFirst.dropFirst()))
    upsamples = pairs.enumerated().map { stage, pair in
      TransposedConvolutionBlock("\(name).upsamples.\(stage)", inputs: pair.0, outputs: pair.1, initializer)
    }
    stages = pairs.enumerated().map { stage, pair in
      (0..<convolutions).map { index in
        ConvolutionBlock(
          "\(name).stages.\(stage).\(index)", inputs: index == 0 ? 2 * pair.1 : pair.1, outputs: pair.1,
          kernel: [3, 3], initializer)
      }
    }
    classifier = ImageConvolution("\(name).classifier", inputs: widths[0], outputs: classes, initializer)
  }

  /// Features `[N, h, w, width]`, the finest first → logits `[N, classes, H, W]`.
  func callAsFunction(_ features: [Tensor]) -> Tensor {
    var x = features[features.count - 1]
    for (stage, skip) in features.dropLast().reversed().enumerated() {
      let before = x
      x = Tape.recomputable {
        stages[stage].reduce(concatenate([upsamples[stage](before), skip], axis: 3)) { $1($0) }
      }
    }
    return classifier(x).permuted([0, 3, 1, 2])
  }
}
