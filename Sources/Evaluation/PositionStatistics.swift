/// Where the labels of training cases lie: all that a predictor can know that never sees the image. Every volume is
/// stretched over one grid of places; at each place it is counted how many voxels of each label the cases have there.
public struct PositionStatistics: Sendable {
  /// Places along z, y and x.
  let grid: [Int]
  let labelCount: Int
  /// Voxels of all cases together, `[place][label]`.
  private var counts: [Int]
  private var cases: [Case] = []

  /// One case's voxels of each label, only at the places where there are some.
  private struct Case {
    let shape: [Int]
    /// For each label the places, in order, and the voxels there; nothing for the background.
    var labels: [[(place: Int, voxels: Int)]]
  }

  /// - Parameters:
  ///   - labelCount: the number of labels, the background among them: values 0 to labelCount - 1 are counted.
  ///   - grid: places along z, y and x.
  public init(labelCount: Int, grid: [Int] = [16, 48, 48]) {
    precondition(
      labelCount > 0 && grid.count == 3 && grid.allSatisfy { $0 > 0 }, "statistics of \(labelCount) labels on \(grid)")
    self.labelCount = labelCount
    self.grid = grid
    counts = Array(repeating: 0, count: grid.reduce(1, *) * labelCount)
  }

  /// Counts one training case's labels `[Z, Y, X]`; values outside the labels are left out.
  public mutating func learn(_ labels: [Int16], shape: [Int]) {
    precondition(shape.count == 3 && labels.count == shape.reduce(1, *), "\(labels.count) labels do not fill \(shape)")
    var found = [Int](repeating: 0, count: counts.count)
    PositionGrid.forEachVoxel(of: shape, on: grid) { voxel, place in
      let label = Int(labels[voxel])
      if label >= 0 && label < labelCount { found[place * labelCount + label] += 1 }
    }
    var item = Case(shape: shape, labels: Array(repeating: [], count: labelCount))
    for (index, voxels) in found.enumerated() where voxels > 0 {
      counts[index] += voxels
      if index % labelCount > 0 { item.labels[index % labelCount].append((index / labelCount, voxels)) }
    }
    cases.append(item)
  }

  /// The same cases on a grid of one place along z: what is known without the height.
  public func withoutHeight() -> PositionStatistics {
    let area = grid[1] * grid[2]
    var flat = PositionStatistics(labelCount: labelCount, grid: [1, grid[1], grid[2]])
    for (index, voxels) in counts.enumerated() {
      flat.counts[index / labelCount % area * labelCount + index % labelCount] += voxels
    }
    flat.cases = cases.map { item in
      var sums = [Int](repeating: 0, count: area)
      return Case(
        shape: item.shape,
        labels: item.labels.map { places in
          for (place, voxels) in places { sums[place % area] += voxels }
          let used = Set(places.map { $0.place % area }).sorted()
          defer { for place in used { sums[place] = 0 } }
          return used.map { ($0, sums[$0]) }
        })
    }
    return flat
  }

  /// The most frequent label at each place; the lower label where two are equally frequent.
  public func majority() -> PositionPredictor {
    predictor { place in
      var best = 0
      for label in 1..<max(labelCount, 1) where counts[place * labelCount + label] > counts[place * labelCount + best] {
        best = label
      }
      return best
    }
  }

  /// At each place the class whose share of the voxels there reaches the class's own threshold (`thresholds`); where several
  /// do, the one with the greatest share in units of its threshold, the earlier class when those are equal; else the
  /// background. Regions, classes that overlap, are written one over the other in their order, as nnU-Net exports them.
  /// - Parameter classes: what a Dice is taken of; nil for each label by itself.
  public func thresholded(_ classes: [PositionClass]? = nil) -> PositionPredictor {
    let classes = classes ?? PositionClass.labels(labelCount)
    let thresholds = thresholds(classes)
    let overlap = Set(classes.flatMap(\.labels)).count < classes.reduce(0) { $0 + $1.labels.count }
    return predictor { place in
      var (best, greatest) = (0, 0.0)
      for (item, threshold) in zip(classes, thresholds) {
        guard let threshold else { continue }
        let share = share(of: item, at: place)
        if share >= threshold, overlap || share / threshold > greatest {
          (best, greatest) = (item.predictedLabel, share / threshold)
        }
      }
      return best
    }
  }

  private func predictor(_ label: (_ place: Int) -> Int) -> PositionPredictor {
    PositionPredictor(grid: grid, labels: (0..<grid.reduce(1, *)).map { Int16(label($0)) })
  }

  private func voxels(of item: PositionClass, at place: Int) -> Int {
    item.labels.reduce(0) { $0 + counts[place * labelCount + $1] }
  }

  /// A class's part of the voxels that all cases together have at a place; 0 where they have none.
  private func share(of item: PositionClass, at place: Int) -> Double {
    let voxels = voxels(of: item, at: place)
    return voxels == 0
      ? 0 : Double(voxels) / Double(counts[(place * labelCount)..<((place + 1) * labelCount)].reduce(0, +))
  }

  /// For each class the share at or above which predicting it, and nothing else, gives the greatest mean Dice over the
  /// counted cases that have the class; the greater share where two give the same. Nil for a class that no case has.
  /// - Parameter classes: nil for each label by itself.
  public func thresholds(_ classes: [PositionClass]? = nil) -> [Double?] {
    (classes ?? PositionClass.labels(labelCount)).map(threshold)
  }

