/// A pattern in a tissue, of mean 0 and standard deviation 1 before its amplitude.
struct PhantomTexture: Sendable {
  enum Pattern: CaseIterable, Sendable {
    /// Smooth noise.
    case grain
    /// Spots on an even ground.
    case brightSpots, darkSpots
    /// Two levels with soft borders.
    case blotches
    /// A net of thin bright lines, or of dark ones.
    case brightNet, darkNet
    /// Bent stripes of one direction: waves, thin bright lines, thin dark lines.
    case stripes, brightLines, darkLines
    /// Two sets of stripes at right angles.
    case checks

    var isRegular: Bool {
      switch self {
      case .stripes, .brightLines, .darkLines, .checks: true
      default: false
      }
    }
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
    let cells = pattern.isRegular ? 3 * wavelength : wavelength
    noise.add(to: result, x, y, z, count: count, wavelength: cells, amplitude: 1, shift: shift)
    for index in 0..<count {
      let value = result[index]
      func wave(_ direction: Millimetres, _ bend: Float) -> Float {
        let place = direction.x * x[index] + direction.y * y[index] + direction.z * z[index]
        return sine(2 * .pi * (place / wavelength + bend))
      }
      result[index] =
        amplitude
        * {
          switch pattern {
          case .grain: value / 0.37
          case .brightSpots: (Self.spots(value) - 0.265) / 0.41
          case .darkSpots: (0.265 - Self.spots(value)) / 0.41
          case .blotches: min(max(value / 0.08, -1), 1) / 0.88
          case .brightNet: (max(0, 1 - abs(value) / 0.2) - 0.197) / 0.306
          case .darkNet: (0.197 - max(0, 1 - abs(value) / 0.2)) / 0.306
          case .stripes: 1.414 * wave(across, 0.5 * value)
          case .brightLines: (Self.line(wave(across, 0.5 * value)) - 0.25) / 0.36
          case .darkLines: (0.25 - Self.line(wave(across, 0.5 * value))) / 0.36
          case .checks: 2 * wave(across, 0.3 * value) * wave(along, 0.3 * value)
          }
        }()
    }
  }

  private var along: Millimetres {
    Millimetres(-across.y, across.x, 0) / max(0.1, (1 - across.z * across.z).squareRoot())
  }

  private static func line(_ wave: Float) -> Float { min(max((wave - 0.2) / 0.6, 0), 1) }
  private static func spots(_ value: Float) -> Float { min(max((value - 0.15) / 0.2, 0), 1) }
}
