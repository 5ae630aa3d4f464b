import Elementary
import Foundation

/// The standard normal distribution.
public enum NormalDistribution {
  /// The probability of a value up to `x`.
  public static func cumulative(_ x: Double) -> Double { 0.5 * Elementary.erfc(-x / 2.squareRoot()) }

  /// The value that `cumulative` takes to `probability`; infinite at 0 and 1.
  ///
  /// Abramowitz & Stegun's formula 26.2.23 (error below 4.5e-4), refined by Newton's steps to the precision of `erfc`.
  public static func quantile(_ probability: Double) -> Double {
    precondition((0...1).contains(probability), "a probability lies between 0 and 1")
    if probability == 0 { return -.infinity }
    if probability == 1 { return .infinity }
    // In the lower tail, where `erfc` loses nothing.
    if probability > 0.5 { return -quantile(1 - probability) }
    let t = (-2 * Elementary.log(probability)).squareRoot()
    let numerator = 2.515517 + t * (0.802853 + t * 0.010328)
    let denominator = 1 + t * (1.432788 + t * (0.189269 + t * 0.001308))
    var x = numerator / denominator - t
    for _ in 0..<6 {
      let density = Elementary.exp(-x * x / 2) / (2 * Double.pi).squareRoot()
      guard density > 0 else { break }
      x -= (cumulative(x) - probability) / density
    }
    return x
  }
}

/// Student's t distribution.
public enum StudentDistribution {
  /// The probability of a value up to `t` with `freedom` degrees of freedom, whole or not:
  /// 1 - I_x(freedom / 2, 1 / 2) / 2 with x = freedom / (freedom + t²) for t >= 0 (Abramowitz & Stegun 26.7.1).
  public static func cumulative(_ t: Double, freedom: Double) -> Double {
    precondition(freedom > 0, "degrees of freedom are positive")
    let tail = 0.5 * incompleteBeta(freedom / (freedom + t * t), freedom / 2, 0.5)
    return t < 0 ? tail : 1 - tail
  }

  /// The value that `cumulative` takes to `probability`, by bisection.
  public static func quantile(_ probability: Double, freedom: Double) -> Double {
    precondition(probability > 0 && probability < 1, "a probability between 0 and 1, without both")
    if probability < 0.5 { return -quantile(1 - probability, freedom: freedom) }
    var (low, high) = (0.0, 1.0)
    while cumulative(high, freedom: freedom) < probability && high < 1e12 { (low, high) = (high, 2 * high) }
    for _ in 0..<200 {
      let middle = (low + high) / 2
      if middle == low || middle == high { break }
      if cumulative(middle, freedom: freedom) < probability { low = middle } else { high = middle }
    }
    return (low + high) / 2
  }

  /// The regularised incomplete beta function I_x(a, b), by its continued fraction (Abramowitz & Stegun 26.5.8), evaluated
  /// with Lentz's method.
  static func incompleteBeta(_ x: Double, _ a: Double, _ b: Double) -> Double {
    if x <= 0 { return 0 }
    if x >= 1 { return 1 }
    // The fraction converges fast below the mean.
    if x > (a + 1) / (a + b + 2) { return 1 - incompleteBeta(1 - x, b, a) }
    let beta = Elementary.lgamma(a) + Elementary.lgamma(b) - Elementary.lgamma(a + b)
    let front = Elementary.exp(a * Elementary.log(x) + b * Elementary.log1p(-x) - beta) / a
    let tiny = 1e-300
    var (c, d) = (1.0, 1 - (a + b) * x / (a + 1))
    d = 1 / (abs(d) < tiny ? tiny : d)
    var fraction = d
    for m in 1...10_000 {
      let k = Double(m)
      for numerator in [
        k * (b - k) * x / ((a + 2 * k - 1) * (a + 2 * k)),
        -(a + k) * (a + b + k) * x / ((a + 2 * k) * (a + 2 * k + 1)),
      ] {
        d = 1 + numerator * d
        d = 1 / (abs(d) < tiny ? tiny : d)
        c = 1 + numerator / c
        if abs(c) < tiny { c = tiny }
        fraction *= c * d
      }
      if abs(c * d - 1) < 1e-16 { break }
    }
    return min(1, max(0, front * fraction))
  }
}
