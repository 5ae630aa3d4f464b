import Kernels

extension CPUBackend {
  func softmax(_ x: Tensor, logarithm: Bool) -> Tensor {
    let columns = x.shape.last!
    let y = Tensor(uninitialized: x.shape, x.elementType)
    if x.count == 0 { return y }
    parallel(x.count / columns, grain: rowGrain(columns)) {
      kernel_softmax_forward(
        x.elementType.kernel, logarithm ? 1 : 0, x.rawPointer, y.rawPointer, columns, $0, $1)
    }
    return y
  }

  func softmaxBackward(_ y: Tensor, _ g: Tensor, logarithm: Bool) -> Tensor {
    let columns = y.shape.last!
    let dx = Tensor(uninitialized: y.shape, y.elementType)
    if y.count == 0 { return dx }
    parallel(y.count / columns, grain: rowGrain(columns)) {
      kernel_softmax_backward(
        y.elementType.kernel, logarithm ? 1 : 0, y.rawPointer, g.rawPointer, dx.rawPointer, columns, $0, $1)
    }
    return dx
  }

  func attention(_ inputs: [Tensor], _ scale: Double, save: Bool) -> ForwardResult {
    let (query, key, value) = (inputs[0], inputs[1], inputs[2])
    var shape = attentionShape(query, key, value, scale)
    let output = Tensor(uninitialized: query.shape, query.elementType)
    let logSums =
      save ? Tensor(uninitialized: [shape.items, shape.heads, shape.query_tokens], query.elementType) : nil
    let block = Int(attention_query_block)
    let blocks = (shape.query_tokens + block - 1) / block
    let type = query.elementType
    let heads = shape.items * shape.heads
    let packed = Storage(
      byteCount: heads * attention_packed_size(shape.key_tokens, shape.depth) * type.byteCount, on: .cpu)
    withUnsafePointer(to: &shape) { shape in
      parallel(heads) {
        kernel_attention_pack(type.kernel, shape, key.rawPointer, value.rawPointer, packed.handle, $0, $1)
      }
      parallel(heads * blocks) {
        kernel_attention_forward(
          type.kernel, shape, query.rawPointer, packed.handle, output.rawPointer, logSums?.rawPointer, $0, $1)
      }
    }
    return ForwardResult([output], saved: logSums.map { [$0] } ?? [])
  }

  func attentionBackward(_ inputs: [Tensor], _ output: Tensor, _ saved: [Tensor], _ g: Tensor, _ scale: Double)
    -> [Tensor?]
  {
    let (query, key, value) = (inputs[0], inputs[1], inputs[2])
    var shape = attentionShape(query, key, value, scale)
    let gradients = inputs.map { Tensor(uninitialized: $0.shape, $0.elementType) }
    withUnsafePointer(to: &shape) { shape in
      parallel(shape.pointee.items * shape.pointee.heads) {
        kernel_attention_backward(
          query.elementType.kernel, shape, query.rawPointer, key.rawPointer, value.rawPointer, output.rawPointer,
          saved[0].rawPointer, g.rawPointer, gradients[0].rawPointer, gradients[1].rawPointer,
          gradients[2].rawPointer, $0, $1)
      }
    }
    return gradients
  }

  private func attentionShape(_ query: Tensor, _ key: Tensor, _ value: Tensor, _ scale: Double) -> attention_shape {
    precondition(
      query.rank == 4 && key.rank == 4 && key.shape == value.shape && query.shape[0] == key.shape[0]
        && query.shape[2...] == key.shape[2...] && key.shape[1] > 0,
      "attention of \(query.shape), \(key.shape), \(value.shape)")
    return attention_shape(
      items: query.shape[0], heads: query.shape[2], query_tokens: query.shape[1], key_tokens: key.shape[1],
      depth: query.shape[3], scale: scale)
  }

  func rotary(_ x: Tensor, _ cosine: Tensor, _ sine: Tensor, _ prefix: Int, backward: Bool) -> Tensor {
    precondition(
      x.rank == 4 && x.shape[3] % 2 == 0 && cosine.shape == [x.shape[1] - prefix, x.shape[3]]
        && sine.shape == cosine.shape && cosine.elementType == x.elementType && sine.elementType == x.elementType,
      "rotary embedding of \(x.shape) by \(cosine.shape) after \(prefix) tokens")
    let y = Tensor(uninitialized: x.shape, x.elementType)
    parallel(x.shape[0] * x.shape[1], grain: rowGrain(x.shape[2] * x.shape[3])) {
      kernel_rotary(
        x.elementType.kernel, backward ? 1 : 0, x.rawPointer, cosine.rawPointer, sine.rawPointer, y.rawPointer,
        x.shape[1], x.shape[2], x.shape[3], prefix, $0, $1)
    }
    return y
  }
}
