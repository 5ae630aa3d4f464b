/// A predictor that has learnt nothing but where organs usually lie: at each relative position in the volume, the label
/// that the training cases most often have there. What a trained network must clearly beat.
public struct PositionPrior: Sendable {
  /// The grid that every volume is stretched over, `[Z, Y, X]`.
  private let grid: [Int]
  private let labelCount: Int
  private var counts: [Int32]

  /// - Parameters:
  ///   - labelCount: the number of labels, the background among them: values 0 to labelCount - 1 are counted.
  ///   - grid: cells along z, y and x.
  public init(labelCount: Int, grid: [Int] = [16, 48, 48]) {
    precondition(
      labelCount > 0 && grid.count == 3 && grid.allSatisfy { $0 > 0 }, "a prior of \(labelCount) labels on \(grid)")
    self.labelCount = labelCount
    self.grid = grid
    counts = Array(repeating: 0, count: grid.reduce(1, *) * labelCount)
  }

  /// Counts one training case's labels `[Z, Y, X]`; values outside the labels are left out.
  public mutating func learn(_ labels: [Int16], shape: [Int]) {
    precondition(shape.count == 3 && labels.count == shape.reduce(1, *), "\(labels.count) labels do not fill \(shape)")
    forEachVoxel(of: shape) { voxel, cell in
      let label = Int(labels[voxel])
      if label >= 0 && label < labelCount { counts[cell * labelCount + label] += 1 }
    }
  }

  /// The most frequent label at every voxel of a volume of that shape; the lower label where two are equally frequent.
  public func prediction(shape: [Int]) -> [Int16] {
    var winners = [Int16](repeating: 0, count: grid.reduce(1, *))
    for cell in winners.indices {
      var best = 0
      for label in 1..<max(labelCount, 1) where counts[cell * labelCount + label] > counts[cell * labelCount + best] {
        best = label
      }
      winners[cell] = Int16(best)
    }
    var result = [Int16](repeating: 0, count: shape.reduce(1, *))
    forEachVoxel(of: shape) { voxel, cell in result[voxel] = winners[cell] }
    return result
  }

  private func forEachVoxel(of shape: [Int], _ body: (_ voxel: Int, _ cell: Int) -> Void) {
    var voxel = 0
    for z in 0..<shape[0] {
      let cellZ = z * grid[0] / shape[0]
      for y in 0..<shape[1] {
        let cellRow = (cellZ * grid[1] + y * grid[1] / shape[1]) * grid[2]
        for x in 0..<shape[2] {
          body(voxel, cellRow + x * grid[2] / shape[2])
          voxel += 1
        }
      }
    }
  }
}
