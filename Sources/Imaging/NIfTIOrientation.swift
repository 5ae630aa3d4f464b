import CNIfTI
import Files

extension NIfTIHeader {
  /// Which of a header's two transforms tells how its axes lie in the patient.
  public enum Orientation: Sendable, Equatable {
    case sform, qform
    /// Both codes are 0, or the transforms hold NaN: voxel sizes are all that is known.
    case unstated
    /// There is only an sform and its axes are not at right angles; ITK, and with it nnU-Net, refuses the file.
    case sheared
    /// The axes of a two-dimensional file span no part of the patient's x-y plane; ITK refuses it.
    case outOfPlane
  }

  /// How far the products of unit axes may lie from the identity's for the axes to count as orthonormal: ITK 5.4's
  /// tolerance (itkNiftiImageIO.cxx).
  static let orthonormalTolerance = 1e-4

  /// ITK 5.4's choice: the sform where its axes are orthogonal and it is scanner coordinates (code 1), agrees with the
  /// qform, or stands alone; else the qform.
  public var orientation: Orientation {
    let (sform, qform) = (sform, qform)
    guard sform != nil || qform != nil else { return .unstated }
    let chosen: Orientation
    if let sform, Self.areOrthogonal(sform),
      qform == nil || field(.sformCode) == 1 || Self.areSimilar(sform, qform!)
    {
      chosen = .sform
    } else if qform != nil {
      chosen = .qform
    } else {
      return .sheared
    }
    if axisCount == 2 {
      let axes = (0..<2).map { Self.unitAxis($0, of: chosen == .sform ? sform! : qform!) }
      guard abs(axes[0][0] * axes[1][1] - axes[0][1] * axes[1][0]) > 1e-6 else { return .outOfPlane }
    }
    return chosen
  }

  /// Three rows of four: voxel (x, y, z) to right, anterior, superior, in the file's unit of length. From the transform
  /// that `orientation` names; the voxel sizes alone where it is unstated.
  public var affine: [[Double]] {
    let voxelSizes = [[sizes[0], 0, 0, 0], [0, sizes[1], 0, 0], [0, 0, sizes[2], 0]]
    switch orientation {
    case .sform: return sform ?? voxelSizes
    case .qform: return qform ?? voxelSizes
    case .sheared, .outOfPlane: return sform ?? qform ?? voxelSizes
    case .unstated: return voxelSizes
    }
  }

  /// The sform; nil when its code is 0 or below, or it holds NaN.
  var sform: [[Double]]? {
    guard field(.sformCode) > 0 else { return nil }
    let rows = (0..<3).map { row in (0..<4).map { field(.sform, row * 4 + $0) } }
    return rows.contains { $0.contains(where: \.isNaN) } ? nil : rows
  }

  /// The qform; nil when its code is 0 or below, or it holds numbers that are not finite.
  var qform: [[Double]]? {
    guard field(.qformCode) > 0 else { return nil }
    let quaternion = (0..<6).map { field(.quaternion, $0) }
    guard quaternion.allSatisfy(\.isFinite) else { return nil }
    let matrix = nifti_quatern_to_dmat44(
      quaternion[0], quaternion[1], quaternion[2], quaternion[3], quaternion[4], quaternion[5], sizes[0], sizes[1],
      sizes[2], field(.pixdim, 0))
    return withUnsafeBytes(of: matrix) { memory in
      let values = memory.bindMemory(to: Double.self)
      return (0..<3).map { row in (0..<4).map { values[row * 4 + $0] } }
    }
  }

  /// Refuses a volume that cannot be resampled.
  /// - Throws: `NIfTIError.sheared` or `.outOfPlane`.
  public func requireOrthogonalAxes(path: String) throws(NIfTIError) {
    switch orientation {
    case .sform, .qform, .unstated: return
    case .outOfPlane: throw .outOfPlane(path: path)
    case .sheared:
      let axes = (0..<3).map { Self.unitAxis($0, of: affine) }
      let angles = [(0, 1), (0, 2), (1, 2)].map { a, b in
        let cosine = (0..<3).reduce(0) { $0 + axes[a][$1] * axes[b][$1] }
        return (a, b, cosine)
      }
      guard let (a, b, cosine) = angles.filter({ $0.2.isFinite }).max(by: { abs($0.2) < abs($1.2) }),
        axes.allSatisfy({ $0.allSatisfy(\.isFinite) })
      else { throw .sheared(path: path, angle: nil) }
      throw .sheared(path: path, angle: .init(first: a, second: b, cosine: cosine))
    }
  }

  /// A column of the affine, of length 1; not finite where the column has no length.
  static func unitAxis(_ axis: Int, of affine: [[Double]]) -> [Double] {
    let length = axisLength(axis, of: affine)
    return (0..<3).map { affine[$0][axis] / length }
  }

  static func axisLength(_ axis: Int, of affine: [[Double]]) -> Double {
    (0..<3).reduce(0) { $0 + affine[$1][axis] * affine[$1][axis] }.squareRoot()
  }

  static func areOrthogonal(_ affine: [[Double]]) -> Bool {
    let axes = (0..<3).map { unitAxis($0, of: affine) }
    // R Rᵀ, as ITK forms it: the rows of the matrix whose columns are the axes.
    return (0..<3).allSatisfy { row in
      (0..<3).allSatisfy { column in
        let product = axes.reduce(0) { $0 + $1[row] * $1[column] }
        return abs(product - (row == column ? 1 : 0)) <= orthonormalTolerance
      }
    }
  }

  /// Whether two transforms agree in directions, lengths and origin.
  private static func areSimilar(_ a: [[Double]], _ b: [[Double]]) -> Bool {
    (0..<3).allSatisfy { axis in
      let (first, second) = (unitAxis(axis, of: a), unitAxis(axis, of: b))
      return (0..<3).allSatisfy { abs(first[$0] - second[$0]) <= orthonormalTolerance }
        && abs(axisLength(axis, of: a) - axisLength(axis, of: b)) <= 1e-4
        && abs(a[axis][3] - b[axis][3]) <= 1e-4
    }
  }

  /// The patient's directions along the voxel axes x, y and z, such as "LPS"; oblique axes by the nearest.
  public var axisNames: String {
    let letters = [("R", "L"), ("A", "P"), ("S", "I")]
    let pairing = PatientAxes(affine: affine).voxelAxes
    return (0..<3).map { axis in
      let patient = pairing.firstIndex(of: axis)!
      return affine[patient][axis] < 0 ? letters[patient].1 : letters[patient].0
    }.joined()
  }
}

/// Which voxel axes run along the patient's, oblique ones by the nearest.
public struct PatientAxes: Sendable, Equatable {
  /// For the patient's axes right, anterior, superior: the voxel axis 0 (x), 1 (y) or 2 (z).
  public let voxelAxes: [Int]

  /// - Parameter affine: three rows of four: voxel (x, y, z) to right, anterior, superior.
  public init(affine: [[Double]]) {
    // Of the six ways to pair patient axes with voxel axes, the one whose directions agree best.
    let pairings = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]]
    let lengths = (0..<3).map { max(NIfTIHeader.axisLength($0, of: affine), 1e-12) }
    func agreement(_ pairing: [Int]) -> Double {
      (0..<3).reduce(0) { $0 + abs(affine[$1][pairing[$1]]) / lengths[pairing[$1]] }
    }
    var best = pairings[0]
    for pairing in pairings where agreement(pairing) > agreement(best) + 1e-9 { best = pairing }
    voxelAxes = best
  }
}
