import Foundation

/// What leads from a prepared case back to the image it was made of. Shapes and boxes are in the plan's axis order
/// [Z, Y, X], that is after `transposeForward`.
public struct CaseProperties: Sendable, Equatable {
  public var name: String
  public var channelCount: Int
  /// Voxels and spacing in mm of the prepared data.
  public var shape: [Int]
  public var spacing: [Double]
  /// Voxels and spacing in mm of the image.
  public var originalShape: [Int]
  public var originalSpacing: [Double]
  /// The box that was kept.
  public var bounds: [Range<Int>]
  public var transposeForward: [Int]
  /// Whether a reference label map was given; without one, labels are 0, and -1 outside the nonzero region.
  public var hasReference: Bool
  /// The hash of everything the prepared data depend on.
  public var key: String

  package init(
    name: String, channelCount: Int, shape: [Int], spacing: [Double], originalShape: [Int], originalSpacing: [Double],
    bounds: [Range<Int>], transposeForward: [Int], hasReference: Bool, key: String
  ) {
    self.name = name
    self.channelCount = channelCount
    self.shape = shape
    self.spacing = spacing
    self.originalShape = originalShape
    self.originalSpacing = originalSpacing
    self.bounds = bounds
    self.transposeForward = transposeForward
    self.hasReference = hasReference
    self.key = key
  }
}

/// Which axis, if any, nnU-Net resamples apart from the others.
enum SeparateAxis: Equatable {
  /// None: intensities are clamped to the range of the whole volume.
  case none
  /// One, with the nearest sample along it: each plane across it is clamped to the plane's own range.
  case axis(Int)

  init(current: [Double], new: [Double]) {
    func anisotropic(_ spacing: [Double]) -> Bool { spacing.max()! / spacing.min()! > Plans.anisotropyThreshold }
    guard let deciding = anisotropic(current) ? current : anisotropic(new) ? new : nil else {
      self = .none
      return
    }
    let coarsest = deciding.indices.filter { deciding.max()! / deciding[$0] == 1 }
    self = coarsest.count == 1 ? .axis(coarsest[0]) : .none
  }
}
