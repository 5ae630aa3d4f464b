import Elementary
import Training

#if canImport(Glibc)
  import Glibc
#endif

/// The learning rate over the iterations of a pretraining.
public enum RateSchedule: Sendable, Equatable {
  /// In a straight line from 0, the warm-up's last iteration at the peak, then half a cosine that comes to `end` just after the
  /// last iteration: `CosineSchedule`, which DINO, DINOv2 and DINOv3's default configuration have.
  case cosine(warmUp: Int, end: Double)
  /// In a straight line from 0, the first iteration after the warm-up at the peak, then constant: DINOv3's pretraining and Gram
  /// anchoring.
  case constant(warmUp: Int)
  /// Half a cosine from 0 whose last iteration has the peak, then constant: DINOv3's high-resolution adaptation.
  case rising(warmUp: Int)

  /// The rate in an iteration counted from 0, of `total`.
  public func value(at iteration: Int, peak: Double, total: Int) -> Double {
    switch self {
    case .cosine(let warmUp, let end):
      CosineSchedule(peak: peak, end: end, warmUp: warmUp, total: total).value(at: iteration)
    case .constant(let warmUp): iteration < warmUp ? peak * Double(iteration) / Double(warmUp) : peak
    case .rising(let warmUp): Ramp(from: 0, to: peak, iterations: warmUp).value(at: iteration)
    }
  }
}

/// From one value to another along half a cosine, then constant.
public struct Ramp: Sendable, Equatable {
  public var first: Double
  public var last: Double
  /// The first of these has the first value, the last of them the last.
  public var iterations: Int

  public init(from first: Double, to last: Double, iterations: Int) {
    self.first = first
    self.last = last
    self.iterations = iterations
  }

  /// The same value always.
  public init(_ value: Double) { self.init(from: value, to: value, iterations: 0) }

  /// The value in an iteration counted from 0.
  public func value(at iteration: Int) -> Double {
    guard iteration < iterations else { return last }
    let progress = Double(iteration) / Double(max(1, iterations - 1))
    return last + (first - last) * (1 + Elementary.cos(.pi * progress)) / 2
  }
}
