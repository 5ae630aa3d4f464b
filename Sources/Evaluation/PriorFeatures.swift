/// The cells that predictors without a network sort voxels into: by place, by intensity, or by both.
public struct PriorFeatures: Sendable, Equatable {
  /// Places along z, y and x that every volume is stretched over: voxel i of n along an axis lies at place ⌊i · places / n⌋.
  let grid: [Int]
  /// The intensities at which one cell ends and the next begins, rising; none where intensity does not count.
  let edges: [Float]

  public init(grid: [Int] = [1, 1, 1], edges: [Float] = []) {
    precondition(grid.count == 3 && grid.allSatisfy { $0 > 0 }, "a grid of \(grid)")
    precondition(zip(edges, edges.dropFirst()).allSatisfy(<), "edges that do not rise: \(edges)")
    self.grid = grid
    self.edges = edges
  }

  public var seesImage: Bool { !edges.isEmpty }

  var cellCount: Int { grid.reduce(edges.count + 1, *) }

  /// At most `count` - 1 edges that part intensities into equal shares.
  public static func edges(of intensities: [Float], parts count: Int) -> [Float] {
    let sorted = intensities.filter(\.isFinite).sorted()
    guard !sorted.isEmpty else { return [] }
    var edges: [Float] = []
    for part in 1..<max(count, 1) {
      let edge = sorted[part * sorted.count / count]
      if edge > sorted[0], edge > edges.last ?? -.infinity { edges.append(edge) }
    }
    return edges
  }

  /// - Parameter image: empty where intensity does not count; edges that no intensity gave make it count for nothing.
  func forEachVoxel(of shape: [Int], image: [Float], _ body: (_ voxel: Int, _ cell: Int) -> Void) {
    precondition(!seesImage || image.count == shape.reduce(1, *), "\(image.count) intensities do not fill \(shape)")
    let column = (0..<shape[2]).map { $0 * grid[2] / shape[2] }
    let parts = edges.count + 1
    var voxel = 0
    for z in 0..<shape[0] {
      let slice = z * grid[0] / shape[0] * grid[1]
      for y in 0..<shape[1] {
        let row = (slice + y * grid[1] / shape[1]) * grid[2]
        for x in 0..<shape[2] {
          body(voxel, (row + column[x]) * parts + (seesImage ? part(image[voxel]) : 0))
          voxel += 1
        }
      }
    }
  }

  /// How many edges are at or below an intensity.
  private func part(_ intensity: Float) -> Int {
    var (low, high) = (0, edges.count)
    while low < high {
      let middle = (low + high) / 2
      if edges[middle] <= intensity { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
