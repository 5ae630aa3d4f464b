import Elementary
import Files
import Foundation

/// What can be wrong with a NIfTI file.
public enum NIfTIError: InputError, Equatable {
  case empty(path: String)
  case notNIfTI(path: String)
  case pair(path: String)
  case truncated(path: String, found: Int, expected: Int)
  case damaged(path: String)
  case badDimensions(path: String, dimensions: [Int], problem: String)
  case badSpacing(path: String, pixdim: [Double])
  case badOffset(path: String, offset: Double)
  case unsupportedType(path: String, type: String)
  case nonFinite(path: String, count: Int, of: Int)
  /// Of two axes, counted from 0, that are not at a right angle: their numbers and the cosine between them; nil when an
  /// axis has no direction at all.
  case sheared(path: String, angle: Angle?)
  case outOfPlane(path: String)
  case badLabel(path: String, value: Double, x: Int, y: Int, z: Int)

  /// The angle between two voxel axes, counted from 0.
  public struct Angle: Sendable, Equatable {
    public let first, second: Int
    public let cosine: Double
  }

  public var description: String {
    switch self {
    case .sheared(let path, let angle):
      let axes = ["x", "y", "z"]
      let found =
        angle.map {
          let degrees = (Elementary.acos(min(max($0.cosine, -1), 1)) * 180 / .pi * 1000).rounded() / 1000
          return "the axes \(axes[$0.first]) and \(axes[$0.second]) of its sform are at \(degrees) degrees"
        } ?? "an axis of its sform has no direction"
      return
        "\(path): \(found), and it has no qform to take instead; axes must be at right angles (nnU-Net refuses such a "
        + "file too): resample it to an orthogonal grid, or mend its header."
    case .outOfPlane(let path):
      return
        "\(path): the axes of this two-dimensional file do not lie in the patient's x-y plane, as they must "
        + "(nnU-Net refuses such a file too): write it as a volume of one slice, or mend its header."
    case .empty(let path): return "\(path) is empty; a NIfTI file was expected."
    case .notNIfTI(let path): return "\(path) is not a NIfTI-1 or NIfTI-2 file (.nii or .nii.gz)."
    case .pair(let path):
      return "\(path) is the header of a NIfTI pair (.hdr and .img); a single file (.nii or .nii.gz) was expected."
    case .truncated(let path, let found, let expected):
      return "\(path) is cut short: its header calls for \(expected) bytes and there are \(found)."
    case .damaged(let path): return "\(path) is damaged: its compressed bytes cannot be unpacked."
    case .badDimensions(let path, let dimensions, let problem):
      let extents = dimensions.map(String.init).joined(separator: " x ")
      return "\(path) claims the dimensions \(extents): \(problem)."
    case .badSpacing(let path, let pixdim):
      let values = pixdim.map { "\($0)" }.joined(separator: ", ")
      return "\(path) has the voxel sizes (pixdim) \(values); each must be a finite number."
    case .badOffset(let path, let offset):
      return "\(path) claims that its voxels begin at byte \(offset), which lies outside of the file."
    case .unsupportedType(let path, let type):
      return "\(path) has voxels of type \(type); integers of 8 to 64 bits and floats of 32 or 64 bits can be read."
    case .nonFinite(let path, let count, let all):
      return "\(path) has \(count) voxels of \(all) that are not finite numbers (NaN or infinite); none may be."
    case .badLabel(let path, let value, let x, let y, let z):
      return
        "\(path) has the label \(value) at voxel (\(x), \(y), \(z)); labels are whole numbers from -32768 to 32767."
    }
  }
}
