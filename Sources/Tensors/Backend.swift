/// What a backend made of an operation.
package struct ForwardResult {
  /// What the caller gets.
  package var outputs: [Tensor]
  /// What the vector-Jacobian product will want beside the inputs and outputs, such as a norm's mean and scale. A backend may
  /// keep something of its own here, as long as it is behind a tensor of its device.
  package var saved: [Tensor]

  package init(_ outputs: [Tensor], saved: [Tensor] = []) {
    self.outputs = outputs
    self.saved = saved
  }
}

/// A device's memory: blocks behind handles that only the device can read.
package protocol DeviceMemory {
  /// Whether a handle is an address that the host may read and write.
  var isHost: Bool { get }

  /// A block of at least so many bytes, its content undefined. Does not return where there is no memory.
  func allocate(byteCount: Int) -> UnsafeMutableRawPointer

  /// Gives back a block of `allocate(byteCount:)`.
  func free(_ handle: UnsafeMutableRawPointer, byteCount: Int)

  /// Copies bytes of the host to the start of a block.
  func copyIn(_ bytes: UnsafeRawBufferPointer, to handle: UnsafeMutableRawPointer)

  /// Copies bytes of a block, from `offset` on, to the host.
  func copyOut(_ handle: UnsafeMutableRawPointer, offset: Int, to bytes: UnsafeMutableRawBufferPointer)

  /// Sets every element.
  func fill(_ tensor: Tensor, with value: Double)

  /// Copies the elements of a tensor of the same device, shape and type.
  func copy(_ source: Tensor, to target: Tensor)
}

/// Computes the closed list of operations somewhere, and what training changes and counts without a gradient.
package protocol Backend: AnyObject, Sendable, DeviceMemory, ParameterUpdates, Reductions, TileAccumulation {
  /// What the device is called, such as "cpu".
  var name: String { get }

  /// The operation's outputs, of the shapes that `Operation.outputShapes` says. `willDifferentiate` is false when nothing will
  /// ask for its gradient, so nothing need be saved.
  func forward(_ operation: Operation, _ inputs: [Tensor], willDifferentiate: Bool) -> ForwardResult

  /// The vector-Jacobian product: for every input that is needed, the gradient of Σ outputs · outputGradients.
  /// An output gradient that is nil is zero.
  func backward(
    _ operation: Operation, inputs: [Tensor], outputs: [Tensor], saved: [Tensor], outputGradients: [Tensor?],
    needed: [Bool]
  ) -> [Tensor?]

  /// a + b for two gradients of one tensor; may reuse the memory of `a`, of which the caller keeps no other copy.
  func accumulate(_ a: consuming Tensor, _ b: Tensor) -> Tensor

  /// How many elements a chain of operations pixel by pixel should have at once where nothing is kept for a gradient, so that
  /// they stay in a cache; nil: all of them.
  var cachedElements: Int? { get }

  /// What a run's identity says of the device; nil where its bits are the CPU's.
  var identity: String? { get }

  /// What a run's provenance says of it, such as a library's version, by name.
  var provenance: [String: String] { get }
}

extension Backend {
  package var identity: String? { nil }
  package var provenance: [String: String] { [:] }
}
