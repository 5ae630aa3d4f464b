import CNIfTI
import Files

/// The header of a NIfTI-1 or NIfTI-2 file: its bytes as they were read, and what they say. What this program does not
/// change goes out again byte for byte, in the byte order it came in.
public struct NIfTIHeader: Sendable, Equatable {
  /// The types of voxels that are read and written, by NIfTI's codes.
  public enum VoxelType: Int, Sendable {
    case uint8 = 2
    case int16 = 4
    case int32 = 8
    case float32 = 16
    case float64 = 64
    case int8 = 256
    case uint16 = 512
    case uint32 = 768
    case int64 = 1024
    case uint64 = 1280

    /// Bytes of one voxel.
    public var size: Int {
      switch self {
      case .uint8, .int8: return 1
      case .int16, .uint16: return 2
      case .int32, .uint32, .float32: return 4
      case .float64, .int64, .uint64: return 8
      }
    }
  }

  /// The 348 bytes of a NIfTI-1 header or the 540 of a NIfTI-2 one.
  public internal(set) var bytes: [UInt8]
  let layout: NIfTILayout
  let isSwapped: Bool

  /// 1 or 2.
  public var version: Int { layout.version }
  /// The extents [Z, Y, X] of the one volume in the file.
  public let shape: [Int]
  /// 2 for a two-dimensional file, else 3.
  public let axisCount: Int
  /// The distance between neighbouring voxels along [z, y, x] in mm. As in ITK, voxel sizes given in metres or
  /// micrometres are converted, negative ones count by their absolute value and 0 as 1. The z axis that a
  /// two-dimensional file does not have counts 999 times the larger of the others, as in nnU-Net's readers, so that
  /// planning takes slices across it.
  public let spacing: [Double]
  /// The voxel sizes along x, y, z in the file's unit; 1 along an axis that the file does not have.
  let sizes: [Double]
  /// Millimetres of the file's unit of length.
  let millimetres: Double
  public let voxelType: VoxelType
  /// Stored values are multiplied by this; 1 when the file says 0 (none) or no finite number.
  public let slope: Double
  /// And this is added.
  public let intercept: Double
  /// The byte at which the voxels begin.
  let voxelOffset: Int

  /// Volumes of more voxels than this, 2^31, are refused: 8 GiB as 32-bit floats.
  public static let maximumVoxels = 1 << 31

  /// Reads a header and checks all that it says of itself. `path` is what errors name.
  init(parsing bytes: [UInt8], layout: NIfTILayout, isSwapped: Bool, path: String) throws {
    func field(_ field: NIfTILayout.Field, _ index: Int = 0) -> Double {
      layout.value(of: field, index, in: bytes, isSwapped: isSwapped)
    }
    let rank = Int(clamping: layout.integer(.dim, in: bytes, isSwapped: isSwapped))
    guard (2...7).contains(rank) else {
      throw NIfTIError.badDimensions(
        path: path, dimensions: [],
        problem: rank == 1 ? "it has a single axis, which is no image" : "it has \(rank) axes where 2 to 7 can be")
    }
    let dimensions = (1...rank).map { Int(clamping: layout.integer(.dim, $0, in: bytes, isSwapped: isSwapped)) }
    var voxels = 1
    for extent in dimensions {
      guard extent > 0 else {
        throw NIfTIError.badDimensions(path: path, dimensions: dimensions, problem: "each must be at least 1")
      }
      guard extent <= Self.maximumVoxels / voxels else {
        throw NIfTIError.badDimensions(
          path: path, dimensions: dimensions, problem: "at most \(Self.maximumVoxels) voxels in all are read")
      }
      voxels *= extent
    }
    guard dimensions.dropFirst(3).allSatisfy({ $0 == 1 }) else {
      throw NIfTIError.badDimensions(
        path: path, dimensions: dimensions, problem: "a single three-dimensional volume was expected")
    }
    let extents = (dimensions.prefix(3) + [Int](repeating: 1, count: max(0, 3 - rank)))
    shape = extents.reversed()

    axisCount = min(rank, 3)
    let pixdim = (1...axisCount).map { field(.pixdim, $0) }
    guard pixdim.allSatisfy(\.isFinite) else { throw NIfTIError.badSpacing(path: path, pixdim: pixdim) }
    let units = Int(field(.units)) & 7
    millimetres = units == Int(NIFTI_UNITS_METER) ? 1000 : units == Int(NIFTI_UNITS_MICRON) ? 0.001 : 1
    sizes = pixdim.map { $0 == 0 ? 1 : abs($0) } + (rank == 2 ? [1] : [])
    let lengths = [sizes[0] * millimetres, sizes[1] * millimetres]
    spacing = [rank == 2 ? 999 * max(lengths[0], lengths[1]) : sizes[2] * millimetres, lengths[1], lengths[0]]
    guard spacing.allSatisfy({ $0.isFinite && $0 > 0 }) else { throw NIfTIError.badSpacing(path: path, pixdim: pixdim) }

    let code = Int(field(.datatype))
    guard let voxelType = VoxelType(rawValue: code) else {
      let name = nifti_datatype_to_string(Int32(code)).map { String(cString: $0) } ?? "?"
      throw NIfTIError.unsupportedType(path: path, type: "\(name) (code \(code))")
    }
    self.voxelType = voxelType
    let (slope, intercept) = (field(.slope), field(.intercept))
    let isScaled = slope.isFinite && slope != 0
    self.slope = isScaled ? slope : 1
    self.intercept = isScaled && intercept.isFinite ? intercept : 0
    let offset = field(.voxelOffset)
    guard offset.isFinite, offset >= 0, offset < 1e15 else { throw NIfTIError.badOffset(path: path, offset: offset) }
    voxelOffset = max(Int(offset), layout.length)
    self.bytes = bytes
    self.layout = layout
    self.isSwapped = isSwapped
  }

