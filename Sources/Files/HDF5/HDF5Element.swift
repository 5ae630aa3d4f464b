import CHDF5

/// The element types that datasets are read and written in. A dataset is read only in the type it is stored in: nothing is
/// rounded or wrapped on the way.
public enum HDF5ElementType: String, Sendable, Equatable {
  case uint8, int8, int16, int32, int64, float32, float64, string
  /// Something else: an unsigned or compound type, a reference, an enumeration.
  case other
}

/// A Swift type with a counterpart among HDF5's.
public protocol HDF5Element: BitwiseCopyable, Sendable {
  static var hdf5Type: HDF5ElementType { get }
}

extension UInt8: HDF5Element { public static var hdf5Type: HDF5ElementType { .uint8 } }
extension Int8: HDF5Element { public static var hdf5Type: HDF5ElementType { .int8 } }
extension Int16: HDF5Element { public static var hdf5Type: HDF5ElementType { .int16 } }
extension Int32: HDF5Element { public static var hdf5Type: HDF5ElementType { .int32 } }
extension Int64: HDF5Element { public static var hdf5Type: HDF5ElementType { .int64 } }
extension Int: HDF5Element { public static var hdf5Type: HDF5ElementType { .int64 } }
extension Float: HDF5Element { public static var hdf5Type: HDF5ElementType { .float32 } }
extension Double: HDF5Element { public static var hdf5Type: HDF5ElementType { .float64 } }

extension HDF5ElementType {
  /// The library's identifier of the type in this machine's byte order; for numbers only.
  var native: hid_t {
    switch self {
    case .uint8: return chdf5_native_uint8()
    case .int8: return chdf5_native_int8()
    case .int16: return chdf5_native_int16()
    case .int32: return chdf5_native_int32()
    case .int64: return chdf5_native_int64()
    case .float32: return chdf5_native_float()
    case .float64: return chdf5_native_double()
    case .string, .other: preconditionFailure("\(self) is no type of numbers")
    }
  }

  /// The type that a stored type means, in whichever byte order.
  init(stored type: hid_t) {
    let size = H5Tget_size(type)
    switch H5Tget_class(type) {
    case H5T_STRING: self = .string
    case H5T_FLOAT: self = size == 4 ? .float32 : size == 8 ? .float64 : .other
    case H5T_INTEGER:
      let signed = H5Tget_sign(type) == H5T_SGN_2
      switch (size, signed) {
      case (1, false): self = .uint8
      case (1, true): self = .int8
      case (2, true): self = .int16
      case (4, true): self = .int32
      case (8, true): self = .int64
      default: self = .other
      }
    default: self = .other
    }
  }
}
