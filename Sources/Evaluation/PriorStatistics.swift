/// What labels training cases have at which places and intensities: all that a predictor can know that looks at one voxel at
/// a time, or at no image at all. Voxels are sorted into cells (`PriorFeatures`); of each cell it is counted how many voxels
/// of each label the cases have there.
public struct PriorStatistics: Sendable {
  let features: PriorFeatures
  let labelCount: Int
  /// Voxels of all cases together, `[cell][label]`.
  private var counts: [Int]
  private var cases: [Case] = []

  private struct Case {
    /// How many voxels it has in each cell, whatever their label.
    let voxels: [Int32]
    /// For each label the cells where there are some, in order, and the voxels there; nothing for the background.
    let labels: [[(cell: Int, voxels: Int)]]
  }

  /// - Parameters:
  ///   - labelCount: the number of labels, the background among them: values 0 to labelCount - 1 are counted.
  ///   - features: the cells.
  public init(labelCount: Int, features: PriorFeatures) {
    precondition(labelCount > 0, "statistics of \(labelCount) labels")
    self.labelCount = labelCount
    self.features = features
    counts = Array(repeating: 0, count: features.cellCount * labelCount)
  }

  /// Counts one training case's labels `[Z, Y, X]`; values outside the labels are left out.
  /// - Parameter image: its voxels' intensities, of the same shape; empty where the features have none.
  public mutating func learn(_ labels: [Int16], image: [Float] = [], shape: [Int]) {
    precondition(shape.count == 3 && labels.count == shape.reduce(1, *), "\(labels.count) labels do not fill \(shape)")
    var found = [Int](repeating: 0, count: counts.count)
    var voxels = [Int32](repeating: 0, count: features.cellCount)
    features.forEachVoxel(of: shape, image: image) { voxel, cell in
      voxels[cell] += 1
      let label = Int(labels[voxel])
      if label >= 0 && label < labelCount { found[cell * labelCount + label] += 1 }
    }
    var labels = [[(cell: Int, voxels: Int)]](repeating: [], count: labelCount)
    for (index, voxels) in found.enumerated() where voxels > 0 {
      counts[index] += voxels
      if index % labelCount > 0 { labels[index % labelCount].append((index / labelCount, voxels)) }
    }
    cases.append(Case(voxels: voxels, labels: labels))
  }

  /// The most frequent label in each cell; the lower label where two are equally frequent.
  public func majority() -> PriorPredictor {
    predictor { cell in
      var best = 0
      for label in 1..<max(labelCount, 1) where counts[cell * labelCount + label] > counts[cell * labelCount + best] {
        best = label
      }
      return best
    }
  }

  /// In each cell the class whose share of the voxels there reaches the class's own threshold (`thresholds`); where several
  /// do, the one with the greatest share in units of its threshold, the earlier class when those are equal; else the
  /// background. Regions, classes that overlap, are written one over the other in their order, as nnU-Net exports them.
  /// - Parameter classes: what a Dice is taken of; nil for each label by itself.
  public func thresholded(_ classes: [PriorClass]? = nil) -> PriorPredictor {
    let classes = classes ?? PriorClass.labels(labelCount)
    let thresholds = thresholds(classes)
    let overlap = Set(classes.flatMap(\.labels)).count < classes.reduce(0) { $0 + $1.labels.count }
    return predictor { cell in
      var (best, greatest) = (0, 0.0)
      for (item, threshold) in zip(classes, thresholds) {
        guard let threshold else { continue }
        let share = share(of: item, in: cell)
        if share >= threshold, overlap || share / threshold > greatest {
          (best, greatest) = (item.predictedLabel, share / threshold)
        }
      }
      return best
    }
  }

  private func predictor(_ label: (_ cell: Int) -> Int) -> PriorPredictor {
    PriorPredictor(features: features, labels: (0..<features.cellCount).map { Int16(label($0)) })
  }

  private func voxels(of item: PriorClass, in cell: Int) -> Int {
    item.labels.reduce(0) { $0 + counts[cell * labelCount + $1] }
  }

  /// A class's part of the voxels that all cases together have in a cell; 0 where they have none.
  private func share(of item: PriorClass, in cell: Int) -> Double {
    let voxels = voxels(of: item, in: cell)
    return voxels == 0
      ? 0 : Double(voxels) / Double(counts[(cell * labelCount)..<((cell + 1) * labelCount)].reduce(0, +))
  }

  /// For each class the share at or above which predicting it, and nothing else, gives the greatest mean Dice over the
  /// counted cases that have the class; the greater share where two give the same. Nil for a class that no case has.
  /// - Parameter classes: nil for each label by itself.
  public func thresholds(_ classes: [PriorClass]? = nil) -> [Double?] {
    (classes ?? PriorClass.labels(labelCount)).map(threshold)
  }

  private func threshold(of item: PriorClass) -> Double? {
    let cells = (0..<features.cellCount).filter { voxels(of: item, in: $0) > 0 }
      .map { (cell: $0, share: share(of: item, in: $0)) }
      .sorted { ($1.share, $0.cell) < ($0.share, $1.cell) }
    guard !cells.isEmpty else { return nil }
    // Cells of one share are taken together.
    let isLast = cells.indices.map { $0 + 1 == cells.count || cells[$0 + 1].share < cells[$0].share }
    var rank = [Int](repeating: -1, count: features.cellCount)
    for (index, item) in cells.enumerated() { rank[item.cell] = index }
    var dice = [Double](repeating: 0, count: cells.count)
    var mine = [Int](repeating: 0, count: cells.count)
    for source in cases {
      let found = item.labels.flatMap { source.labels[$0] }
      guard !found.isEmpty else { continue }
      for (cell, voxels) in found { mine[rank[cell]] += voxels }
      let whole = found.reduce(0) { $0 + $1.voxels }
      var (predicted, common) = (0, 0)
      for index in cells.indices {
        predicted += Int(source.voxels[cells[index].cell])
        common += mine[index]
        if isLast[index] { dice[index] += 2 * Double(common) / Double(predicted + whole) }
      }
      for (cell, _) in found { mine[rank[cell]] = 0 }
    }
    var best: Int?
    for index in cells.indices where isLast[index] {
      if best.map({ dice[index] > dice[$0] }) ?? true { best = index }
    }
    return best.map { cells[$0].share }
  }
}

/// A class that predictors are scored on: one label, or several that count as one region.
public struct PriorClass: Sendable {
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
  static func labels(_ count: Int) -> [PriorClass] {
    (1..<max(count, 1)).map { PriorClass(labels: [$0], predictedLabel: $0) }
  }
}

/// A label for each cell, whatever the voxels around show.
public struct PriorPredictor: Sendable, Equatable {
  let features: PriorFeatures
  /// One for each cell.
  let labels: [Int16]

  /// The label at every voxel of a volume of that shape `[Z, Y, X]`.
  /// - Parameter image: its intensities; empty where the features have none.
  public func prediction(shape: [Int], image: [Float] = []) -> [Int16] {
    var result = [Int16](repeating: 0, count: shape.reduce(1, *))
    features.forEachVoxel(of: shape, image: image) { voxel, cell in result[voxel] = labels[cell] }
    return result
  }
}
