/// A box of voxels: half-open ranges along [z, y, x].
struct VoxelBox: Equatable {
  var lower: [Int]
  var upper: [Int]

  func union(_ other: VoxelBox) -> VoxelBox {
    VoxelBox(
      lower: zip(lower, other.lower).map { min($0, $1) }, upper: zip(upper, other.upper).map { max($0, $1) })
  }
}

/// The smallest boxes that hold all voxels of each label, in one pass over the volumes.
struct LabelBoxes {
  private var boxes: [Int16: VoxelBox] = [:]

  /// The labels that occur, in order, 0 left out.
  var labels: [Int16] { boxes.keys.sorted() }

  init(_ volumes: [[Int16]], shape: [Int]) {
    let (depth, height, width) = (shape[0], shape[1], shape[2])
    // One row of six bounds a label: least z, greatest z, and so for y and x.
    var bounds = [Int32](repeating: -1, count: 6 << 16)
    bounds.withUnsafeMutableBufferPointer { bounds in
      for volume in volumes {
        volume.withUnsafeBufferPointer { voxels in
          for z in 0..<depth {
            for y in 0..<height {
              let row = (z * height + y) * width
              var x = 0
              while x < width {
                let label = voxels[row + x]
                let first = x
                repeat { x += 1 } while x < width && voxels[row + x] == label
                if label != 0 { Self.widen(bounds, label, Int32(z), Int32(y), Int32(first), Int32(x - 1)) }
              }
            }
          }
        }
      }
    }
    for label in Int16.min...Int16.max {
      let start = 6 * Int(UInt16(bitPattern: label))
      guard bounds[start] >= 0 else { continue }
      let values = bounds[start..<(start + 6)].map { Int($0) }
      boxes[label] = VoxelBox(
        lower: [values[0], values[2], values[4]], upper: [values[1] + 1, values[3] + 1, values[5] + 1])
    }
  }

  /// The box around all voxels of any of the labels; nil where there are none.
  func box(of labels: [Int16]) -> VoxelBox? {
    labels.compactMap { boxes[$0] }.reduce(nil) { joined, box in joined?.union(box) ?? box }
  }

  @inline(__always)
  private static func widen(
    _ bounds: UnsafeMutableBufferPointer<Int32>, _ label: Int16, _ z: Int32, _ y: Int32, _ first: Int32, _ last: Int32
  ) {
    let entry = bounds.baseAddress! + 6 * Int(UInt16(bitPattern: label))
    if entry[0] < 0 {
      (entry[0], entry[1], entry[2], entry[3], entry[4], entry[5]) = (z, z, y, y, first, last)
      return
    }
    entry[0] = min(entry[0], z)
    entry[1] = max(entry[1], z)
    entry[2] = min(entry[2], y)
    entry[3] = max(entry[3], y)
    entry[4] = min(entry[4], first)
    entry[5] = max(entry[5], last)
  }
}
