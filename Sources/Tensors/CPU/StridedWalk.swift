import Kernels

/// The steps between elements along each axis of a row-major array.
func contiguousStrides(_ shape: [Int]) -> [Int] {
  var strides = shape
  var step = 1
  for axis in shape.indices.reversed() {
    strides[axis] = step
    step *= shape[axis]
  }
  return strides
}

/// The steps of an array of one shape seen as another that it broadcasts to: 0 along the axes that repeat it.
func broadcastStrides(_ shape: [Int], to target: [Int]) -> [Int] {
  let strides = contiguousStrides(shape)
  let missing = target.count - shape.count
  return target.indices.map { axis in
    axis < missing || (shape[axis - missing] == 1 && target[axis] != 1) ? 0 : strides[axis - missing]
  }
}

/// How to walk through one or two arrays in step: axes of size one left out, and neighbours joined where both arrays allow.
struct StridedWalk {
  var shape: [Int]
  var strides: [[Int]]

  init(_ fullShape: [Int], _ fullStrides: [[Int]]) {
    shape = []
    strides = fullStrides.map { _ in [] }
    for axis in fullShape.indices where fullShape[axis] != 1 {
      let joins =
        !shape.isEmpty
        && strides.indices.allSatisfy { strides[$0].last! == fullStrides[$0][axis] * fullShape[axis] }
      if joins {
        shape[shape.count - 1] *= fullShape[axis]
        for array in strides.indices { strides[array][shape.count - 1] = fullStrides[array][axis] }
      } else {
        shape.append(fullShape[axis])
        for array in strides.indices { strides[array].append(fullStrides[array][axis]) }
      }
    }
    if shape.isEmpty {
      shape = [1]
      strides = strides.map { _ in [1] }
    }
    precondition(shape.count < Int(kernel_rank_limit), "too many axes")
  }

  /// Cuts a single long row in pieces, so that threads can share it.
  mutating func cutLongRow() {
    guard let length = shape.last, shape.count == 1, length >= 4 * elementGrain else { return }
    for piece in [1 << 13, 1 << 12, 1 << 11, 1 << 10, 1000, 768, 640, 576, 512] where length % piece == 0 {
      shape = [length / piece, piece]
      for array in strides.indices { strides[array] = [strides[array][0] * piece, strides[array][0]] }
      return
    }
  }
}