  private func threshold(of item: PositionClass) -> Double? {
    let places = (0..<(counts.count / labelCount)).filter { voxels(of: item, at: $0) > 0 }
      .map { (place: $0, share: share(of: item, at: $0)) }
      .sorted { ($1.share, $0.place) < ($0.share, $1.place) }
    guard !places.isEmpty else { return nil }
    // Places of one share are taken together.
    let isLast = places.indices.map { $0 + 1 == places.count || places[$0 + 1].share < places[$0].share }
    var rank = [Int](repeating: -1, count: counts.count / labelCount)
    for (index, item) in places.enumerated() { rank[item.place] = index }
    let position = places.map { item in
      (z: item.place / (grid[1] * grid[2]), y: item.place / grid[2] % grid[1], x: item.place % grid[2])
    }
    var dice = [Double](repeating: 0, count: places.count)
    var mine = [Int](repeating: 0, count: places.count)
    for source in cases {
      let found = item.labels.flatMap { source.labels[$0] }
      guard !found.isEmpty else { continue }
      for (place, voxels) in found { mine[rank[place]] += voxels }
      let extents = zip(source.shape, grid).map(PositionGrid.voxelsPerPlace)
      let whole = found.reduce(0) { $0 + $1.voxels }
      var (predicted, common) = (0, 0)
      for index in places.indices {
        let place = position[index]
        predicted += extents[0][place.z] * extents[1][place.y] * extents[2][place.x]
        common += mine[index]
        if isLast[index] { dice[index] += 2 * Double(common) / Double(predicted + whole) }
      }
      for (place, _) in found { mine[rank[place]] = 0 }
    }
    var best: Int?
    for index in places.indices where isLast[index] {
      if best.map({ dice[index] > dice[$0] }) ?? true { best = index }
    }
    return best.map { places[$0].share }
  }
}

/// A class that predictors are scored on: one label, or several that count as one region.
public struct PositionClass: Sendable {
  /// Above 0.
  public let labels: [Int]
  /// What a label map has where the class is predicted.
  public let predictedLabel: Int

  public init(labels: [Int], predictedLabel: Int) {
    precondition(labels.allSatisfy { $0 > 0 } && Set(labels).count == labels.count, "a class of the labels \(labels)")
    self.labels = labels
    self.predictedLabel = predictedLabel
  }

  /// Each label but the background by itself.
  static func labels(_ count: Int) -> [PositionClass] {
    (1..<max(count, 1)).map { PositionClass(labels: [$0], predictedLabel: $0) }
  }
}

/// A label at each place of a grid, whatever the image shows.
public struct PositionPredictor: Sendable, Equatable {
  /// Places along z, y and x.
  let grid: [Int]
  /// One for each place.
  let labels: [Int16]

  /// The label at every voxel of a volume of that shape `[Z, Y, X]`.
  public func prediction(shape: [Int]) -> [Int16] {
    var result = [Int16](repeating: 0, count: shape.reduce(1, *))
    PositionGrid.forEachVoxel(of: shape, on: grid) { voxel, place in result[voxel] = labels[place] }
    return result
  }
}

/// How a volume is stretched over a grid of places: voxel i of n along an axis lies at place ⌊i · places / n⌋.
enum PositionGrid {
  static func forEachVoxel(of shape: [Int], on grid: [Int], _ body: (_ voxel: Int, _ place: Int) -> Void) {
    let column = (0..<shape[2]).map { $0 * grid[2] / shape[2] }
    var voxel = 0
    for z in 0..<shape[0] {
      let slice = z * grid[0] / shape[0] * grid[1]
      for y in 0..<shape[1] {
        let row = (slice + y * grid[1] / shape[1]) * grid[2]
        for x in 0..<shape[2] {
          body(voxel, row + column[x])
          voxel += 1
        }
      }
    }
  }

  /// How many of an axis's voxels lie at each place.
  static func voxelsPerPlace(_ voxels: Int, _ places: Int) -> [Int] {
    var result = [Int](repeating: 0, count: places)
    for index in 0..<voxels { result[index * places / voxels] += 1 }
    return result
  }
}

/// The four predictors that never see the image, by what they know and how they decide.
public enum PositionRule: String, Sendable, CaseIterable {
  case majorityWithHeight = "majority with height"
  case majorityWithoutHeight = "majority without height"
  case thresholdsWithHeight = "thresholds with height"
  case thresholdsWithoutHeight = "thresholds without height"
}

extension PositionStatistics {
  /// Each rule's predictor, in the rules' order.
  /// - Parameter classes: what they are scored on; nil for each label by itself.
  public func predictors(_ classes: [PositionClass]? = nil) -> [(rule: PositionRule, predictor: PositionPredictor)] {
    let flat = withoutHeight()
    return PositionRule.allCases.map { rule in
      switch rule {
      case .majorityWithHeight: (rule, majority())
      case .majorityWithoutHeight: (rule, flat.majority())
      case .thresholdsWithHeight: (rule, thresholded(classes))
      case .thresholdsWithoutHeight: (rule, flat.thresholded(classes))
      }
    }
  }
}
