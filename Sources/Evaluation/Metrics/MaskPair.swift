/// One class in the reference and in the prediction, cut to the box that holds both, with one empty voxel around it, so
/// that a mask that touches the volume's border has its surface there too.
struct MaskPair {
  static let reference: UInt8 = 1
  static let prediction: UInt8 = 2
  static let referenceSurface: UInt8 = 4
  static let predictionSurface: UInt8 = 8

  /// The extents [Z, Y, X] of the box and its empty rim.
  let shape: [Int]
  /// The bits above, a byte a voxel.
  private(set) var flags: [UInt8]
  let referenceVoxels: Int
  let predictionVoxels: Int
  /// Voxels in both.
  let commonVoxels: Int

  init(reference: [Int16], prediction: [Int16], shape whole: [Int], box: VoxelBox, labels: [Int16]) {
    let shape = zip(box.lower, box.upper).map { $1 - $0 + 2 }
    var flags = [UInt8](repeating: 0, count: shape.reduce(1, *))
    var counts = (reference: 0, prediction: 0, common: 0)
    reference.withUnsafeBufferPointer { reference in
      prediction.withUnsafeBufferPointer { prediction in
        flags.withUnsafeMutableBufferPointer { flags in
          let width = shape[2] - 2
          for z in box.lower[0]..<box.upper[0] {
            for y in box.lower[1]..<box.upper[1] {
              let source = (z * whole[1] + y) * whole[2] + box.lower[2]
              let target = ((z - box.lower[0] + 1) * shape[1] + y - box.lower[1] + 1) * shape[2] + 1
              let output = flags.baseAddress! + target
              for label in labels {
                let (theirs, ours) = (reference.baseAddress! + source, prediction.baseAddress! + source)
                for x in 0..<width {
                  output[x] |= (theirs[x] == label ? Self.reference : 0) | (ours[x] == label ? Self.prediction : 0)
                }
              }
              for x in 0..<width {
                counts.reference += Int(output[x] & 1)
                counts.prediction += Int(output[x] >> 1)
                counts.common += Int(output[x] & output[x] >> 1)
              }
            }
          }
        }
      }
    }
    self.shape = shape
    self.flags = flags
    referenceVoxels = counts.reference
    predictionVoxels = counts.prediction
    commonVoxels = counts.common
  }

  /// Marks as surface each voxel of a mask that has one of its six neighbours outside of it.
  /// - Parameter isFlat: of a two-dimensional image, whose voxels have four neighbours.
  mutating func markBoundaryVoxels(isFlat: Bool) {
    let (height, width) = (shape[1], shape[2])
    let depth = shape[0]
    flags.withUnsafeMutableBufferPointer { flags in
      withUnsafeTemporaryAllocation(of: UInt8.self, capacity: width) { marks in
        for z in 1..<(depth - 1) {
          for y in 1..<(height - 1) {
            let row = flags.baseAddress! + (z * height + y) * width
            // Marks set earlier sit in higher bits and do not matter here.
            for x in 1..<(width - 1) {
              var inside = row[x - 1] & row[x + 1] & row[x - width] & row[x + width]
              if !isFlat { inside &= row[x - height * width] & row[x + height * width] }
              marks[x] = (row[x] & ~inside & 3) << 2
            }
            for x in 1..<(width - 1) { row[x] |= marks[x] }
          }
        }
      }
    }
  }

  /// The codes of all 2 x 2 x 2 neighbourhoods in which a mask has some corners and not all: the grid between the voxels,
  /// one less along each axis, with a byte of flags for where surfaces pass and the codes of both masks there.
  func neighbourhoods() -> (shape: [Int], flags: [UInt8], reference: [UInt8], prediction: [UInt8]) {
    let between = shape.map { $0 - 1 }
    let count = between.reduce(1, *)
    var surface = [UInt8](repeating: 0, count: count)
    var reference: [UInt8] = []
    var prediction: [UInt8] = []
    surface.withUnsafeMutableBufferPointer { surface in
      flags.withUnsafeBufferPointer { flags in
        let (height, width) = (shape[1], shape[2])
        var index = 0
        for z in 0..<between[0] {
          for y in 0..<between[1] {
            let near = flags.baseAddress! + (z * height + y) * width
            let far = near + height * width
            for x in 0..<between[2] {
              let corners = (
                near[x], near[x + 1], near[x + width], near[x + width + 1],
                far[x], far[x + 1], far[x + width], far[x + width + 1]
              )
              let some =
                corners.0 | corners.1 | corners.2 | corners.3 | corners.4 | corners.5 | corners.6 | corners.7
              let all =
                corners.0 & corners.1 & corners.2 & corners.3 & corners.4 & corners.5 & corners.6 & corners.7
              let passing = some & ~all & 3
              if passing != 0 {
                surface[index] = passing << 2
                if passing & Self.reference != 0 { reference.append(Self.code(corners, bit: 0)) }
                if passing & Self.prediction != 0 { prediction.append(Self.code(corners, bit: 1)) }
              }
              index += 1
            }
          }
        }
      }
    }
    return (between, surface, reference, prediction)
  }

  @inline(__always)
  private static func code(
    _ corners: (UInt8, UInt8, UInt8, UInt8, UInt8, UInt8, UInt8, UInt8), bit: UInt8
  ) -> UInt8 {
    func corner(_ flags: UInt8, _ place: UInt8) -> UInt8 { (flags >> bit & 1) << place }
    return corner(corners.0, 0) | corner(corners.1, 1) | corner(corners.2, 2) | corner(corners.3, 3)
      | corner(corners.4, 4) | corner(corners.5, 5) | corner(corners.6, 6) | corner(corners.7, 7)
  }
}
