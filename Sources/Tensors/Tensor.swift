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
  package init(uninitialized shape: [Int], _ elementType: ElementType = .float32, on device: Device = .current) {
    precondition(shape.allSatisfy { $0 >= 0 }, "a negative size in \(shape)")
    self.shape = shape
    self.elementType = elementType
    offset = 0
    storage = Storage(byteCount: shape.reduce(1, *) * elementType.byteCount, on: device)
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
    values.withUnsafeBytes { storage.device.backend.copyIn($0, to: storage.handle) }
  }

  /// A scalar.
  public init<Element: TensorElement>(scalar value: Element) { self.init([value], shape: []) }

  /// A tensor filled by a closure that is handed memory of the host; whatever the closure leaves unset stays zero.
  public init<Element: TensorElement>(
    shape: [Int], of type: Element.Type, fill: (UnsafeMutableBufferPointer<Element>) throws -> Void
  ) rethrows {
    let host = Tensor(zeros: shape, Element.elementType, on: .cpu)
    try host.withUnsafeMutableElements(of: type, fill)
    self = host.moved(to: .current)
  }

  /// A tensor of zeros.
  public init(zeros shape: [Int], _ elementType: ElementType = .float32, on device: Device = .current) {
    self.init(repeating: 0, shape: shape, elementType, on: device)
  }

  /// A tensor in which every element is `value`.
  public init(
    repeating value: Double, shape: [Int], _ elementType: ElementType = .float32, on device: Device = .current
  ) {
    self.init(uninitialized: shape, elementType, on: device)
    device.backend.fill(self, with: value)
  }

  /// Where it lives.
  public var device: Device { storage.device }

  /// The number of elements.
  public var count: Int { shape.reduce(1, *) }
  /// The number of axes.
  public var rank: Int { shape.count }

  /// Lends the elements for reading: of a tensor on the host, to which `moved(to:)` copies one from elsewhere.
  public func withUnsafeElements<Element: TensorElement, Result>(
    of type: Element.Type = Element.self, _ body: (UnsafeBufferPointer<Element>) throws -> Result
  ) rethrows -> Result {
    precondition(Element.elementType == elementType, "a tensor of \(elementType) read as \(Element.elementType)")
    let base = rawPointer.assumingMemoryBound(to: Element.self)
    return try withExtendedLifetime(storage) { try body(UnsafeBufferPointer(start: base, count: count)) }
  }

  /// Lends the elements for writing: only for whoever has just made the tensor, and for parameters.
  package func withUnsafeMutableElements<Element: TensorElement, Result>(
    of type: Element.Type = Element.self, _ body: (UnsafeMutableBufferPointer<Element>) throws -> Result
  ) rethrows -> Result {
    precondition(Element.elementType == elementType, "a tensor of \(elementType) written as \(Element.elementType)")
    let base = rawPointer.assumingMemoryBound(to: Element.self)
    return try withExtendedLifetime(storage) { try body(UnsafeMutableBufferPointer(start: base, count: count)) }
  }

  /// The first element's address, for a backend of the host's memory.
  package var rawPointer: UnsafeMutableRawPointer {
    precondition(storage.device.isHost, "the host reads memory of the device \(storage.device.name)")
    return storage.handle + offset * elementType.byteCount
  }

  /// The same values on another device: a copy, unless it is there already. No gradient flows through it.
  public func moved(to target: Device) -> Tensor {
    if device == target { return detached }
    if target.isHost {
      let copy = Tensor(uninitialized: shape, elementType, on: target)
      device.backend.copyOut(storage.handle, offset: offset * elementType.byteCount, to: copy.bytes)
      return copy
    }
    let source = device.isHost ? self : moved(to: .cpu)
    let copy = Tensor(uninitialized: shape, elementType, on: target)
    target.backend.copyIn(UnsafeRawBufferPointer(source.bytes), to: copy.storage.handle)
    return withExtendedLifetime(source) { copy }
  }

  /// The same values in memory of their own, on the same device; not differentiable.
  package func copied() -> Tensor {
    let copy = Tensor(uninitialized: shape, elementType, on: device)
    device.backend.copy(self, to: copy)
    return copy
  }

  private var bytes: UnsafeMutableRawBufferPointer {
    UnsafeMutableRawBufferPointer(start: rawPointer, count: count * elementType.byteCount)
  }

  /// A copy of the elements, in row-major order.
  public func values<Element: TensorElement>(as type: Element.Type = Element.self) -> [Element] {
    moved(to: .cpu).withUnsafeElements(of: type) { Array($0) }
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
    case (.float32, .float64): return device { Tensor(values(as: Float.self).map(Double.init), shape: shape) }
    case (.float64, .float32): return device { Tensor(values(as: Double.self).map { Float($0) }, shape: shape) }
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
