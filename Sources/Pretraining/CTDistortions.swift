import Elementary
import Random
import Tensors

#if canImport(Glibc)
  import Glibc
#endif

/// Random changes of a view's intensities that leave a CT a CT: another window (brightness, contrast, gamma), another kernel
/// (blur), another dose (noise). SegBench's own; no published code has them.
public struct CTDistortions: Sendable, Equatable {
  /// The greatest shift of a view's brightness, in the image's unit, which is the standard deviation of the images.
  public var brightness: Double
  /// The greatest change of a view's contrast: a factor between 1 - contrast and 1 + contrast.
  public var contrast: Double
  /// The greatest gamma: the exponent lies between 1 / gamma and gamma.
  public var gamma: Double
  /// The greatest deviation of a Gaussian blur, in pixels of the view.
  public var blur: Double
  /// The greatest deviation of noise, in the image's unit.
  public var noise: Double

  public init(
    brightness: Double = 0.4, contrast: Double = 0.4, gamma: Double = 1.5, blur: Double = 0, noise: Double = 0
  ) {
    precondition(gamma >= 1, "a gamma of \(gamma)")
    (self.brightness, self.contrast, self.gamma) = (brightness, contrast, gamma)
    (self.blur, self.noise) = (blur, noise)
  }

  /// Intensities as they are.
  public static let none = Self(brightness: 0, contrast: 0, gamma: 1)

  /// Brightness, contrast about the view's mean, and gamma over the view's range, each with the probability 0.8, 0.8, 0.5;
  /// then blur and noise, each with the probability 0.5.
  func callAsFunction(_ view: Tensor, _ random: inout CounterRandom) -> Tensor {
    let shift = random.chance(0.8) ? random.uniform(-brightness, brightness) : 0
    let factor = random.chance(0.8) ? random.uniform(1 - contrast, 1 + contrast) : 1
    let reach = Elementary.log(gamma)
    let exponent = random.chance(0.5) ? Elementary.exp(random.uniform(-reach, reach)) : 1
    let changed = view.withUnsafeElements(of: Float.self) { source in
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
          if exponent != 1 {
            let share = Double((value - lowest) / range)
            value = Float(Elementary.exp(exponent * Elementary.log(share))) * range + lowest
          }
          target[index] = (value - mean) * Float(factor) + mean + Float(shift)
        }
      }
    }
    guard blur > 0 || noise > 0 else { return changed }
    let deviation = random.chance(0.5) ? random.uniform(0, blur) : 0
    let grain = random.chance(0.5) ? random.uniform(0, noise) : 0
    let smooth = deviation > 0.1 ? Self.blurred(changed, deviation: deviation) : changed
    guard grain > 0 else { return smooth }
    return smooth.withUnsafeElements(of: Float.self) { source in
      Tensor(shape: view.shape, of: Float.self) { target in
        for index in 0..<source.count { target[index] = source[index] + Float(grain * random.normal()) }
      }
    }
  }

  /// A view `[1, 1, H, W]` blurred by a Gaussian cut at three deviations, edges repeated.
  static func blurred(_ view: Tensor, deviation: Double) -> Tensor {
    let (height, width) = (view.shape[2], view.shape[3])
    let reach = Int((3 * deviation).rounded(.up))
    var kernel = (-reach...reach).map { place -> Float in
      let distance = Double(place) / deviation
      return Float(Elementary.exp(-0.5 * distance * distance))
    }
    let sum = kernel.reduce(0, +)
    for index in kernel.indices { kernel[index] /= sum }
    func pass(_ source: UnsafeBufferPointer<Float>, _ length: Int, _ stride: Int, _ lines: Int, _ lineStride: Int)
      -> Tensor
    {
      Tensor(shape: view.shape, of: Float.self) { target in
        for line in 0..<lines {
          for place in 0..<length {
            var value: Float = 0
            for offset in -reach...reach {
              let from = min(max(place + offset, 0), length - 1)
              value += kernel[offset + reach] * source[line * lineStride + from * stride]
            }
            target[line * lineStride + place * stride] = value
          }
        }
      }
    }
    let across = view.withUnsafeElements(of: Float.self) { pass($0, width, 1, height, width) }
    return across.withUnsafeElements(of: Float.self) { pass($0, height, width, width, 1) }
  }
}
