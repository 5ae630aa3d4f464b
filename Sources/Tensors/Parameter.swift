/// A named tensor that training changes.
///
/// Not sendable: a network belongs to the thread that trains it or predicts with it.
public final class Parameter {
  /// Its place in the network, such as `encoder.blocks.3.attention.query.weight`.
  public let name: String
  /// Its values; while `isTrainable`, tapes follow them.
  public private(set) var value: Tensor

  /// Whether weight decay pulls it towards zero: matrices and kernels, but no bias and no factor of a norm or of LayerScale.
  public let decays: Bool

  public init(_ name: String, _ value: Tensor, decays: Bool = true) {
    self.name = name
    self.decays = decays
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
    var copy = values.converted(to: value.elementType).moved(to: value.device).copied()
    copy.node = value.node
    value = copy
  }

  /// Lends the values to a backend's update in place. No tape may be running.
  package func update(_ body: (_ values: Tensor, _ backend: any Backend) -> Void) {
    precondition(Tape.current == nil, "a parameter was changed while a tape was recording")
    body(value.detached, value.device.backend)
  }

  /// Changes the element type, for tests in double precision.
  public func convert(to type: ElementType) {
    let node = value.node
    value = value.converted(to: type)
    value.node = node
  }
}
