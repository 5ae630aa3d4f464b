/// What some iterations of self-distillation were like.
public struct PretrainingRecord: Sendable, Equatable {
  /// How many iterations were finished.
  public var iterations: Int
  /// The mean losses of the iterations since the last record, before their factors; 0 for one that is not taken.
  public var viewLoss: Double
  /// Of those views that have masked patches.
  public var maskedLoss: Double
  /// Summed over the large views.
  public var koLeoLoss: Double
  public var gramLoss: Double
  /// The mean entropy of the teacher's targets in nats, in the last iteration as all that follows.
  public var teacherEntropy: Double
  /// In how many directions the teacher's patch tokens vary, and how much: see `TokenStatistics`.
  public var tokenRank: Double
  public var tokenSpread: Double
  /// Of all gradients together, before clipping.
  public var gradientNorm: Double
  /// What the schedules said.
  public var learningRate: Double
  public var weightDecay: Double
  public var momentum: Double
  public var teacherTemperature: Double

  /// The fields' names, in the order of `values`.
  public static let columns = [
    "iterations", "view loss", "masked loss", "KoLeo loss", "Gram loss", "teacher entropy", "token rank",
    "token spread",
    "gradient norm", "learning rate", "weight decay", "momentum", "teacher temperature",
  ]

  public var values: [Double] {
    [
      Double(iterations), viewLoss, maskedLoss, koLeoLoss, gramLoss, teacherEntropy, tokenRank, tokenSpread,
      gradientNorm, learningRate, weightDecay, momentum, teacherTemperature,
    ]
  }

  /// From `values`.
  public init(_ values: [Double]) {
    precondition(values.count == Self.columns.count, "a record of \(values.count) values")
    iterations = Int(exactly: values[0]) ?? 0
    viewLoss = values[1]
    maskedLoss = values[2]
    koLeoLoss = values[3]
    gramLoss = values[4]
    teacherEntropy = values[5]
    tokenRank = values[6]
    tokenSpread = values[7]
    gradientNorm = values[8]
    learningRate = values[9]
    weightDecay = values[10]
    momentum = values[11]
    teacherTemperature = values[12]
  }
}

/// Why a self-distillation cannot go on.
public enum PretrainingError: Error, CustomStringConvertible, Equatable {
  /// The loss or its gradient became infinite or not a number.
  case diverged(iteration: Int)
  /// The teacher says the same of everything.
  case collapsed(iteration: Int, sign: String)

  public var description: String {
    switch self {
    case .diverged(let iteration):
      return "The loss or its gradient is no longer finite in iteration \(iteration); a lower learning rate may help. "
        + "The last checkpoint is untouched."
    case .collapsed(let iteration, let sign):
      return "Self-distillation has collapsed by iteration \(iteration): \(sign). A lower learning rate, a higher "
        + "momentum of the teacher or more varied images may help. The last checkpoint is untouched."
    }
  }
}
