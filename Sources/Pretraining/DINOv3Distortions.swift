import Elementary
import Random
import Tensors

/// What DINOv3's code does to the intensities of its views (data/augmentations.py), on one channel: brightness and contrast
/// with one probability, blur by view, solarisation of the second large view. Its changes of saturation and hue and its conversion to
/// grey leave grey images as they are and are not here.
///
/// Images run from 0, black, to 1, white, and are clipped to that after every change, as 8-bit images are; they are not
/// rounded to 8 bits in between.
public struct DINOv3Distortions: Sendable, Equatable {
  /// How likely a view's brightness and contrast are changed.
  public var jitter: Double
  /// Brightness is multiplied by 1 - this to 1 + this.
  public var brightness: Double
  /// The distance from the view's mean likewise.
  public var contrast: Double
  /// How likely the first large view, the second and a small one are blurred, by a Gaussian of a deviation of 0.1 to 2
  /// pixels.
  ///
  /// The code writes 1.0, 0.1 and 0.5 and hands 1 minus that to torchvision's `RandomApply`, which applies with the
  /// probability that it is given: what runs is 0.0, 0.9 and 0.5.
  public var blur: (first: Double, second: Double, local: Double)
  /// How likely the second large view is solarised: values from 128 / 255 on turn over.
  public var solarize: Double

  public init(
    jitter: Double = 0.8, brightness: Double = 0.4, contrast: Double = 0.4,
    blur: (first: Double, second: Double, local: Double) = (0, 0.9, 0.5), solarize: Double = 0.2
  ) {
    (self.jitter, self.brightness, self.contrast) = (jitter, brightness, contrast)
    (self.blur, self.solarize) = (blur, solarize)
  }

  public static func == (a: Self, b: Self) -> Bool {
    [a.jitter, a.brightness, a.contrast, a.solarize] == [b.jitter, b.brightness, b.contrast, b.solarize]
      && a.blur == b.blur
  }

  /// Which of an image's views it is.
  enum Role {
    case first, second, local
  }

  /// A crop `[1, 1, h, w]` as a view, and as the Gram teacher sees it. A large crop is resized to the larger of the two sides first
  /// and to its own from there.
  func callAsFunction(
    _ crop: Tensor, _ unit: ClosedRange<Double>, _ role: Role, size: Int, gram: Int?, _ random: inout CounterRandom
  ) -> (view: Tensor, gram: Tensor?) {
    let span = unit.upperBound - unit.lowerBound
    let image = Self.mapped(crop) { Float((Double($0) - unit.lowerBound) / span) }
    func back(_ view: Tensor) -> Tensor {
      Self.mapped(view, clipping: false) { Float(Double($0) * span + unit.lowerBound) }
    }
    let largest = Self.resized(image, max(size, gram ?? 0))
    var view = Self.resized(largest, size)
    if random.chance(jitter) {
      let factors = (random.uniform(1 - brightness, 1 + brightness), random.uniform(1 - contrast, 1 + contrast))
      if random.chance(0.5) {
        view = Self.contrasted(Self.brightened(view, factors.0), factors.1)
      } else {
        view = Self.brightened(Self.contrasted(view, factors.1), factors.0)
      }
    }
    let blur = role == .first ? blur.first : role == .second ? blur.second : blur.local
    if random.chance(blur) { view = Self.blurred(view, deviation: random.uniform(0.1, 2)) }
    if role == .second, random.chance(solarize) { view = Self.solarized(view) }
    return (back(view), gram.map { back(Self.resized(largest, $0)) })
  }

  // MARK: - Single changes

  /// Bicubic (a = -0.5), widened where it shrinks, as Pillow's and as torchvision's with antialiasing.
  package static func resized(_ image: Tensor, _ size: Int) -> Tensor {
    if image.shape[2] == size && image.shape[3] == size { return image }
    return mapped(image.resized(height: size, width: size, .bicubicAntialiased)) { $0 }
  }

  package static func brightened(_ image: Tensor, _ factor: Double) -> Tensor { mapped(image) { $0 * Float(factor) } }

  package static func contrasted(_ image: Tensor, _ factor: Double) -> Tensor {
    let mean = image.withUnsafeElements(of: Float.self) { values in
      values.reduce(0.0) { $0 + Double($1) } / Double(values.count)
    }
    let rest = Float((1 - factor) * mean)
    return mapped(image) { $0 * Float(factor) + rest }
  }

  package static func solarized(_ image: Tensor) -> Tensor { mapped(image) { $0 < 128 / 255 ? $0 : 1 - $0 } }

  /// Nine taps along each side, the image continued by reflection about its outermost pixels.
  package static func blurred(_ image: Tensor, deviation: Double) -> Tensor {
    let reach = 4
    var kernel = (-reach...reach).map { place -> Float in
      let distance = Double(place) / deviation
      return Float(Elementary.exp(-0.5 * distance * distance))
    }
    let sum = kernel.reduce(0, +)
    for index in kernel.indices { kernel[index] /= sum }
    let (height, width) = (image.shape[2], image.shape[3])
    func reflected(_ place: Int, _ length: Int) -> Int {
      let place = abs(place)
      return place < length ? place : max(0, 2 * length - 2 - place)
    }
    let across = image.withUnsafeElements(of: Float.self) { source in
      Tensor(shape: image.shape, of: Float.self) { target in
        for row in 0..<height {
          for column in 0..<width {
            var value: Float = 0
            for tap in -reach...reach {
              value += kernel[tap + reach] * source[row * width + reflected(column + tap, width)]
            }
            target[row * width + column] = value
          }
        }
      }
    }
    return across.withUnsafeElements(of: Float.self) { source in
      Tensor(shape: image.shape, of: Float.self) { target in
        for row in 0..<height {
          for tap in -reach...reach {
            let from = reflected(row + tap, height) * width
            let weight = kernel[tap + reach]
            for column in 0..<width { target[row * width + column] += weight * source[from + column] }
          }
        }
      }
    }
  }

  private static func mapped(_ image: Tensor, clipping: Bool = true, _ change: (Float) -> Float) -> Tensor {
    image.withUnsafeElements(of: Float.self) { source in
      Tensor(shape: image.shape, of: Float.self) { target in
        for index in 0..<source.count {
          let value = change(source[index])
          target[index] = clipping ? min(max(value, 0), 1) : value
        }
      }
    }
  }
}
