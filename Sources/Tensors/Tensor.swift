#if canImport(Glibc)
  import Glibc
#endif

/// An array of numbers with a shape: row-major, contiguous, and never changed once an operation has made it
/// (only a `Parameter`'s values change, between steps).
///
/// While a tape records, a tensor that depends on a parameter carries a node, under which the tape files its gradient.
public struct Tensor: @unchecked Sendable {
  /// The size of every axis; `[]` is a scalar.
  public let shape: [Int]
  /// What the elements are.
  public let elementType: ElementType
  /// The shared memory behind it.
  package var storage: Storage
  /// Where in the storage it begins, in elements.
  package let offset: Int
  /// Where the tape files its gradient.
  package var node: NodeID?

  /// A tensor with undefined content, for a backend to fill.
  package init(uninitialized shape: [Int], _ elementType: ElementType = .float32) {
    precondition(shape.allSatisfy { $0 >= 0 }, "a negative size in \(shape)")
    self.shape = shape
    self.elementType = elementType
    offset = 0
    storage = Storage(byteCount: shape.reduce(1, *) * elementType.byteCount)
  }

  package init(sharing storage: Storage, offset: Int, shape: [Int], _ elementType: ElementType) {
    self.storage = storage
    self.offset = offset
    self.shape = shape
    self.elementType = elementType
  }

  /// A tensor of the values given, in row-major order.
  public init<Element: TensorElement>(_ values: [Element], shape: [Int]) {
    precondition(values.count == shape.reduce(1, *), "\(values.count) values do not fill \(shape)")
    self.init(uninitialized: shape, Element.elementType)
    withUnsafeMutableElements(of: Element.self) { _ = $0.initialize(from: values) }
  }

  /// A scalar.
  public init<Element: TensorElement>(scalar value: Element) { self.init([value], shape: []) }

  /// A tensor filled by a closure that is handed its memory; whatever the closure leaves unset stays zero.
  public init<Element: TensorElement>(
    shape: [Int], of type: Element.Type, fill: (UnsafeMutableBufferPointer<Element>) throws -> Void
  ) rethrows {
    self.init(zeros: shape, Element.elementType)
    try withUnsafeMutableElements(of: type, fill)
  }

  /// A tensor of zeros.
  public init(zeros shape: [Int], _ elementType: ElementType = .float32) {
    self.init(uninitialized: shape, elementType)
    memset(storage.pointer, 0, count * elementType.byteCount)
  }

  /// A tensor in which every element is `value`.
  public init(repeating value: Double, shape: [Int], _ elementType: ElementType = .float32) {
    self.init(uninitialized: shape, elementType)
    switch elementType {
    case .float32: withUnsafeMutableElements(of: Float.self) { $0.initialize(repeating: Float(value)) }
    case .float64: withUnsafeMutableElements(of: Double.self) { $0.initialize(repeating: value) }
    case .int32: withUnsafeMutableElements(of: Int32.self) { $0.initialize(repeating: Int32(value)) }
    }
  }

  /// The number of elements.
  public var count: Int { shape.reduce(1, *) }
  /// The number of axes.
  public var rank: Int { shape.count }

  /// Lends the elements for reading.
  public func withUnsafeElements<Element: TensorElement, Result>(
    of type: Element.Type = Element.self, _ body: (UnsafeBufferPointer<Element>) throws -> Result
  ) rethrows -> Result {
    precondition(Element.elementType == elementType, "a tensor of \(elementType) read as \(Element.elementType)")
    let base = storage.pointer.assumingMemoryBound(to: Element.self) + offset
    return try withExtendedLifetime(storage) { try body(UnsafeBufferPointer(start: base, count: count)) }
  }

  /// Lends the elements for writing: only for whoever has just made the tensor, and for parameters.
  package func withUnsafeMutableElements<Element: TensorElement, Result>(
    of type: Element.Type = Element.self, _ body: (UnsafeMutableBufferPointer<Element>) throws -> Result
  ) rethrows -> Result {
    precondition(Element.elementType == elementType, "a tensor of \(elementType) written as \(Element.elementType)")
    let base = storage.pointer.assumingMemoryBound(to: Element.self) + offset
    return try withExtendedLifetime(storage) { try body(UnsafeMutableBufferPointer(start: base, count: count)) }
  }

  /// The first element's address, for a backend.
  package var rawPointer: UnsafeMutableRawPointer { storage.pointer + offset * elementType.byteCount }

  /// A copy of the elements, in row-major order.
  public func values<Element: TensorElement>(as type: Element.Type = Element.self) -> [Element] {
    withUnsafeElements(of: type) { Array($0) }
  }

  /// The one element of a floating-point scalar.
  public var scalarValue: Double {
    precondition(count == 1, "a tensor of shape \(shape) is not a scalar")
    switch elementType {
    case .float32: return Double(values(as: Float.self)[0])
    case .float64: return values(as: Double.self)[0]
    case .int32: return Double(values(as: Int32.self)[0])
    }
  }

  /// The same values, unknown to any tape: no gradient flows through it.
  public var detached: Tensor {
    var copy = self
    copy.node = nil
    return copy
  }

  /// The same values in another floating-point type; not differentiable.
  public func converted(to type: ElementType) -> Tensor {
    if type == elementType { return detached }
    switch (elementType, type) {
    case (.float32, .float64): return Tensor(values(as: Float.self).map(Double.init), shape: shape)
    case (.float64, .float32): return Tensor(values(as: Double.self).map { Float($0) }, shape: shape)
    default: preconditionFailure("no conversion from \(elementType) to \(type)")
    }
  }

  /// Row `index` of the leading axis, sharing memory; not differentiable (use `slice` for that).
  public subscript(index: Int) -> Tensor {
    precondition(rank > 0 && index >= 0 && index < shape[0], "row \(index) of \(shape)")
    let rest = Array(shape.dropFirst())
    return Tensor(sharing: storage, offset: offset + index * rest.reduce(1, *), shape: rest, elementType)
  }
}
