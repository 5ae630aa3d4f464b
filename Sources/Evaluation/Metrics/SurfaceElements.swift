/// The area of the surface that separates the corners inside a mask from those outside in one 2 x 2 x 2 neighbourhood of
/// voxels, by marching cubes: the surface cuts the cube's edges at their middles.
///
/// Of the two sides the one with fewer corners is cut off, each of its edge-connected groups apart. With a_z, a_y, a_x the
/// areas sy sz, ... of the voxel's faces across each axis, and |u, v, w| = sqrt((u a_z)^2 + (v a_y)^2 + (w a_x)^2) / 8:
///
/// - one corner: |1, 1, 1|
/// - two along an axis: 2 |2, 2| over the other two axes
/// - three in a plane: |1, 1, 1| + |2, 2, 2| + |4| across the plane
/// - four in a plane: 2 |4| across the plane
/// - a corner with its three neighbours: 6 |1, 1, 1|
/// - four in a path along three axes: |1, 1, 1| + |3, 3, 3| + |2, 2| over the middle axis with the first, and with the last
///
/// These are the areas of DeepMind's surface-distance, whose table comes from marching cubes as well.
struct SurfaceElements {
  /// The area in mm^2 for each code: bit 4 z + 2 y + x says whether corner (z, y, x) is inside.
  let areas: [Double]

  /// - Parameter spacing: mm along [z, y, x].
  init(spacing: [Double]) {
    let faces = [spacing[1] * spacing[2], spacing[0] * spacing[2], spacing[0] * spacing[1]]
    areas = (0..<256).map { code in
      let inside = (0..<8).filter { code >> $0 & 1 == 1 }
      let outside = (0..<8).filter { code >> $0 & 1 == 0 }
      return Self.groups(of: inside.count <= outside.count ? inside : outside)
        .map { Self.area(of: $0, faces: faces) }.reduce(0, +)
    }
  }

  /// Corners joined along the cube's edges.
  private static func groups(of corners: [Int]) -> [[Int]] {
    var groups: [[Int]] = []
    for corner in corners {
      let (joined, apart) = (
        groups.filter { $0.contains { ($0 ^ corner).nonzeroBitCount == 1 } },
        groups.filter { !$0.contains { ($0 ^ corner).nonzeroBitCount == 1 } }
      )
      groups = apart + [joined.flatMap { $0 } + [corner]]
    }
    return groups
  }

  /// The area that cuts off one group.
  private static func area(of group: [Int], faces: [Double]) -> Double {
    /// `eighths` of each face's area, as the lengths of a vector.
    func norm(_ eighths: [Double]) -> Double {
      zip(eighths, faces).map { $0 * $1 / 8 * ($0 * $1 / 8) }.reduce(0, +).squareRoot()
    }
    /// The same number of eighths over the given axes.
    func norm(_ eighths: Double, _ axes: [Int]) -> Double { norm((0..<3).map { axes.contains($0) ? eighths : 0 }) }
    let all = [0, 1, 2]
    let edges = group.flatMap { left in
      group.filter { left < $0 && (left ^ $0).nonzeroBitCount == 1 }.map { (left, $0) }
    }
    let axes = all.filter { axis in edges.contains { Self.axis($0.0, $0.1) == axis } }
    let across = all.filter { !axes.contains($0) }
    switch (group.count, edges.count) {
    case (1, _): return norm(1, all)
    case (2, _): return 2 * norm(2, across)
    case (3, _): return norm(1, all) + norm(2, all) + norm(4, across)
    case (4, 4): return 2 * norm(4, across)
    default:
      // Three edges: in a path, one of them touches both others.
      let middle = edges.filter { edge in
        edges.filter { $0 != edge }.allSatisfy { other in
          [other.0, other.1].contains { $0 == edge.0 || $0 == edge.1 }
        }
      }
      guard middle.count == 1 else { return 6 * norm(1, all) }
      let centre = Self.axis(middle[0].0, middle[0].1)
      let ends = all.filter { $0 != centre }
      return norm(1, all) + norm(3, all) + norm(2, [centre, ends[0]]) + norm(2, [centre, ends[1]])
    }
  }

  /// The axis along which two neighbouring corners lie: 0 is z, a corner's highest bit.
  private static func axis(_ left: Int, _ right: Int) -> Int { 2 - (left ^ right).trailingZeroBitCount }
}
