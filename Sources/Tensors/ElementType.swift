/// What a tensor's elements are.
public enum ElementType: UInt8, Sendable {
  /// IEEE single precision: every network's parameters and activations.
  case float32
  /// IEEE double precision: the tests' finite differences.
  case float64
  /// 32-bit integers: labels and indices.
  case int32

  /// The size of one element, in bytes.
  public var byteCount: Int {
    switch self {
    case .float32, .int32: 4
    case .float64: 8
    }
  }

  /// Whether gradients can flow through tensors of this type.
  public var isFloatingPoint: Bool { self != .int32 }
}

/// A Swift type that a tensor can hold.
public protocol TensorElement: Sendable {
  static var elementType: ElementType { get }
}

extension Float: TensorElement { public static var elementType: ElementType { .float32 } }
extension Double: TensorElement { public static var elementType: ElementType { .float64 } }
extension Int32: TensorElement { public static var elementType: ElementType { .int32 } }
