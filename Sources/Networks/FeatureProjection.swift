import Tensors

/// DINO U-Net's projection of high-dimensional features of four resolutions to a U-Net's widths (Gao et al. 2025, FAPM): what all
/// resolutions share modulates what each has of its own (FiLM, Perez et al. 2018), and a small convolutional network refines the
/// result.
struct FeatureProjection: Module {
  private struct Level: Module {
    /// What this resolution has of its own, `rank` channels.
    let own: ImageConvolution
    /// A factor and a shift for each of these, from what is shared.
    let film: ImageConvolution
    let reduce: ConvolutionBlock
    let depthwise: ImageConvolution
    let pointwise: ConvolutionBlock
    let refine: ImageConvolution
    /// How much each channel counts, from its mean (squeeze and excitation, Hu et al. 2018).
    let squeeze: ImageConvolution
    let excite: ImageConvolution
    /// nil where the widths are equal.
    let shortcut: ImageConvolution?
  }
  private let shared: ImageConvolution
  private let levels: [Level]
  private let rank: Int

  /// - Parameters:
  ///   - inputs: the features' channels.
  ///   - widths: the channels that come out at each resolution.
  init(_ name: String, inputs: Int, rank: Int, widths: [Int], _ initializer: Initializer) {
    self.rank = rank
    shared = ImageConvolution("\(name).shared", inputs: inputs, outputs: rank, initializer)
    levels = widths.enumerated().map { level, width in
      func convolution(_ part: String, _ inputs: Int, _ outputs: Int) -> ImageConvolution {
        ImageConvolution("\(name).levels.\(level).\(part)", inputs: inputs, outputs: outputs, initializer)
      }
      func block(_ part: String, _ inputs: Int) -> ConvolutionBlock {
        ConvolutionBlock(
          "\(name).levels.\(level).\(part)", inputs: inputs, outputs: width, kernel: [1, 1],
          initializer)
      }
      let squeezed = max(1, width / 16)
      return Level(
        own: convolution("own", inputs, rank), film: convolution("film", rank, 2 * rank),
        reduce: block("reduce", rank),
        depthwise: ImageConvolution(
          "\(name).levels.\(level).depthwise", inputs: width, outputs: width, kernel: 3, groups: width, initializer
        ),
        pointwise: block("pointwise", width), refine: convolution("refine", width, width),
        squeeze: convolution("squeeze", width, squeezed), excite: convolution("excite", squeezed, width),
        shortcut: rank == width ? nil : convolution("shortcut", rank, width))
    }
  }

  /// Features `[N, h, w, inputs]` of the four resolutions → `[N, h, w, width]` each.
  func callAsFunction(_ features: [Tensor]) -> [Tensor] {
    zip(features, levels).map { features, level in
      let film = level.film(shared(features))
      let modulated =
        film.sliced(axis: 3, 0..<rank) * level.own(features) + film.sliced(axis: 3, rank..<(2 * rank))
      let refined = level.refine(level.pointwise(level.depthwise(level.reduce(modulated))))
      let means = refined.mean(axes: [1, 2], keep: true)
      let weighted = refined * level.excite(level.squeeze(means).activated(.relu)).activated(.sigmoid)
      return weighted + (level.shortcut?(modulated) ?? modulated)
    }
  }
}
