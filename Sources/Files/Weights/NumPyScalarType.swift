/// The types of NumPy's single numbers that a pickle may hold, by NumPy's names.
enum NumPyScalarType: String {
  case bool = "b1"
  case int8 = "i1"
  case int16 = "i2"
  case int32 = "i4"
  case int64 = "i8"
  case uint8 = "u1"
  case float16 = "f2"
  case float32 = "f4"
  case float64 = "f8"

  /// The number whose little-endian bytes these are; nil when there are too many or too few.
  func value(_ bytes: [UInt8]) -> PickleValue? {
    func bits<Bits: FixedWidthInteger>(_: Bits.Type) -> Bits? {
      guard bytes.count == Bits.bitWidth / 8 else { return nil }
      return bytes.reversed().reduce(0) { $0 << 8 | Bits(truncatingIfNeeded: $1) }
    }
    return switch self {
    case .bool: bits(UInt8.self).map { .bool($0 != 0) }
    case .int8: bits(Int8.self).map { .integer(Int($0)) }
    case .int16: bits(Int16.self).map { .integer(Int($0)) }
    case .int32: bits(Int32.self).map { .integer(Int($0)) }
    case .int64: bits(Int64.self).map { .integer(Int($0)) }
    case .uint8: bits(UInt8.self).map { .integer(Int($0)) }
    case .float16: bits(UInt16.self).map { .real(Double(Float16(bitPattern: $0))) }
    case .float32: bits(UInt32.self).map { .real(Double(Float(bitPattern: $0))) }
    case .float64: bits(UInt64.self).map { .real(Double(bitPattern: $0)) }
    }
  }
}
