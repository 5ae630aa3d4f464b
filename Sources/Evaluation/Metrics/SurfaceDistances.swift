/// The distances in mm from each element of one surface to the other surface, both ways, and what each element weighs.
struct SurfaceDistances {
  let fromReference: [Double]
  let fromPrediction: [Double]
  /// Areas in mm^2, in the distances' order; nil where each element weighs the same.
  let referenceAreas: [Double]?
  let predictionAreas: [Double]?

  /// The share of both surfaces that lies within `tolerance` mm of the other.
  func dice(within tolerance: Double) -> Double {
    guard let referenceAreas, let predictionAreas else {
      // MONAI's distances are 32-bit floats, and so is what it compares them with.
      let tolerance = Double(Float(tolerance))
      let near =
        fromReference.count { $0 <= tolerance } + fromPrediction.count { $0 <= tolerance }
      return Double(near) / Double(fromReference.count + fromPrediction.count)
    }
    func near(_ distances: [Double], _ areas: [Double]) -> Double {
      zip(distances, areas).reduce(0) { $1.0 <= tolerance ? $0 + $1.1 : $0 }
    }
    return (near(fromReference, referenceAreas) + near(fromPrediction, predictionAreas))
      / (referenceAreas.reduce(0, +) + predictionAreas.reduce(0, +))
  }

  /// The greater of the two directions' 95th percentiles.
  func percentile95() -> Double {
    max(
      Self.percentile95(fromReference, areas: referenceAreas), Self.percentile95(fromPrediction, areas: predictionAreas)
    )
  }

  private static func percentile95(_ distances: [Double], areas: [Double]?) -> Double {
    guard let areas else {
      let sorted = distances.sorted()
      let rank = 0.95 * Double(sorted.count - 1)
      let below = Int(rank)
      let above = min(below + 1, sorted.count - 1)
      return sorted[below] + (rank - Double(below)) * (sorted[above] - sorted[below])
    }
    // The first element at which the sorted elements' summed area reaches 95 % of the whole.
    let order = distances.indices.sorted {
      distances[$0] != distances[$1] ? distances[$0] < distances[$1] : areas[$0] < areas[$1]
    }
    let whole = areas.reduce(0, +)
    var sum = 0.0
    for index in order {
      sum += areas[index]
      if sum / whole >= 0.95 { return distances[index] }
    }
    return distances[order[order.count - 1]]
  }
}
