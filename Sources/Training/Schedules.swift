import Elementary

/// (1 - step / total)^power: nnU-Net's decay with the power 0.9, a straight line to 0 with the power 1.
public struct PolynomialSchedule: Sendable, Equatable {
  public var power: Double
  public var total: Int

  public init(power: Double, total: Int) {
    self.power = power
    self.total = total
  }

  /// The factor at a step (or epoch) counted from 0.
  public func factor(at step: Int) -> Double {
    Elementary.pow(max(0, 1 - Double(step) / Double(max(1, total))), power)
  }
}

/// The factor of the learning rate in each epoch of a training.
public struct LearningRateSchedule: Sendable, Equatable {
  public enum Kind: Sendable, Equatable {
    case constant
    /// (1 - epoch / epochs)^power
    case polynomial(power: Double)
    /// From 1 in a straight line to the fraction, which the epoch after the last one would have.
    case linear(finalFraction: Double)
    /// The same along half a cosine.
    case cosine(finalFraction: Double)
  }

  public var kind: Kind
  /// Epochs in which the factor rises in a straight line, by 1 / warmUp each, to 1; the schedule itself has the rest.
  public var warmUp: Int

  public init(_ kind: Kind, warmUp: Int = 0) {
    self.kind = kind
    self.warmUp = warmUp
  }

  /// The factor in an epoch counted from 0, of so many in all.
  public func factor(at epoch: Int, of epochs: Int) -> Double {
    if epoch < warmUp { return Double(epoch + 1) / Double(warmUp) }
    func decay(power: Double) -> Double {
      PolynomialSchedule(power: power, total: epochs - warmUp).factor(at: epoch - warmUp)
    }
    switch kind {
    case .constant: return 1
    case .polynomial(let power): return decay(power: power)
    case .linear(let fraction): return fraction + (1 - fraction) * decay(power: 1)
    case .cosine(let fraction):
      return CosineSchedule(peak: 1, end: fraction, total: epochs - warmUp).value(at: epoch - warmUp)
    }
  }
}

/// From `start` in a straight line to `peak` over `warmUp` steps, then along half a cosine that comes to `end` just after
/// the last step: DINO's schedule (Caron et al., "Emerging properties in self-supervised vision transformers", ICCV 2021).
public struct CosineSchedule: Sendable, Equatable {
  public var start: Double
  public var peak: Double
  public var end: Double
  public var warmUp: Int
  public var total: Int

  public init(start: Double = 0, peak: Double, end: Double, warmUp: Int = 0, total: Int) {
    self.start = start
    self.peak = peak
    self.end = end
    self.warmUp = warmUp
    self.total = total
  }

  /// The value at a step counted from 0; the warm-up's last step has the peak, as has the first step after it.
  public func value(at step: Int) -> Double {
    if step < warmUp {
      return warmUp == 1 ? start : start + (peak - start) * Double(step) / Double(warmUp - 1)
    }
    let steps = total - warmUp
    if step >= total { return end }
    return end + 0.5 * (peak - end) * (1 + Elementary.cos(.pi * Double(step - warmUp) / Double(max(1, steps))))
  }
}