  /// A new NIfTI-1 header.
  /// - Parameters:
  ///   - shape: the extents [Z, Y, X], each from 1 to 32767.
  ///   - spacing: mm along [z, y, x].
  ///   - affine: three rows of four: voxel (x, y, z) to mm right, anterior, superior. Without it, axes along those
  ///     directions and voxel (0, 0, 0) at the origin.
  public init(shape: [Int], spacing: [Double], affine: [[Double]]? = nil) {
    precondition(shape.count == 3 && shape.allSatisfy { (1...32767).contains($0) }, "a NIfTI-1 grid of \(shape)")
    precondition(spacing.count == 3 && spacing.allSatisfy { $0 > 0 && $0.isFinite }, "a spacing of \(spacing)")
    let layout = NIfTILayout.version1
    var bytes = [UInt8](repeating: 0, count: layout.length)
    func set(_ field: NIfTILayout.Field, _ index: Int = 0, _ value: Double) {
      layout.set(field, index, to: value, in: &bytes, isSwapped: false)
    }
    set(.headerLength, 0, Double(layout.length))
    bytes.replaceSubrange(layout.magicOffset..<(layout.magicOffset + layout.magic.count), with: layout.magic)
    set(.dim, 0, 3)
    for axis in 1...7 { set(.dim, axis, axis <= 3 ? Double(shape[3 - axis]) : 1) }
    for axis in 1...3 { set(.pixdim, axis, spacing[3 - axis]) }
    for axis in 4...7 { set(.pixdim, axis, 1) }
    set(.units, 0, Double(NIFTI_UNITS_MM))
    set(.datatype, 0, Double(VoxelType.float32.rawValue))
    set(.bitsPerVoxel, 0, 32)
    set(.voxelOffset, 0, Double(layout.firstVoxel))
    set(.slope, 0, 1)
    let rows =
      affine ?? [[spacing[2], 0, 0, 0], [0, spacing[1], 0, 0], [0, 0, spacing[0], 0]]
    precondition(rows.count == 3 && rows.allSatisfy { $0.count == 4 }, "an affine has three rows of four")
    for row in 0..<3 {
      for column in 0..<4 { set(.sform, row * 4 + column, rows[row][column]) }
    }
    var matrix = nifti_dmat44()
    withUnsafeMutableBytes(of: &matrix) { memory in
      let values = memory.bindMemory(to: Double.self)
      for index in 0..<16 { values[index] = index < 12 ? rows[index / 4][index % 4] : index == 15 ? 1 : 0 }
    }
    var (b, c, d, x, y, z, dx, dy, dz, handedness) = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    nifti_dmat44_to_quatern(matrix, &b, &c, &d, &x, &y, &z, &dx, &dy, &dz, &handedness)
    for (index, value) in [b, c, d, x, y, z].enumerated() { set(.quaternion, index, value) }
    set(.pixdim, 0, handedness)
    set(.qformCode, 0, Double(NIFTI_XFORM_SCANNER_ANAT))
    set(.sformCode, 0, Double(NIFTI_XFORM_SCANNER_ANAT))
    do {
      try self.init(parsing: bytes, layout: layout, isSwapped: false, path: "a new header")
    } catch {
      preconditionFailure("\(error)")
    }
  }

  func field(_ field: NIfTILayout.Field, _ index: Int = 0) -> Double {
    layout.value(of: field, index, in: bytes, isSwapped: isSwapped)
  }

  /// The bytes to write before voxels of another type on the same grid: no scaling, no display window, a single volume.
  func bytesForWriting(_ type: VoxelType) -> [UInt8] {
    var result = bytes
    func set(_ field: NIfTILayout.Field, _ index: Int = 0, _ value: Double) {
      layout.set(field, index, to: value, in: &result, isSwapped: isSwapped)
    }
    // A two-dimensional image's label map is two-dimensional, as nnU-Net writes it.
    if axisCount == 2 { set(.pixdim, 3, 1) }
    set(.dim, 0, Double(axisCount))
    for axis in 1...7 { set(.dim, axis, axis <= 3 ? Double(shape[3 - axis]) : 1) }
    set(.datatype, 0, Double(type.rawValue))
    set(.bitsPerVoxel, 0, Double(type.size * 8))
    set(.voxelOffset, 0, Double(layout.firstVoxel))
    set(.slope, 0, 1)
    set(.intercept, 0, 0)
    set(.displayMaximum, 0, 0)
    set(.displayMinimum, 0, 0)
    return result + [UInt8](repeating: 0, count: layout.firstVoxel - layout.length)
  }
}
