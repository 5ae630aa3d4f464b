import Tensors

#if canImport(Glibc)
  import Glibc
#endif

/// The views of one image that student and teacher compare: a few large crops and several small ones, each flipped, resized
/// and changed in intensity by itself. A function of the seed, the iteration and the sample alone.
public struct MultiCropViews: Sendable, Equatable {
  /// The sides of the square views in pixels: multiples of the patch size.
  public var globalSize: Int
  public var localSize: Int
  /// How many large views there are: two, which the teacher sees.
  public static let globalCount = 2
  /// How many small ones there are.
  public var localCount: Int
  /// Which part of the image's area a crop covers.
  public var globalScale: ClosedRange<Double>
  public var localScale: ClosedRange<Double>
  /// The greatest shift of a view's brightness, in the image's unit, which is the standard deviation of the images.
  public var brightness: Double
  /// The greatest change of a view's contrast: a factor between 1 - contrast and 1 + contrast.
  public var contrast: Double
  /// The greatest gamma: the exponent lies between 1 / gamma and gamma.
  public var gamma: Double

  public init(
    globalSize: Int, localSize: Int, localCount: Int, globalScale: ClosedRange<Double> = 0.32...1,
    localScale: ClosedRange<Double> = 0.05...0.32, brightness: Double = 0.4, contrast: Double = 0.4, gamma: Double = 1.5
  ) {
    precondition(globalSize > 0 && localSize > 0 && localCount >= 0 && gamma >= 1, "views of a size")
    precondition(
      globalScale.lowerBound > 0 && globalScale.upperBound <= 1 && localScale.lowerBound > 0
        && localScale.upperBound <= 1, "crops of a part of the image")
    self.globalSize = globalSize
    self.localSize = localSize
    self.localCount = localCount
    self.globalScale = globalScale
    self.localScale = localScale
    self.brightness = brightness
    self.contrast = contrast
    self.gamma = gamma
  }

  /// The views `[1, 1, size, size]` of an image `[H, W]`: the large ones, then the small ones.
  public func callAsFunction(
    of image: Tensor, seed: UInt64, iteration: Int, sample: Int
  ) -> (global: [Tensor], local: [Tensor]) {
    func view(_ index: Int, _ size: Int, _ scale: ClosedRange<Double>) -> Tensor {
      var random = CounterRandom(seed: seed, purpose: "views", epoch: iteration, step: sample, sample: index)
      let box = Self.box(height: image.shape[0], width: image.shape[1], scale, &random)
      let flips = (rows: random.chance(0.5), columns: random.chance(0.5))
      let crop = Self.crop(image, box, flips).resized(height: size, width: size, .bilinearAntialiased)
      return jittered(crop, &random)
    }
    return (
      (0..<Self.globalCount).map { view($0, globalSize, globalScale) },
      (0..<localCount).map { view(Self.globalCount + $0, localSize, localScale) }
    )
  }

  struct Box {
    let top, left, height, width: Int
  }

  /// A box of a random part of the image's area, its sides 3 : 4 to 4 : 3; the tenth that does not fit is cut to fit.
  static func box(height: Int, width: Int, _ scale: ClosedRange<Double>, _ random: inout CounterRandom) -> Box {
    var size = (height: height, width: width)
    for _ in 0..<10 {
      let area = random.uniform(scale.lowerBound, scale.upperBound) * Double(height * width)
      let ratio = exp(random.uniform(log(3.0 / 4), log(4.0 / 3)))
      size = (
        max(1, Int((area / ratio).squareRoot().rounded())), max(1, Int((area * ratio).squareRoot().rounded()))
      )
      if size.height <= height && size.width <= width { break }
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

  /// Brightness, contrast about the view's mean, and gamma over the view's range, each with the probability 0.8, 0.8, 0.5.
  private func jittered(_ view: Tensor, _ random: inout CounterRandom) -> Tensor {
    let shift = random.chance(0.8) ? random.uniform(-brightness, brightness) : 0
    let factor = random.chance(0.8) ? random.uniform(1 - contrast, 1 + contrast) : 1
    let exponent = random.chance(0.5) ? exp(random.uniform(-log(gamma), log(gamma))) : 1
    return view.withUnsafeElements(of: Float.self) { source in
      Tensor(shape: view.shape, of: Float.self) { target in
        var (sum, lowest, highest) = (0.0, Float.infinity, -Float.infinity)
        for value in source {
          sum += Double(value)
          lowest = min(lowest, value)
          highest = max(highest, value)
        }
        let mean = Float(sum / Double(source.count))
        let range = max(highest - lowest, 1e-6)
        for index in 0..<source.count {
          var value = source[index]
          if exponent != 1 { value = pow((value - lowest) / range, Float(exponent)) * range + lowest }
          target[index] = (value - mean) * Float(factor) + mean + Float(shift)
        }
      }
    }
  }
}
