import Tensors

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
      for parameter in group.parameters {
        defer { index += 1 }
        guard let gradient = gradients[parameter] else { continue }
        moments[index].updates += 1
        let step = ParameterKernels.AdamWStep(
          rate: group.learningRate * learningRateFactor, weightDecay: group.weightDecay * weightDecayFactor,
          beta1: betas.first, beta2: betas.second, epsilon: epsilon, step: moments[index].updates,
          gradientScale: gradientScale)
        Self.update(parameter, gradient, &moments[index], step)
      }
    }
  }

  private static func update(
    _ parameter: Parameter, _ gradient: Tensor, _ moments: inout Moments, _ step: ParameterKernels.AdamWStep
  ) {
    moments.first.withUnsafeMutableBufferPointer { first in
      moments.second.withUnsafeMutableBufferPointer { second in
        parameter.update { values in
          ParameterKernels.adamW(values, gradient: gradient, firstMoment: first, secondMoment: second, step)
        }
      }
    }
  }
}
