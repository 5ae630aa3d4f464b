/// The predictors without a network, by what they know of a voxel and how they decide.
public enum PriorRule: String, Sendable, CaseIterable {
  case majorityWithHeight = "majority with height"
  case majorityWithoutHeight = "majority without height"
  case thresholdsWithHeight = "thresholds with height"
  case thresholdsWithoutHeight = "thresholds without height"
  case intensity = "thresholds by intensity"
  case intensityAndPosition = "thresholds by intensity and position"

  /// Whether it looks at the voxel's own intensity.
  public var seesImage: Bool { self == .intensity || self == .intensityAndPosition }

  fileprivate var isMajority: Bool { self == .majorityWithHeight || self == .majorityWithoutHeight }

  /// - Parameter intensities: of the training cases.
  fileprivate func features(_ intensities: [Float]) -> PriorFeatures {
    switch self {
    case .majorityWithHeight, .thresholdsWithHeight: PriorFeatures(grid: [16, 48, 48])
    case .majorityWithoutHeight, .thresholdsWithoutHeight: PriorFeatures(grid: [1, 48, 48])
    case .intensity: PriorFeatures(edges: PriorFeatures.edges(of: intensities, parts: 64))
    case .intensityAndPosition:
      PriorFeatures(grid: [8, 16, 16], edges: PriorFeatures.edges(of: intensities, parts: 16))
    }
  }
}

/// The statistics behind every `PriorRule`, from one training case after another. Rules of the same cells share them.
public struct PriorLearner: Sendable {
  private var statistics: [(seesImage: Bool, counts: PriorStatistics)] = []
  /// Which statistics each rule goes by, in the rules' order.
  private var places: [Int] = []

  /// - Parameters:
  ///   - labelCount: the number of labels, the background among them.
  ///   - intensities: a sample of the training cases'.
  public init(labelCount: Int, intensities: [Float]) {
    for rule in PriorRule.allCases {
      let features = rule.features(intensities)
      if let place = statistics.firstIndex(where: { $0.counts.features == features && $0.seesImage == rule.seesImage })
      {
        places.append(place)
      } else {
        places.append(statistics.count)
        statistics.append((rule.seesImage, PriorStatistics(labelCount: labelCount, features: features)))
      }
    }
  }

  /// - Parameters:
  ///   - labels: a case's, `[Z, Y, X]`.
  ///   - image: its intensities of the same shape; nil where only the rules that see no image learn from the case.
  public mutating func learn(_ labels: [Int16], image: [Float]?, shape: [Int]) {
    for index in statistics.indices {
      guard statistics[index].seesImage else {
        statistics[index].counts.learn(labels, shape: shape)
        continue
      }
      if let image { statistics[index].counts.learn(labels, image: image, shape: shape) }
    }
  }

  /// Each rule's predictor, in the rules' order.
  /// - Parameter classes: what they are scored on; nil for each label by itself.
  public func predictors(_ classes: [PriorClass]? = nil) -> [(rule: PriorRule, predictor: PriorPredictor)] {
    zip(PriorRule.allCases, places).map { rule, place in
      let counts = statistics[place].counts
      return (rule, rule.isMajority ? counts.majority() : counts.thresholded(classes))
    }
  }
}
