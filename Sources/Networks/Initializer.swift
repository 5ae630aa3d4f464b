import Random
import Tensors

/// Makes parameters with their initial values.
///
/// The numbers depend on the seed and the parameter's name alone: adding a layer leaves all others as they were.
public struct Initializer: Sendable {
  /// Nil: zeros in place of what would be drawn.
  private let seed: UInt64?

  public init(seed: UInt64) { self.seed = seed }

  private init() { seed = nil }

  /// For networks whose weights come from a file at once.
  public static let zeros = Initializer()

  package func constant(_ name: String, _ shape: [Int], _ value: Double, decays: Bool = true) -> Parameter {
    Parameter(name, Tensor(repeating: value, shape: shape), decays: decays)
  }

  /// Zeros that do not decay.
  package func bias(_ name: String, _ shape: [Int]) -> Parameter { constant(name, shape, 0, decays: false) }

  /// What a norm or LayerScale multiplies each channel by; it does not decay.
  func scale(_ name: String, _ width: Int, _ value: Double = 1) -> Parameter {
    constant(name, [width], value, decays: false)
  }

  /// Normal with mean 0.
  ///
  /// What PyTorch calls a truncated normal distribution is cut at ±2 there, 100 standard deviations of 0.02 away: the same.
  package func normal(_ name: String, _ shape: [Int], deviation: Double) -> Parameter {
    filled(name, shape) { $0.normal() * deviation }
  }

  /// Uniform in [-bound, bound).
  package func uniform(_ name: String, _ shape: [Int], bound: Double, decays: Bool = true) -> Parameter {
    filled(name, shape, decays: decays) { $0.uniform(-bound, bound) }
  }

  /// Normal with the deviation √(2 / (1 + slope²) / fanIn) (He et al. 2015), for a leaky ReLU of that slope.
  func he(_ name: String, _ shape: [Int], fanIn: Int, slope: Double) -> Parameter {
    normal(name, shape, deviation: (2 / (1 + slope * slope) / Double(fanIn)).squareRoot())
  }

  /// Uniform in ±√(6 / (fanIn + fanOut)) (Glorot and Bengio 2010), the fans of a weight `[outputs, inputs, ·]` counted as PyTorch
  /// does: a convolution in groups has a group's inputs and all outputs.
  func xavier(_ name: String, _ shape: [Int]) -> Parameter {
    let area = shape.dropFirst(2).reduce(1, *)
    return uniform(name, shape, bound: (6 / Double((shape[0] + shape[1]) * area)).squareRoot())
  }

  /// A weight `[outputs, inputs, ·]` of one of the distributions that a network's authors choose among.
  func weight(_ name: String, _ shape: [Int], _ distribution: WeightDistribution) -> Parameter {
    switch distribution {
    case .normal(let deviation): normal(name, shape, deviation: deviation)
    case .xavier: xavier(name, shape)
    }
  }

  private func filled(
    _ name: String, _ shape: [Int], decays: Bool = true, _ draw: (inout CounterRandom) -> Double
  ) -> Parameter {
    guard let seed else { return Parameter(name, Tensor(zeros: shape), decays: decays) }
    var random = CounterRandom(seed: seed, purpose: "initial values of \(name)")
    return Parameter(
      name,
      Tensor(shape: shape, of: Float.self) { values in
        for index in values.indices { values[index] = Float(draw(&random)) }
      }, decays: decays)
  }
}

/// How the weights of a network's linear maps and convolutions are drawn.
public enum WeightDistribution: Sendable, Equatable {
  case normal(deviation: Double)
  /// Uniform, by the numbers of inputs and outputs (Glorot and Bengio 2010).
  case xavier
}
