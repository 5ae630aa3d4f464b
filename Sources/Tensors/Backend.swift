/// What a backend made of an operation.
package struct ForwardResult {
  /// What the caller gets.
  package var outputs: [Tensor]
  /// What the vector-Jacobian product will want beside the inputs and outputs, such as a norm's mean and scale.
  package var saved: [Tensor]

  package init(_ outputs: [Tensor], saved: [Tensor] = []) {
    self.outputs = outputs
    self.saved = saved
  }
}

/// Computes the closed list of operations somewhere.
package protocol Backend: Sendable {
  /// The operation's outputs. `willDifferentiate` is false when nothing will ask for its gradient, so nothing need be saved.
  func forward(_ operation: Operation, _ inputs: [Tensor], willDifferentiate: Bool) -> ForwardResult

  /// The vector-Jacobian product: for every input that is needed, the gradient of Σ outputs · outputGradients.
  /// An output gradient that is nil is zero.
  func backward(
    _ operation: Operation, inputs: [Tensor], outputs: [Tensor], saved: [Tensor], outputGradients: [Tensor?],
    needed: [Bool]
  ) -> [Tensor?]

  /// a + b for two gradients of one tensor; may reuse the memory of `a`, of which the caller keeps no other copy.
  func accumulate(_ a: consuming Tensor, _ b: Tensor) -> Tensor
}
