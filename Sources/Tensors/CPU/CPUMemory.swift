extension CPUBackend {
  package var isHost: Bool { true }

  package func allocate(byteCount: Int) -> UnsafeMutableRawPointer { BufferPool.shared.take(byteCount) }

  package func free(_ handle: UnsafeMutableRawPointer, byteCount: Int) { BufferPool.shared.give(handle, byteCount) }

  package func copyIn(_ bytes: UnsafeRawBufferPointer, to handle: UnsafeMutableRawPointer) {
    if let base = bytes.baseAddress { handle.copyMemory(from: base, byteCount: bytes.count) }
  }

  package func copyOut(_ handle: UnsafeMutableRawPointer, offset: Int, to bytes: UnsafeMutableRawBufferPointer) {
    bytes.copyMemory(from: UnsafeRawBufferPointer(start: handle + offset, count: bytes.count))
  }

  package func fill(_ tensor: Tensor, with value: Double) {
    switch tensor.elementType {
    case .float32: tensor.withUnsafeMutableElements(of: Float.self) { $0.initialize(repeating: Float(value)) }
    case .float64: tensor.withUnsafeMutableElements(of: Double.self) { $0.initialize(repeating: value) }
    case .int32: tensor.withUnsafeMutableElements(of: Int32.self) { $0.initialize(repeating: Int32(value)) }
    }
  }

  package func copy(_ source: Tensor, to target: Tensor) {
    precondition(
      source.shape == target.shape && source.elementType == target.elementType,
      "a copy of \(source.shape) to \(target.shape)")
    target.rawPointer.copyMemory(from: source.rawPointer, byteCount: source.count * source.elementType.byteCount)
  }
}

extension Tensor {
  /// The first element's address as single precision.
  var floats: UnsafeMutablePointer<Float> { rawPointer.assumingMemoryBound(to: Float.self) }
}
