import Elementary

/// Where nnU-Net's sliding window stops, and how it weighs what it sees.
public enum SlidingWindow {
  /// The tiles' first pixels along one axis: as few tiles as reach the end with steps of at most `step` tiles, spread evenly.
  /// - Parameters:
  ///   - extent: the image's size, at least the tile's.
  ///   - step: the greatest step as a part of the tile, in (0, 1].
  public static func positions(extent: Int, tile: Int, step: Double) -> [Int] {
    precondition(tile > 0 && extent >= tile && step > 0 && step <= 1, "tiles of \(tile) in \(extent) by \(step)")
    let room = extent - tile
    let steps = Int((Double(room) / (Double(tile) * step)).rounded(.up))
    if steps == 0 { return [0] }
    let distance = Double(room) / Double(steps)
    return (0...steps).map { Int((distance * Double($0)).rounded(.toNearestOrEven)) }
  }

  /// The weights of a tile's pixels, row by row: a Gaussian about pixel (height / 2, width / 2) whose standard deviations are
  /// an eighth of the tile's sides, 1 at the centre. It is the response of SciPy's `gaussian_filter` to a single pixel: cut at
  /// four standard deviations, where the smallest weight that is not 0 stands for those that are.
  public static func gaussian(height: Int, width: Int) -> [Float] {
    let (rows, columns) = (profile(height), profile(width))
    let peak = rows.max()! * columns.max()!
    var weights = [Float](repeating: 0, count: height * width)
    for row in 0..<height {
      for column in 0..<width { weights[row * width + column] = Float(rows[row] * columns[column] / peak) }
    }
    let smallest = weights.filter { $0 > 0 }.min()!
    for index in weights.indices where weights[index] == 0 { weights[index] = smallest }
    return weights
  }

  private static func profile(_ size: Int) -> [Double] {
    let deviation = Double(size) / 8
    let radius = Int(4 * deviation + 0.5)
    return (0..<size).map { index in
      let distance = index - size / 2
      return abs(distance) > radius ? 0 : Elementary.exp(-0.5 * Double(distance * distance) / (deviation * deviation))
    }
  }
}
