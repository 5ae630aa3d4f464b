import CTorchPlugin
import Tensors

extension TorchBackend {
  package func tiles(of slice: Tensor, at placements: [TilePlacement], height: Int, width: Int) -> Tensor {
    let places = placements.map(\.code)
    return withViews([slice]) { views in
      made(.float32) { $0.tiles(views, places, Int32(places.count), Int64(height), Int64(width), &$1) }
    }
  }

  package func add(_ tiles: Tensor, weights: Tensor, at placements: [TilePlacement], to sums: Tensor) {
    let places = placements.map(\.code)
    withViews([tiles, weights, sums]) { views in
      require { $0.add_tiles(views, views + 1, places, Int32(places.count), views + 2) }
    }
  }
}

extension TilePlacement {
  fileprivate var code: segtorch_placement {
    segtorch_placement(
      top: Int64(top), left: Int64(left), flips_rows: flipsRows ? 1 : 0, flips_columns: flipsColumns ? 1 : 0)
  }
}
