/// Where the two versions of the NIfTI header keep the fields that are used here (nifti1.h, nifti2.h).
struct NIfTILayout: Sendable, Equatable {
  enum Field: Int, Sendable {
    case headerLength, dim, pixdim, datatype, bitsPerVoxel, voxelOffset, slope, intercept
    case displayMaximum, displayMinimum, units, qformCode, sformCode, quaternion, sform
  }

  enum Format: Sendable {
    case int8, int16, int32, int64, float32, float64

    var size: Int {
      switch self {
      case .int8: return 1
      case .int16: return 2
      case .int32, .float32: return 4
      case .int64, .float64: return 8
      }
    }
  }

  let version: Int
  /// Bytes of the header.
  let length: Int
  /// The byte at which voxels begin when no extension is written.
  let firstVoxel: Int
  let magic: [UInt8]
  let magicOffset: Int
  private let places: [(offset: Int, format: Format)]

  static func == (left: NIfTILayout, right: NIfTILayout) -> Bool { left.version == right.version }

  static let version1 = NIfTILayout(
    version: 1, length: 348, firstVoxel: 352, magic: Array("n+1\0".utf8), magicOffset: 344,
    places: [
      (0, .int32), (40, .int16), (76, .float32), (70, .int16), (72, .int16), (108, .float32), (112, .float32),
      (116, .float32), (124, .float32), (128, .float32), (123, .int8), (252, .int16), (254, .int16), (256, .float32),
      (280, .float32),
    ])

  static let version2 = NIfTILayout(
    version: 2, length: 540, firstVoxel: 544, magic: Array("n+2\0\r\n\u{1A}\n".utf8), magicOffset: 4,
    places: [
      (0, .int32), (16, .int64), (104, .float64), (12, .int16), (14, .int16), (168, .int64), (176, .float64),
      (184, .float64), (192, .float64), (200, .float64), (500, .int32), (344, .int32), (348, .int32), (352, .float64),
      (400, .float64),
    ])

  /// An integer field's value; `index` counts elements of an array field.
  func integer(_ field: Field, _ index: Int = 0, in bytes: [UInt8], isSwapped: Bool) -> Int64 {
    let (offset, format) = places[field.rawValue]
    let bits = load(offset + index * format.size, format.size, bytes, isSwapped)
    switch format {
    case .int8: return Int64(Int8(truncatingIfNeeded: bits))
    case .int16: return Int64(Int16(truncatingIfNeeded: bits))
    case .int32: return Int64(Int32(truncatingIfNeeded: bits))
    case .int64: return Int64(bitPattern: bits)
    case .float32, .float64: preconditionFailure("\(field) is no integer")
    }
  }

  /// Any field's value as a Double.
  func value(of field: Field, _ index: Int = 0, in bytes: [UInt8], isSwapped: Bool) -> Double {
    let (offset, format) = places[field.rawValue]
    let bits = load(offset + index * format.size, format.size, bytes, isSwapped)
    switch format {
    case .float32: return Double(Float(bitPattern: UInt32(bits)))
    case .float64: return Double(bitPattern: bits)
    default: return Double(integer(field, index, in: bytes, isSwapped: isSwapped))
    }
  }

  /// Sets a field; integers must be whole and fit.
  func set(_ field: Field, _ index: Int = 0, to value: Double, in bytes: inout [UInt8], isSwapped: Bool) {
    let (offset, format) = places[field.rawValue]
    let bits: UInt64
    switch format {
    case .float32: bits = UInt64(Float(value).bitPattern)
    case .float64: bits = value.bitPattern
    default: bits = UInt64(bitPattern: Int64(value))
    }
    for byte in 0..<format.size {
      let position = isSwapped ? format.size - 1 - byte : byte
      bytes[offset + index * format.size + position] = UInt8(truncatingIfNeeded: bits >> (8 * UInt64(byte)))
    }
  }

  private func load(_ offset: Int, _ size: Int, _ bytes: [UInt8], _ isSwapped: Bool) -> UInt64 {
    var bits: UInt64 = 0
    for byte in 0..<size {
      let position = isSwapped ? byte : size - 1 - byte
      bits = bits << 8 | UInt64(bytes[offset + position])
    }
    return bits
  }
}
