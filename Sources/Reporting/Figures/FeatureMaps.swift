import Tensors

/// A value or a colour for every patch of an image.
package struct PatchGrid<Element> {
  package let rows: Int
  package let columns: Int
  /// Row by row.
  package var values: [Element]

  package init(rows: Int, columns: Int, values: [Element]) {
    precondition(values.count == rows * columns, "\(values.count) values of \(rows) x \(columns) patches")
    self.rows = rows
    self.columns = columns
    self.values = values
  }

  subscript(row: Int, column: Int) -> Element { values[row * columns + column] }
}

/// What figures show of patch features `[rows, columns, width]`.
package enum FeatureMaps {
  /// The cosine between one patch's feature and every patch's.
  package static func similarity(_ features: Tensor, to patch: (row: Int, column: Int)) -> PatchGrid<Double> {
    let (rows, columns, width) = (features.shape[0], features.shape[1], features.shape[2])
    let unit = features.reshaped([rows * columns, width]).normalized()
    let place = patch.row * columns + patch.column
    let marked = unit.sliced(axis: 0, place..<(place + 1))
    let cosines = matrixProduct(unit, marked, transposeB: true).values(as: Float.self)
    return PatchGrid(rows: rows, columns: columns, values: cosines.map(Double.init))
  }

  /// Which patches show the scanned body, or whatever is bright: those whose mean intensity lies above Otsu's threshold of
  /// all patches' means (Otsu, "A threshold selection method from gray-level histograms", 1979).
  /// - Parameter image: `[1, C, H, W]`; H and W multiples of `patch`.
  package static func foreground(_ image: Tensor, patch: Int) -> PatchGrid<Bool> {
    let (channels, height, width) = (image.shape[1], image.shape[2], image.shape[3])
    let (rows, columns) = (height / patch, width / patch)
    var means = [Double](repeating: 0, count: rows * columns)
    image.moved(to: .cpu).withUnsafeElements(of: Float.self) { values in
      for channel in 0..<channels {
        for y in 0..<rows * patch {
          for x in 0..<columns * patch {
            means[y / patch * columns + x / patch] += Double(values[(channel * height + y) * width + x])
          }
        }
      }
    }
    let threshold = otsu(means)
    return PatchGrid(rows: rows, columns: columns, values: means.map { $0 > threshold })
  }

  /// The threshold between 256 equal steps from the least to the greatest value that parts them with the greatest variance
  /// between the two parts; the least value where all are equal.
  package static func otsu(_ values: [Double]) -> Double {
    guard let low = values.min(), let high = values.max(), high > low else { return values.first.map { $0 - 1 } ?? 0 }
    var counts = [Double](repeating: 0, count: 256)
    func bin(_ value: Double) -> Int { min(255, Int((value - low) / (high - low) * 256)) }
    for value in values { counts[bin(value)] += 1 }
    let total = Double(values.count)
    let sum = counts.indices.reduce(0) { $0 + Double($1) * counts[$1] }
    var (below, sumBelow, best, place) = (0.0, 0.0, -1.0, 0)
    for index in 0..<255 {
      below += counts[index]
      sumBelow += Double(index) * counts[index]
      guard below > 0, below < total else { continue }
      let difference = sumBelow / below - (sum - sumBelow) / (total - below)
      let variance = below * (total - below) * difference * difference
      if variance > best { (best, place) = (variance, index) }
    }
    return low + Double(place + 1) / 256 * (high - low)
  }

  /// The first three principal components of the foreground patches of all images as red, green and blue; the background
  /// black. The components, and the range of each that fills a channel (from its 1st to its 99th percentile), are those of
  /// all images together, so that a colour means the same in each.
  package static func components(_ maps: [(features: Tensor, foreground: PatchGrid<Bool>)]) -> (
    colours: [PatchGrid<Colour>], shares: [Double]
  ) {
    let vectors = maps.map { map -> Tensor in
      let places = map.foreground.values.indices.filter { map.foreground.values[$0] }
      let flat = map.features.reshaped([map.foreground.values.count, map.features.shape[2]])
      return flat.gathered(Tensor(places.map { Int32($0) }, shape: [places.count]))
    }
    let all = vectors.count == 1 ? vectors[0] : concatenate(vectors, axis: 0)
    let principal = PrincipalComponents(of: all, count: 3)
    let coordinates = vectors.map(principal.coordinates)
    let ranges = (0..<3).map { component -> (low: Double, high: Double) in
      let sorted = coordinates.joined().map { $0[component] }.sorted()
      return (sorted[sorted.count / 100], sorted[sorted.count - 1 - sorted.count / 100])
    }
    let colours = zip(maps, coordinates).map { map, coordinates -> PatchGrid<Colour> in
      var next = 0
      let values = map.foreground.values.map { isForeground -> Colour in
        guard isForeground else { return .black }
        let levels = zip(coordinates[next], ranges).map { value, range -> UInt8 in
          let part = range.high > range.low ? (value - range.low) / (range.high - range.low) : 0.5
          return UInt8((min(max(part, 0), 1) * 255).rounded())
        }
        next += 1
        return Colour(levels[0], levels[1], levels[2])
      }
      return PatchGrid(rows: map.foreground.rows, columns: map.foreground.columns, values: values)
    }
    return (colours, principal.shares)
  }
}
