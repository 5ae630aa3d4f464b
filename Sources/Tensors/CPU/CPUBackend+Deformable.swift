import Kernels

extension CPUBackend {
  func deformableAttention(_ inputs: [Tensor], _ maps: [MapSize]) -> Tensor {
    let value = inputs[0]
    let output = Tensor(
      uninitialized: Operation.deformableAttention(maps).outputShapes(inputs)[0], value.elementType)
    withDeformableShape(inputs, maps) { shape in
      let row = shape.pointee.heads * shape.pointee.levels * shape.pointee.points * shape.pointee.depth
      parallel(shape.pointee.items * shape.pointee.queries, grain: rowGrain(4 * row)) {
        kernel_deformable_forward(
          value.elementType.kernel, shape, value.rawPointer, inputs[1].rawPointer, inputs[2].rawPointer,
          output.rawPointer, $0, $1)
      }
    }
    return output
  }

  func deformableAttentionBackward(_ inputs: [Tensor], _ g: Tensor, _ maps: [MapSize]) -> [Tensor?] {
    let gradients = inputs.map { Tensor(uninitialized: $0.shape, $0.elementType) }
    withDeformableShape(inputs, maps) { shape in
      parallel(shape.pointee.items * shape.pointee.heads) {
        kernel_deformable_backward(
          g.elementType.kernel, shape, inputs[0].rawPointer, inputs[1].rawPointer, inputs[2].rawPointer, g.rawPointer,
          gradients[0].rawPointer, gradients[1].rawPointer, gradients[2].rawPointer, $0, $1)
      }
    }
    return gradients
  }

  private func withDeformableShape(
    _ inputs: [Tensor], _ maps: [MapSize], _ body: (UnsafePointer<deformable_shape>) -> Void
  ) {
    let (value, locations, weights) = (inputs[0], inputs[1], inputs[2])
    precondition(
      value.rank == 4 && locations.rank == 6 && locations.shape[5] == 2 && weights.shape == Array(locations.shape[..<5])
        && locations.shape[0] == value.shape[0] && locations.shape[2] == value.shape[2]
        && locations.shape[3] == maps.count
        && maps.allSatisfy { $0.height > 0 && $0.width > 0 } && maps.reduce(0) { $0 + $1.count } == value.shape[1]
        && locations.elementType == value.elementType && weights.elementType == value.elementType,
      "deformable attention of \(value.shape) at \(locations.shape) with the weights \(weights.shape) and \(maps.count) maps"
    )
    maps.flatMap { [$0.height, $0.width] }.withUnsafeBufferPointer { sizes in
      let shape = deformable_shape(
        items: value.shape[0], queries: locations.shape[1], tokens: value.shape[1], heads: value.shape[2],
        depth: value.shape[3], levels: maps.count, points: locations.shape[4], sizes: sizes.baseAddress)
      withUnsafePointer(to: shape, body)
    }
  }
}
