/// What one epoch of supervised training was like.
public struct EpochRecord: Sendable, Equatable {
  /// Counted from 0.
  public var epoch: Int
  /// The learning rate of each parameter group in this epoch.
  public var learningRates: [Double]
  /// The mean of the training steps' losses.
  public var trainingLoss: Double
  /// The mean of the validation steps' losses; NaN without validation.
  public var validationLoss: Double
  /// Pseudo-Dice of each foreground class, from class 1 on; NaN for a class that did not occur.
  public var pseudoDice: [Double]
  /// Their mean; NaN when there is none.
  public var meanPseudoDice: Double
  /// The moving average of the mean: 0.9 of the last one and 0.1 of this epoch's, as nnU-Net takes it.
  public var movingAverage: Double
  /// Wall time, validation included.
  public var seconds: Double

  public init(
    epoch: Int, learningRates: [Double], trainingLoss: Double, validationLoss: Double, pseudoDice: [Double],
    meanPseudoDice: Double, movingAverage: Double, seconds: Double
  ) {
    self.epoch = epoch
    self.learningRates = learningRates
    self.trainingLoss = trainingLoss
    self.validationLoss = validationLoss
    self.pseudoDice = pseudoDice
    self.meanPseudoDice = meanPseudoDice
    self.movingAverage = movingAverage
    self.seconds = seconds
  }

  /// nnU-Net's moving average after an epoch's mean; an epoch without a mean leaves it as it was.
  package static func movingAverage(after previous: Double?, mean: Double) -> Double {
    guard let previous, !previous.isNaN else { return mean }
    return mean.isNaN ? previous : 0.9 * previous + 0.1 * mean
  }
}
