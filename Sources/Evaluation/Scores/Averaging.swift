/// How means over cases count a class that a case's reference or prediction lacks. A class that both lack counts nowhere.
public struct Averaging: Sendable, Equatable {
  /// A class that the reference lacks.
  public enum AbsentClass: String, Sendable, CaseIterable {
    /// The case is left out of the class's means, also where the class was predicted: the paper's published code, and
    /// MONAI's metrics with `ignore_empty`.
    case exclude
    /// The case counts 0 in DSC and NSD where the class was predicted: nnU-Net's Dice, 2 TP / (2 TP + FP + FN).
    case zero
  }

  /// A case that counts but has no HD95, because only one of reference and prediction has the class.
  public enum MissingDistance: String, Sendable, CaseIterable {
    /// It is left out of HD95's mean, so that missing an organ can lower the mean.
    case exclude
    /// It counts the image's diagonal, the greatest distance that there could be (as the BraTS challenges do).
    case diagonal
  }

  public var absent: AbsentClass
  public var missingDistance: MissingDistance

  public init(absent: AbsentClass = .exclude, missingDistance: MissingDistance = .exclude) {
    self.absent = absent
    self.missingDistance = missingDistance
  }

  /// Whether a case counts in a class's means.
  public func counts(referenceVoxels: Int, predictionVoxels: Int) -> Bool {
    referenceVoxels > 0 || absent == .zero && predictionVoxels > 0
  }

  /// The HD95 that a counted case enters the mean with; nil where it is left out.
  public func distance(_ hd95: Double?, diagonal: Double) -> Double? {
    hd95 ?? (missingDistance == .diagonal ? diagonal : nil)
  }
}

/// What a class's means are over, and what they leave out.
public struct ClassCounts: Sendable, Equatable {
  /// Cases whose reference has the class.
  public let present: Int
  /// Cases whose reference lacks the class though the prediction has it: false positives.
  public let falsePositives: Int
  /// Cases whose reference has the class though the prediction lacks it.
  public let missed: Int
  /// Cases that the means of DSC and NSD are over.
  public let counted: Int
  /// Cases that the mean of HD95 is over.
  public let distances: Int

  /// - Parameter voxels: of reference and prediction, for each case.
  public init(_ voxels: [(reference: Int, prediction: Int)], _ averaging: Averaging) {
    present = voxels.count { $0.reference > 0 }
    falsePositives = voxels.count { $0.reference == 0 && $0.prediction > 0 }
    missed = voxels.count { $0.reference > 0 && $0.prediction == 0 }
    counted = voxels.count { averaging.counts(referenceVoxels: $0.reference, predictionVoxels: $0.prediction) }
    distances =
      averaging.missingDistance == .diagonal ? counted : voxels.count { $0.reference > 0 && $0.prediction > 0 }
  }

  private init(present: Int, falsePositives: Int, missed: Int, counted: Int, distances: Int) {
    self.present = present
    self.falsePositives = falsePositives
    self.missed = missed
    self.counted = counted
    self.distances = distances
  }

  public static func + (a: ClassCounts, b: ClassCounts) -> ClassCounts {
    ClassCounts(
      present: a.present + b.present, falsePositives: a.falsePositives + b.falsePositives, missed: a.missed + b.missed,
      counted: a.counted + b.counted, distances: a.distances + b.distances)
  }
}
