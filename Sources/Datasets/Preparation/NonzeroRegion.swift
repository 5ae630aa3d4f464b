import Imaging

/// The part of an image that is not zero in every channel, to which nnU-Net crops.
package enum NonzeroRegion {
  /// The smallest box [z, y, x] about all voxels that are nonzero in any channel; the whole volume when there are none.
  package static func bounds(of images: [CaseImage]) -> [Range<Int>] {
    let shape = images[0].shape
    var low = shape
    var high = [Int](repeating: -1, count: 3)
    for image in images {
      switch image {
      case .integers(let volume): widen(&low, &high, around: volume)
      case .floats(let volume): widen(&low, &high, around: volume)
      }
    }
    guard high[0] >= 0 else { return shape.map { 0..<$0 } }
    return (0..<3).map { low[$0]..<(high[$0] + 1) }
  }

  private static func widen<Voxel: Numeric>(_ low: inout [Int], _ high: inout [Int], around image: Volume<Voxel>) {
    let shape = image.shape
    image.voxels.withUnsafeBufferPointer { voxels in
      for z in 0..<shape[0] {
        for y in 0..<shape[1] {
          let row = UnsafeBufferPointer(
            rebasing: voxels[((z * shape[1] + y) * shape[2])..<((z * shape[1] + y + 1) * shape[2])])
          guard let first = row.firstIndex(where: { $0 != 0 }) else { continue }
          var last = row.count - 1
          while row[last] == 0 { last -= 1 }
          low = [min(low[0], z), min(low[1], y), min(low[2], first)]
          high = [max(high[0], z), max(high[1], y), max(high[2], last)]
        }
      }
    }
  }

  /// Which voxels of the box lie outside the nonzero region once its holes are filled: 1 outside, 0 inside, in the
  /// order [z, y, x] of the box. A zero is outside when a path of face neighbours, all zero, leads from it to the
  /// box's surface.
  /// - Returns: nil when none is outside.
  package static func outside(of images: [CaseImage], in bounds: [Range<Int>]) -> [UInt8]? {
    let (depth, height, width) = (bounds[0].count, bounds[1].count, bounds[2].count)
    // 0: nonzero somewhere; 2: zero, not reached yet; 1: reached from outside.
    var state = [UInt8](repeating: 2, count: depth * height * width)
    for image in images {
      switch image {
      case .integers(let volume): clear(&state, where: volume, in: bounds)
      case .floats(let volume): clear(&state, where: volume, in: bounds)
      }
    }
    guard state.contains(2) else { return nil }
    let reached = state.withUnsafeMutableBufferPointer { flood($0, depth: depth, height: height, width: width) }
    guard reached else { return nil }
    state.withUnsafeMutableBufferPointer { state in for i in state.indices where state[i] == 2 { state[i] = 0 } }
    return state
  }

  private static func clear<Voxel: Numeric>(
    _ state: inout [UInt8], where image: Volume<Voxel>, in bounds: [Range<Int>]
  ) {
    let shape = image.shape
    let width = bounds[2].count
    image.voxels.withUnsafeBufferPointer { voxels in
      state.withUnsafeMutableBufferPointer { state in
        var target = 0
        for z in bounds[0] {
          for y in bounds[1] {
            let source = (z * shape[1] + y) * shape[2] + bounds[2].lowerBound
            for x in 0..<width { state[target + x] = voxels[source + x] != 0 ? 0 : state[target + x] }
            target += width
          }
        }
      }
    }
  }

  /// Turns every 2 that is joined to the surface into a 1, run by run along x. Returns whether there was one.
  private static func flood(_ state: UnsafeMutableBufferPointer<UInt8>, depth: Int, height: Int, width: Int) -> Bool {
    var seeds: [Int] = []
    var reached = false
    func offerRuns(row: Int, from left: Int, through right: Int) {
      var x = left
      while x <= right {
        if state[row + x] == 2 {
          seeds.append(row + x)
          while x <= right, state[row + x] == 2 { x += 1 }
        }
        x += 1
      }
    }
    func drain() {
      while let seed = seeds.popLast() {
        guard state[seed] == 2 else { continue }
        reached = true
        let rowIndex = seed / width
        let row = rowIndex * width
        var left = seed - row
        var right = left
        while left > 0, state[row + left - 1] == 2 { left -= 1 }
        while right < width - 1, state[row + right + 1] == 2 { right += 1 }
        for x in left...right { state[row + x] = 1 }
        let y = rowIndex % height
        let z = rowIndex / height
        if y > 0 { offerRuns(row: row - width, from: left, through: right) }
        if y < height - 1 { offerRuns(row: row + width, from: left, through: right) }
        if z > 0 { offerRuns(row: row - width * height, from: left, through: right) }
        if z < depth - 1 { offerRuns(row: row + width * height, from: left, through: right) }
      }
    }
    for z in 0..<depth {
      for y in 0..<height {
        let row = (z * height + y) * width
        if z == 0 || z == depth - 1 || y == 0 || y == height - 1 {
          offerRuns(row: row, from: 0, through: width - 1)
        } else {
          if state[row] == 2 { seeds.append(row) }
          if state[row + width - 1] == 2 { seeds.append(row + width - 1) }
        }
        drain()
      }
    }
    return reached
  }
}
