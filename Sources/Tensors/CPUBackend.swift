/// Computes on the processor's cores: OpenBLAS for matrix products, oneDNN for convolutions, `Kernels` for the rest.
package struct CPUBackend: Backend {
  package init() {}

  package func forward(_ operation: Operation, _ inputs: [Tensor], willDifferentiate: Bool) -> ForwardResult {
    preconditionFailure("being written")
  }

  package func backward(
    _ operation: Operation, inputs: [Tensor], outputs: [Tensor], saved: [Tensor], outputGradients: [Tensor?],
    needed: [Bool]
  ) -> [Tensor?] {
    preconditionFailure("being written")
  }

  package func accumulate(_ a: consuming Tensor, _ b: Tensor) -> Tensor {
    preconditionFailure("being written")
  }
}
