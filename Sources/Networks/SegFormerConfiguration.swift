/// What a SegFormer is built from.
public struct SegFormerConfiguration: Sendable, Equatable {
  /// How logits at a quarter of the resolution become whole.
  public enum Upsampling: String, Sendable, CaseIterable {
    /// NVIDIA's: interpolation between the pixels' centres.
    case bilinear
    /// A transposed convolution of 4 x 4 pixels from classes to classes: what the published code has.
    case transposedConvolution = "transposed-convolution"
  }

  /// The tokens' width in each of the four stages.
  public var widths: [Int]
  /// The blocks of each stage.
  public var depths: [Int]
  public var heads: [Int]
  /// The side of the windows of tokens that become one key.
  public var reductions: [Int]
  /// The width at which the decoder joins the stages.
  public var decoderWidth: Int
  /// Channels of the first embedding's weights; an image has as many, or one that stands for all.
  public var channels: Int
  /// Whether the feed-forward networks add the depthwise convolution's input to its output and normalise the sum.
  public var skipsMixing: Bool
  public var upsampling: Upsampling
  /// DropPath's rate at the last block; it rises from 0 at the first.
  public var dropPath: Double
  /// The rate at which the decoder drops whole channels before the classifier.
  public var dropout: Double
  /// Of all weights but the transposed convolution's.
  public var weights: WeightDistribution

  public init(
    widths: [Int], depths: [Int], heads: [Int] = [1, 2, 5, 8], reductions: [Int] = [8, 4, 2, 1], decoderWidth: Int,
    channels: Int = 3, skipsMixing: Bool, upsampling: Upsampling, dropPath: Double, dropout: Double,
    weights: WeightDistribution
  ) {
    self.widths = widths
    self.depths = depths
    self.heads = heads
    self.reductions = reductions
    self.decoderWidth = decoderWidth
    self.channels = channels
    self.skipsMixing = skipsMixing
    self.upsampling = upsampling
    self.dropPath = dropPath
    self.dropout = dropout
    self.weights = weights
  }

  /// B0 to B5 of Xie et al. (2021), Table 6.
  public enum Size: String, Sendable, CaseIterable {
    case b0, b1, b2, b3, b4, b5

    var depths: [Int] {
      switch self {
      case .b0, .b1: [2, 2, 2, 2]
      case .b2: [3, 4, 6, 3]
      case .b3: [3, 4, 18, 3]
      case .b4: [3, 8, 27, 3]
      case .b5: [3, 6, 40, 3]
      }
    }
    var widths: [Int] { self == .b0 ? [32, 64, 160, 256] : [64, 128, 320, 512] }
    var decoderWidth: Int { self == .b0 || self == .b1 ? 256 : 768 }
  }

  /// NVIDIA's networks, with Hugging Face's distribution of initial weights.
  public static func original(_ size: Size) -> Self {
    Self(
      widths: size.widths, depths: size.depths, decoderWidth: size.decoderWidth, skipsMixing: false,
      upsampling: .bilinear, dropPath: 0.1, dropout: 0.1, weights: .normal(deviation: 0.02))
  }

  /// What MedDINOv3's published code compares with: feed-forward networks with a skip, no DropPath, a learned
  /// last step. (Its feed-forward networks also hold two LayerNorms that nothing passes through; they aren't here.)
  public static func published(_ size: Size) -> Self {
    Self(
      widths: size.widths, depths: size.depths, decoderWidth: size.decoderWidth, skipsMixing: true,
      upsampling: .transposedConvolution, dropPath: 0, dropout: 0.2, weights: .xavier)
  }

  /// What is wrong with these numbers, as one clause; nil when a network can be built from them.
  public var problem: String? {
    for (name, list) in [("widths", widths), ("depths", depths), ("heads", heads), ("reductions", reductions)] {
      if list.count != 4 { return "its \(name) are \(list.count), not 4" }
      if let value = list.first(where: { $0 < 1 || $0 > 65536 }) {
        return "\(value) among its \(name) is not in 1...65536"
      }
    }
    for (width, heads) in zip(widths, heads) where width % heads != 0 {
      return "a width of \(width) does not divide into \(heads) heads"
    }
    for (name, size) in [("decoder's width", decoderWidth), ("channels", channels)] where size < 1 || size > 65536 {
      return "its \(name) of \(size) is not in 1...65536"
    }
    for (name, rate) in [("drop path", dropPath), ("dropout", dropout)] where !(rate >= 0 && rate < 1) {
      return "its \(name) rate of \(rate) is not in [0, 1)"
    }
    return nil
  }
}
