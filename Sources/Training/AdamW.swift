import Tensors

#if canImport(Glibc)
  import Glibc
#endif

/// Parameters that share a learning rate and a weight decay.
public struct ParameterGroup {
  /// What the group is, such as "encoder".
  public let name: String
  /// In the order in which they are updated and summed.
  public let parameters: [Parameter]
  /// The learning rate at a schedule's full height.
  public var learningRate: Double
  /// The weight decay at its schedule's full height.
  public var weightDecay: Double

  public init(name: String, parameters: [Parameter], learningRate: Double, weightDecay: Double) {
    self.name = name
    self.parameters = parameters
    self.learningRate = learningRate
    self.weightDecay = weightDecay
  }
}

/// Adam with decoupled weight decay (Loshchilov and Hutter, "Decoupled weight decay regularization", ICLR 2019), with the
/// bias corrections and the place of epsilon that `torch.optim.AdamW` has.
public final class AdamW {
  /// The decay rates of the two moments.
  public let betas: (first: Double, second: Double)
  public let epsilon: Double
  public private(set) var groups: [ParameterGroup]

  /// The running means of the gradients and of their squares, and how often each parameter was updated; in the order of
  /// the groups' parameters.
  struct Moments {
    var first: [Float]
    var second: [Float]
    var updates = 0
  }
  var moments: [Moments]

  public init(groups: [ParameterGroup], betas: (first: Double, second: Double) = (0.9, 0.999), epsilon: Double = 1e-8) {
    self.groups = groups
    self.betas = betas
    self.epsilon = epsilon
    moments = groups.flatMap(\.parameters).map { parameter in
      let zeros = [Float](repeating: 0, count: parameter.count)
      return Moments(first: zeros, second: zeros)
    }
  }

  /// Every group's parameters, in order.
  public var parameters: [Parameter] { groups.flatMap(\.parameters) }

  /// Sets the learning rate of the groups of that name.
  public func setLearningRate(of name: String, to learningRate: Double) {
    for index in groups.indices where groups[index].name == name { groups[index].learningRate = learningRate }
  }

  /// Updates every parameter that has a gradient.
  /// - Parameters:
  ///   - gradientScale: multiplies the gradients, as clipping does.
  ///   - learningRateFactor: multiplies every group's learning rate.
  ///   - weightDecayFactor: multiplies every group's weight decay.
  public func step(
    _ gradients: Gradients, gradientScale: Double = 1, learningRateFactor: Double = 1, weightDecayFactor: Double = 1
  ) {
    var index = 0
    for group in groups {
      let learningRate = group.learningRate * learningRateFactor
      let shrink = Float(1 - learningRate * group.weightDecay * weightDecayFactor)
      for parameter in group.parameters {
        defer { index += 1 }
        guard let gradient = gradients[parameter] else { continue }
        moments[index].updates += 1
        let updates = Double(moments[index].updates)
        let firstCorrection = 1 - pow(betas.first, updates)
        let secondCorrection = 1 - pow(betas.second, updates)
        let coefficients = Coefficients(
          first: Float(betas.first), newFirst: Float(1 - betas.first),
          second: Float(betas.second), newSecond: Float(1 - betas.second),
          gradientScale: Float(gradientScale), shrink: shrink, stepSize: Float(learningRate / firstCorrection),
          inverseRoot: Float(1 / secondCorrection.squareRoot()), epsilon: Float(epsilon))
        Self.update(parameter, gradient, &moments[index], coefficients)
      }
    }
  }

  private struct Coefficients {
    let first, newFirst, second, newSecond, gradientScale, shrink, stepSize, inverseRoot, epsilon: Float
  }

  private static func update(
    _ parameter: Parameter, _ gradient: Tensor, _ moments: inout Moments, _ c: Coefficients
  ) {
    moments.first.withUnsafeMutableBufferPointer { first in
      moments.second.withUnsafeMutableBufferPointer { second in
        gradient.withUnsafeElements(of: Float.self) { gradient in
          parameter.update { values in
            let (p, m, v) = (values.baseAddress!, first.baseAddress!, second.baseAddress!)
            let g = gradient.baseAddress!
            for index in 0..<values.count {
              let slope = g[index] * c.gradientScale
              let mean = c.first * m[index] + c.newFirst * slope
              let square = c.second * v[index] + c.newSecond * slope * slope
              m[index] = mean
              v[index] = square
              p[index] = c.shrink * p[index] - c.stepSize * mean / (square.squareRoot() * c.inverseRoot + c.epsilon)
            }
          }
        }
      }
    }
  }
}
