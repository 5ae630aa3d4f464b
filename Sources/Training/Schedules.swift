#if canImport(Glibc)
  import Glibc
#endif

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
    pow(max(0, 1 - Double(step) / Double(max(1, total))), power)
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
    return end + 0.5 * (peak - end) * (1 + cos(.pi * Double(step - warmUp) / Double(max(1, steps))))
  }
}
