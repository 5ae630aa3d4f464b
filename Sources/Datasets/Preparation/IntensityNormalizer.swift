import Imaging

/// Normalises one channel of one case, voxel by voxel, with the case's statistics found beforehand.
struct IntensityNormalizer: Sendable {
  private enum Rule {
    /// (value - offset) / divisor after clipping.
    case affine(clip: ClosedRange<Float>?, offset: Float, divisor: Float)
    case identity
  }
  private let rule: Rule
  /// Whether voxels outside the nonzero region keep their values.
  let onlyInside: Bool

  /// Statistics of one channel over the cropped volume; those of `inside` leave out what lies outside the nonzero
  /// region.
  struct Statistics: Sendable {
    var range: ClosedRange<Float>
    var insideRange: ClosedRange<Float>
    var mean: Double
    var standardDeviation: Double
  }

  init(_ scheme: Normalization, usesMask: Bool, intensities: IntensityProperties, statistics: Statistics) {
    let smallest: Float = 1e-8
    onlyInside = usesMask && scheme == .zScore
    switch scheme {
    case .ct:
      let low = Float(intensities.percentile00_5)
      rule = .affine(
        clip: low...max(low, Float(intensities.percentile99_5)), offset: Float(intensities.mean),
        divisor: max(Float(intensities.standardDeviation), smallest))
    case .zScore:
      rule = .affine(
        clip: nil, offset: Float(statistics.mean), divisor: max(Float(statistics.standardDeviation), smallest))
    case .none: rule = .identity
    case .rescale:
      let low = statistics.range.lowerBound
      rule = .affine(clip: nil, offset: low, divisor: max(statistics.range.upperBound - low, smallest))
    case .rgb: rule = .affine(clip: nil, offset: 0, divisor: 255)
    }
  }

  /// Normalises values in place; `outside`, of the same length, flags those outside the nonzero region.
  func apply(_ values: UnsafeMutableBufferPointer<Float>, outside: UnsafeBufferPointer<UInt8>?) {
    guard case .affine(let clip, let offset, let divisor) = rule else { return }
    if onlyInside, let outside {
      for i in values.indices where outside[i] == 0 { values[i] = (values[i] - offset) / divisor }
    } else if let clip {
      let (low, high) = (clip.lowerBound, clip.upperBound)
      for i in values.indices {
        let raised = values[i] < low ? low : values[i]
        values[i] = ((raised > high ? high : raised) - offset) / divisor
      }
    } else {
      for i in values.indices { values[i] = (values[i] - offset) / divisor }
    }
  }

  /// The range of the normalised values of a channel: the rule never changes their order.
  func range(_ statistics: Statistics, hasOutside: Bool) -> ClosedRange<Float> {
    var ends =
      onlyInside && hasOutside
      ? [statistics.insideRange.lowerBound, statistics.insideRange.upperBound]
      : [statistics.range.lowerBound, statistics.range.upperBound]
    ends.withUnsafeMutableBufferPointer { apply($0, outside: nil) }
    // What lies outside the nonzero region is zero in every channel and stays so.
    if onlyInside && hasOutside { ends.append(0) }
    return ends.min()!...ends.max()!
  }
}
