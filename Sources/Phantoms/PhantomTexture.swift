/// A pattern in a tissue, of mean 0 and standard deviation 1 before its amplitude.
struct PhantomTexture: Sendable {
  enum Pattern: Sendable {
    /// Smooth noise.
    case grain
    /// Spots on an even ground.
    case brightSpots, darkSpots
    /// Two levels with soft borders.
    case blotches
    /// A net of thin bright lines.
    case ridges
    /// Bent stripes of one direction.
    case stripes
  }

  var pattern: Pattern
  /// The size of what repeats, in mm.
  var wavelength: Float
  /// In HU.
  var amplitude: Float
  /// Where in the noise it lies, in mm.
  var shift: Float
  /// The direction across stripes; of length 1.
  var across: Millimetres

  /// The pattern at `count` points, into `result`. The constants make smooth noise, of standard deviation 0.37, into patterns
  /// of mean 0 and standard deviation 1.
  func evaluate(
    _ x: UnsafePointer<Float>, _ y: UnsafePointer<Float>, _ z: UnsafePointer<Float>, count: Int, noise: PhantomNoise,
    into result: UnsafeMutablePointer<Float>
  ) {
    result.update(repeating: 0, count: count)
    let cells = pattern == .stripes ? 3 * wavelength : wavelength
    noise.add(to: result, x, y, z, count: count, wavelength: cells, amplitude: 1, shift: shift)
    for index in 0..<count {
      let value = result[index]
      result[index] =
        amplitude
        * {
          switch pattern {
          case .grain: value / 0.37
          case .brightSpots: (Self.spots(value) - 0.265) / 0.41
          case .darkSpots: (0.265 - Self.spots(value)) / 0.41
          case .blotches: min(max(value / 0.08, -1), 1) / 0.88
          case .ridges: (max(0, 1 - abs(value) / 0.2) - 0.197) / 0.306
          case .stripes:
            1.414
              * sine(
                2 * .pi
                  * ((across.x * x[index] + across.y * y[index] + across.z * z[index]) / wavelength + 0.5 * value))
          }
        }()
    }
  }

  private static func spots(_ value: Float) -> Float { min(max((value - 0.15) / 0.2, 0), 1) }
}
