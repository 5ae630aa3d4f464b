import Elementary
import Random
import Tensors

/// The sides of square views in pixels: multiples of the patch size.
public struct ViewSizes: Sendable, Equatable {
  public var global: Int
  public var local: Int
  /// Of the large views as the Gram teacher sees them; nil for `global`.
  public var gram: Int?
  /// How often these sizes are drawn, in parts of the sum of all sizes' ratios.
  public var ratio: Double

  public init(global: Int, local: Int, gram: Int? = nil, ratio: Double = 1) {
    self.global = global
    self.local = local
    self.gram = gram
    self.ratio = ratio
  }
}

/// The views of one image that student and teacher compare: a few large crops and several small ones, each flipped, resized
/// and changed in intensity by itself. A function of the seed, the iteration and the sample alone.
public struct MultiCropViews: Sendable, Equatable {
  /// The sides of the square views in pixels: multiples of the patch size.
  public var globalSize: Int
  public var localSize: Int
  /// The side of the large views as the Gram teacher sees them; nil for `globalSize`.
  public var gramSize: Int?
  /// How many large views there are: two, which the teacher sees.
  public static let globalCount = 2
  /// How many small ones there are.
  public var localCount: Int
  /// Which part of the image's area a crop covers.
  public var globalScale: ClosedRange<Double>
  public var localScale: ClosedRange<Double>
  /// How likely a crop is mirrored upside down, and left to right.
  public var flips: (vertical: Double, horizontal: Double)
  /// How crops are resized and their intensities changed.
  public var distortions: Distortions

  /// Whose views they are.
  public enum Distortions: Sendable, Equatable {
    /// Ours for CT, on crops resized bilinearly.
    case ct(CTDistortions)
    /// DINOv3's, on crops resized bicubically.
    case dinov3(DINOv3Distortions)
  }

  public init(
    globalSize: Int, localSize: Int, gramSize: Int? = nil, localCount: Int, globalScale: ClosedRange<Double> = 0.32...1,
    localScale: ClosedRange<Double> = 0.05...0.32, flips: (vertical: Double, horizontal: Double) = (0.5, 0.5),
    distortions: Distortions = .ct(CTDistortions())
  ) {
    precondition(globalSize > 0 && localSize > 0 && localCount >= 0, "views of a size")
    precondition(
      globalScale.lowerBound > 0 && globalScale.upperBound <= 1 && localScale.lowerBound > 0
        && localScale.upperBound <= 1, "crops of a part of the image")
    self.globalSize = globalSize
    self.localSize = localSize
    self.gramSize = gramSize
    self.localCount = localCount
    self.globalScale = globalScale
    self.localScale = localScale
    self.flips = flips
    self.distortions = distortions
  }

  public static func == (a: Self, b: Self) -> Bool {
    a.sizes == b.sizes && a.localCount == b.localCount && a.globalScale == b.globalScale
      && a.localScale == b.localScale && a.flips == b.flips && a.distortions == b.distortions
  }

  var sizes: ViewSizes { ViewSizes(global: globalSize, local: localSize, gram: gramSize) }

  /// The same views in other sizes.
  func sized(_ sizes: ViewSizes) -> Self {
    var views = self
    (views.globalSize, views.localSize, views.gramSize) = (sizes.global, sizes.local, sizes.gram)
    return views
  }

  /// An image's views, `[1, 1, size, size]` each.
  public struct Views {
    public var global: [Tensor] = []
    public var local: [Tensor] = []
    /// The crops of the large views with their intensities as they are, for the Gram teacher; empty unless asked for.
    public var gram: [Tensor] = []
  }

  /// The views of an image `[H, W]`.
  /// - Parameter unit: the values that are black and white; DINOv3's distortions clip to them.
  public func callAsFunction(
    of image: Tensor, unit: ClosedRange<Double> = 0...1, seed: UInt64, iteration: Int, sample: Int,
    withGram: Bool = false
  ) -> Views {
    var views = Views()
    for index in 0..<(Self.globalCount + localCount) {
      let isGlobal = index < Self.globalCount
      let scale = isGlobal ? globalScale : localScale
      let size = isGlobal ? globalSize : localSize
      let gram = isGlobal && withGram ? gramSize ?? globalSize : nil
      var random = CounterRandom(seed: seed, purpose: "views", epoch: iteration, step: sample, sample: index)
      let box = box(height: image.shape[0], width: image.shape[1], scale, &random)
      let flips = (rows: random.chance(flips.vertical), columns: random.chance(flips.horizontal))
      let crop = Self.crop(image, box, flips)
      let view: Tensor
      switch distortions {
      case .ct(let distortions):
        view = distortions(crop.resized(height: size, width: size, .bilinearAntialiased), &random)
        if let gram { views.gram.append(crop.resized(height: gram, width: gram, .bilinearAntialiased)) }
      case .dinov3(let distortions):
        let role: DINOv3Distortions.Role = !isGlobal ? .local : index == 0 ? .first : .second
        let pair = distortions(crop, unit, role, size: size, gram: gram, &random)
        view = pair.view
        if let undistorted = pair.gram { views.gram.append(undistorted) }
      }
      if isGlobal { views.global.append(view) } else { views.local.append(view) }
    }
    return views
  }

  struct Box {
    let top, left, height, width: Int
  }

  /// A box of a random part of the image's area, its sides 3 : 4 to 4 : 3. When ten do not fit, ours for CT cut the tenth to fit;
  /// DINOv3's, torchvision's, take the middle of the image, as much as those ratios allow.
  func box(height: Int, width: Int, _ scale: ClosedRange<Double>, _ random: inout CounterRandom) -> Box {
    var size = (height: height, width: width)
    for _ in 0..<10 {
      let area = random.uniform(scale.lowerBound, scale.upperBound) * Double(height * width)
      let ratio = Elementary.exp(random.uniform(Elementary.log(3.0 / 4), Elementary.log(4.0 / 3)))
      size = (
        max(1, Int((area / ratio).squareRoot().rounded())), max(1, Int((area * ratio).squareRoot().rounded()))
      )
      if size.height <= height && size.width <= width {
        return Box(
          top: random.integer(below: height - size.height + 1), left: random.integer(below: width - size.width + 1),
          height: size.height, width: size.width)
      }
    }
    if case .dinov3 = distortions {
      size = (min(height, Int((Double(width) * 4 / 3).rounded())), min(width, Int((Double(height) * 4 / 3).rounded())))
      return Box(
        top: (height - size.height) / 2, left: (width - size.width) / 2, height: size.height, width: size.width)
    }
    size = (min(size.height, height), min(size.width, width))
    return Box(
      top: random.integer(below: height - size.height + 1), left: random.integer(below: width - size.width + 1),
      height: size.height, width: size.width)
  }

  /// The box of an image `[H, W]`, mirrored as told, as `[1, 1, h, w]`.
  static func crop(_ image: Tensor, _ box: Box, _ flips: (rows: Bool, columns: Bool)) -> Tensor {
    let width = image.shape[1]
    return image.withUnsafeElements(of: Float.self) { source in
      Tensor(shape: [1, 1, box.height, box.width], of: Float.self) { target in
        for y in 0..<box.height {
          let row = (box.top + (flips.rows ? box.height - 1 - y : y)) * width + box.left
          for x in 0..<box.width {
            target[y * box.width + x] = source[row + (flips.columns ? box.width - 1 - x : x)]
          }
        }
      }
    }
  }
}
