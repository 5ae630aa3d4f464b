import Imaging

/// What counts as a mask's surface, and how its parts weigh, in NSD and HD95.
public enum SurfaceConvention: String, Sendable, CaseIterable {
  /// MONAI's `compute_surface_dice` and `compute_hausdorff_distance` with spacing, as the paper's NSD: voxels with one of
  /// six neighbours outside of the mask, each of the same weight; distances rounded to 32-bit floats; HD95 is the greater
  /// of the two directions' 95th percentiles, interpolated linearly.
  case monai
  /// DeepMind's surface-distance: marching-cubes elements between voxels, weighted by their area; HD95 is the greater of
  /// the two directions' distances at 95 % of the area.
  case deepMind = "deepmind"
}

/// How well one class of one case was found. A value that is not defined is nil.
public struct ClassMetrics: Sendable, Equatable {
  /// 2 |A and B| / (|A| + |B|) over voxels, as nnU-Net: nil when neither volume has the class, 0 when one has it.
  public var dsc: Double?
  /// The share of both surfaces that lies within the tolerance of the other one: nil when neither volume has the class, 0
  /// when one has it.
  public var nsd: Double?
  /// The 95th percentile of the distances between the surfaces, in mm: nil unless both volumes have the class.
  public var hd95: Double?
  public var referenceVoxels: Int
  public var predictionVoxels: Int

  public init(dsc: Double?, nsd: Double?, hd95: Double?, referenceVoxels: Int, predictionVoxels: Int) {
    self.dsc = dsc
    self.nsd = nsd
    self.hd95 = hd95
    self.referenceVoxels = referenceVoxels
    self.predictionVoxels = predictionVoxels
  }

  /// A class that neither volume has.
  static let absent = ClassMetrics(dsc: nil, nsd: nil, hd95: nil, referenceVoxels: 0, predictionVoxels: 0)
}

/// DSC, NSD and HD95 of one class between two label volumes on one grid.
struct SegmentationMetrics {
  let spacing: [Double]
  let tolerance: Double
  let convention: SurfaceConvention
  /// Whether the volumes are two-dimensional images, whose classes have outlines and no faces.
  let isFlat: Bool
  private let elements: SurfaceElements

  /// - Parameters:
  ///   - spacing: mm along [z, y, x].
  ///   - tolerance: mm.
  init(spacing: [Double], tolerance: Double, convention: SurfaceConvention, isFlat: Bool = false) {
    self.spacing = spacing
    self.tolerance = tolerance
    self.convention = convention
    self.isFlat = isFlat
    elements = SurfaceElements(spacing: spacing)
  }

  /// - Throws: `CancellationError` once a stop was asked for.
  func metrics(
    reference: [Int16], prediction: [Int16], shape: [Int], box: VoxelBox?, labels: [Int16]
  ) throws -> ClassMetrics {
    guard let box else { return .absent }
    var masks = MaskPair(reference: reference, prediction: prediction, shape: shape, box: box, labels: labels)
    let (theirs, ours) = (masks.referenceVoxels, masks.predictionVoxels)
    let dsc = 2 * Double(masks.commonVoxels) / Double(theirs + ours)
    var nsd = 0.0
    var hd95: Double?
    if theirs > 0 && ours > 0 {
      let surfaces = try convention == .monai ? voxelSurfaces(&masks) : areaSurfaces(masks)
      nsd = surfaces.dice(within: tolerance)
      hd95 = surfaces.percentile95()
    }
    return ClassMetrics(dsc: dsc, nsd: nsd, hd95: hd95, referenceVoxels: theirs, predictionVoxels: ours)
  }

  private func voxelSurfaces(_ masks: inout MaskPair) throws -> SurfaceDistances {
    masks.markBoundaryVoxels(isFlat: isFlat)
    func distances(_ from: UInt8, _ to: UInt8) throws -> [Double] {
      try DistanceTransform.distances(in: masks.flags, shape: masks.shape, spacing: spacing, from: from, to: to)
        .map { Double(Float($0)) }
    }
    return try SurfaceDistances(
      fromReference: distances(MaskPair.referenceSurface, MaskPair.predictionSurface),
      fromPrediction: distances(MaskPair.predictionSurface, MaskPair.referenceSurface),
      referenceAreas: nil, predictionAreas: nil)
  }

  private func areaSurfaces(_ masks: MaskPair) throws -> SurfaceDistances {
    let between = masks.neighbourhoods()
    func distances(_ from: UInt8, _ to: UInt8) throws -> [Double] {
      try DistanceTransform.distances(in: between.flags, shape: between.shape, spacing: spacing, from: from, to: to)
    }
    return try SurfaceDistances(
      fromReference: distances(MaskPair.referenceSurface, MaskPair.predictionSurface),
      fromPrediction: distances(MaskPair.predictionSurface, MaskPair.referenceSurface),
      referenceAreas: between.reference.map { elements.areas[Int($0)] },
      predictionAreas: between.prediction.map { elements.areas[Int($0)] })
  }
}
