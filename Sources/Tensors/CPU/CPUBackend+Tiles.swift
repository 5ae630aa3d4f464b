extension CPUBackend {
  package func tiles(of slice: Tensor, at placements: [TilePlacement], height: Int, width: Int) -> Tensor {
    let channels = slice.shape[0]
    let size = MapSize(height: height, width: width)
    let tiles = Tensor(zeros: [placements.count, channels, height, width])
    let (source, target) = (slice.floats, tiles.floats)
    for (index, placement) in placements.enumerated() {
      for channel in 0..<channels {
        let tile = target + (index * channels + channel) * size.count
        let plane = source + channel * slice.shape[1] * slice.shape[2]
        visit(placement, size, slice) { inSlice, inTile, _ in tile[inTile] = plane[inSlice] }
      }
    }
    return tiles
  }

  package func add(_ tiles: Tensor, weights: Tensor, at placements: [TilePlacement], to sums: Tensor) {
    let channels = tiles.shape[1]
    let size = MapSize(height: tiles.shape[2], width: tiles.shape[3])
    let (source, target, weights) = (tiles.floats, sums.floats, weights.floats)
    for (index, placement) in placements.enumerated() {
      for channel in 0..<channels {
        let tile = source + (index * channels + channel) * size.count
        let plane = target + channel * sums.shape[1] * sums.shape[2]
        visit(placement, size, sums) { inSlice, inTile, upright in plane[inSlice] += weights[upright] * tile[inTile] }
      }
    }
  }

  /// Calls `body` with the places of every pixel that a tile shares with the slice: in the slice, in the tile, and in the tile
  /// as it would be without being mirrored.
  @inline(__always)
  private func visit(
    _ placement: TilePlacement, _ tile: MapSize, _ slice: Tensor,
    _ body: (_ inSlice: Int, _ inTile: Int, _ upright: Int) -> Void
  ) {
    let (height, width) = (slice.shape[1], slice.shape[2])
    let rows = max(0, placement.top)..<min(height, placement.top + tile.height)
    let columns = max(0, placement.left)..<min(width, placement.left + tile.width)
    let x = columns.lowerBound - placement.left
    let direction = placement.flipsColumns ? -1 : 1
    for row in rows {
      let y = row - placement.top
      let first =
        (placement.flipsRows ? tile.height - 1 - y : y) * tile.width
        + (placement.flipsColumns ? tile.width - 1 - x : x)
      let (upright, inSlice) = (y * tile.width + x, row * width + columns.lowerBound)
      for index in 0..<columns.count { body(inSlice + index, first + direction * index, upright + index) }
    }
  }
}
