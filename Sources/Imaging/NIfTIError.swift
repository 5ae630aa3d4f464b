import Files

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
  case badLabel(path: String, value: Double, x: Int, y: Int, z: Int)

  public var description: String {
    switch self {
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
      return "\(path) has the voxel sizes (pixdim) \(values); each must be a positive number."
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
