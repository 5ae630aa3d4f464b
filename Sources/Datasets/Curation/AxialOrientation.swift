import Imaging

/// How a volume's voxel axes lie in the patient: which of them run along left, back and head, and which run backwards.
///
/// A slice is then drawn as radiologists see it: rows from front to back, columns from the patient's right to the left;
/// slices from feet to head. Oblique volumes are taken along the nearest axes.
struct AxialOrientation: Equatable {
  /// For slices, rows and columns of the result: the axis of the stored [Z, Y, X], and whether it is walked backwards.
  let axes: [Int]
  let isReversed: [Bool]

  /// - Parameter affine: three rows of four: voxel (x, y, z) to mm right, anterior, superior.
  init(affine: [[Double]]) {
    let best = PatientAxes(affine: affine).voxelAxes
    // Slices go up, rows go back and columns go left; NIfTI counts up, front and right.
    let wanted = [(patient: 2, sign: 1.0), (patient: 1, sign: -1.0), (patient: 0, sign: -1.0)]
    axes = wanted.map { 2 - best[$0.patient] }
    isReversed = wanted.map { affine[$0.patient][best[$0.patient]] * $0.sign < 0 }
  }

  /// The extents of the result: slices, rows, columns.
  func extents(_ shape: [Int]) -> [Int] { axes.map { shape[$0] } }

  /// The distances in mm between slices, rows, columns.
  func spacing(_ spacing: [Double]) -> [Double] { axes.map { spacing[$0] } }

  /// Slice `index` of a volume of `shape` into `output`, row by row.
  func slice(_ index: Int, of voxels: UnsafeBufferPointer<Float>, shape: [Int], into output: inout [Float]) {
    let strides = [shape[1] * shape[2], shape[2], 1]
    let size = extents(shape)
    func place(_ axis: Int, _ index: Int) -> Int {
      (isReversed[axis] ? size[axis] - 1 - index : index) * strides[axes[axis]]
    }
    let base = place(0, index)
    let step = (isReversed[2] ? -1 : 1) * strides[axes[2]]
    for row in 0..<size[1] {
      var from = base + place(1, row) + place(2, 0)
      for column in 0..<size[2] {
        output[row * size[2] + column] = voxels[from]
        from += step
      }
    }
  }
}
