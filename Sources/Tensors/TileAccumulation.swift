/// Where a tile lies on a slice, and how it is mirrored.
package struct TilePlacement: Sendable {
  /// The slice's pixel under the tile's first; negative where the tile reaches beyond the slice.
  package let top: Int
  package let left: Int
  /// Whether the tile's rows, or columns, run against the slice's.
  package let flipsRows: Bool
  package let flipsColumns: Bool

  package init(top: Int, left: Int, flipsRows: Bool, flipsColumns: Bool) {
    (self.top, self.left, self.flipsRows, self.flipsColumns) = (top, left, flipsRows, flipsColumns)
  }
}

/// Cutting tiles from a slice and adding them up again, float32 all of it.
package protocol TileAccumulation {
  /// Tiles `[T, C, height, width]` of a slice `[C, Y, X]`, 0 beyond it.
  func tiles(of slice: Tensor, at placements: [TilePlacement], height: Int, width: Int) -> Tensor

  /// Adds each tile `[T, C, height, width]`, times its weights, to the sums `[C, Y, X]`, in the tiles' order.
  /// - Parameter weights: `[height, width]`, of the tile as it lies on the slice.
  func add(_ tiles: Tensor, weights: Tensor, at placements: [TilePlacement], to sums: Tensor)
}
