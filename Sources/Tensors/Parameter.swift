/// A named tensor that training changes.
///
/// Not sendable: a network belongs to the thread that trains it or predicts with it.
public final class Parameter {
  /// Its place in the network, such as `encoder.blocks.3.attention.query.weight`.
  public let name: String
  /// Its values; while `isTrainable`, tapes follow them.
  public private(set) var value: Tensor

  public init(_ name: String, _ value: Tensor) {
    self.name = name
    self.value = value.detached
    self.value.node = makeNode()
  }

  /// Whether gradients are computed by it. A frozen parameter costs no backward pass.
  public var isTrainable: Bool {
    get { value.node != nil }
    set { value.node = newValue ? (value.node ?? makeNode()) : nil }
  }

  public var shape: [Int] { value.shape }
  public var count: Int { value.count }

  /// Replaces the values by others of the same shape, copied.
  public func set(_ values: Tensor) {
    precondition(values.shape == shape, "\(name) has the shape \(shape), not \(values.shape)")
    let source = values.converted(to: value.elementType)
    var copy = Tensor(uninitialized: shape, value.elementType)
    copy.rawPointer.copyMemory(from: source.rawPointer, byteCount: count * value.elementType.byteCount)
    copy.node = value.node
    value = copy
  }

  /// Lends the float32 values for an update in place. No tape may be running.
  public func update<Result>(_ body: (UnsafeMutableBufferPointer<Float>) throws -> Result) rethrows -> Result {
    precondition(Tape.current == nil, "a parameter was changed while a tape was recording")
    return try value.withUnsafeMutableElements(of: Float.self, body)
  }

  /// Changes the element type, for tests in double precision.
  public func convert(to type: ElementType) {
    let node = value.node
    value = value.converted(to: type)
    value.node = node
  }
}
