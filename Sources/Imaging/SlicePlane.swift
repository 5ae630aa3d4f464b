/// How slices lie in a volume: across which of its axes [Z, Y, X], and which of the others are rows and columns.
public struct SlicePlane: Sendable, Equatable {
  /// Axes are 0 (z), 1 (y) or 2 (x).
  public let axis: Int
  /// The axis that runs from row to row, and the one along a row.
  public let rowAxis, columnAxis: Int

  /// Slices as the plan's axis order gives them to a network: rows and columns in the volume's order.
  public init(across axis: Int) {
    precondition((0...2).contains(axis), "an axis \(axis) of three")
    self.axis = axis
    let others = (0...2).filter { $0 != axis }
    (rowAxis, columnAxis) = (others[0], others[1])
  }

  /// Slices as they are looked at: the patient's head, or else front, is up or down and never left or right.
  public init(across axis: Int, upright affine: [[Double]]) {
    let stored = SlicePlane(across: axis)
    let patient = PatientAxes(affine: affine).voxelAxes
    func rank(_ axis: Int) -> Int { patient.firstIndex(of: 2 - axis)! }
    let isUpright = rank(stored.rowAxis) > rank(stored.columnAxis)
    self.axis = axis
    (rowAxis, columnAxis) =
      isUpright ? (stored.rowAxis, stored.columnAxis) : (stored.columnAxis, stored.rowAxis)
  }

  /// One slice of a volume, row by row.
  public func slice<Element>(_ index: Int, of volume: Volume<Element>) -> [Element] {
    let shape = volume.shape
    precondition((0..<shape[axis]).contains(index), "slice \(index) of \(shape[axis])")
    let strides = [shape[1] * shape[2], shape[2], 1]
    let (rows, columns) = (shape[rowAxis], shape[columnAxis])
    return volume.voxels.withUnsafeBufferPointer { voxels in
      [Element](unsafeUninitializedCapacity: rows * columns) { output, count in
        for row in 0..<rows {
          let first = index * strides[axis] + row * strides[rowAxis]
          for column in 0..<columns {
            (output.baseAddress! + row * columns + column).initialize(to: voxels[first + column * strides[columnAxis]])
          }
        }
        count = rows * columns
      }
    }
  }

  /// The axis of the greatest spacing, the first of equals: across it nnU-Net plans slices.
  /// - Parameter spacing: along [z, y, x].
  public static func axis(ofGreatest spacing: [Double]) -> Int {
    spacing.indices.reduce(0) { spacing[$1] > spacing[$0] ? $1 : $0 }
  }
}
