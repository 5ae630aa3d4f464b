import Tensors

/// Stochastic gradient descent with momentum, by the formulas of `torch.optim.SGD` (dampening 0): the weight decay is added
/// to the gradient g; the velocity is v = momentum · v + g, from 0; the step goes along v, or with Nesterov's look ahead
/// (Sutskever et al., "On the importance of initialization and momentum in deep learning", ICML 2013) along g + momentum · v.
public final class SGD: Optimizer {
  public let momentum: Double
  public let nesterov: Bool
  public private(set) var groups: [ParameterGroup]
  /// One for each parameter, in the order of the groups' parameters.
  private var velocities: [Tensor]

  public init(groups: [ParameterGroup], momentum: Double, nesterov: Bool) {
    self.groups = groups
    self.momentum = momentum
    self.nesterov = nesterov
    velocities = groups.flatMap(\.parameters).map { Tensor(zeros: [$0.count], on: $0.value.device) }
  }

  public func setLearningRate(of name: String, to learningRate: Double) {
    for index in groups.indices where groups[index].name == name { groups[index].learningRate = learningRate }
  }

  public func step(
    _ gradients: Gradients, gradientScale: Double = 1, learningRateFactor: Double = 1, weightDecayFactor: Double = 1
  ) {
    var index = 0
    for group in groups {
      let step = SGDStep(
        rate: group.learningRate * learningRateFactor, weightDecay: group.weightDecay * weightDecayFactor,
        momentum: momentum, nesterov: nesterov, gradientScale: gradientScale)
      for parameter in group.parameters {
        defer { index += 1 }
        guard let gradient = gradients[parameter] else { continue }
        let velocity = velocities[index]
        parameter.update { values, backend in
          backend.sgd(values, gradient: gradient, velocity: velocity, step)
        }
      }
    }
  }

  public var state: OptimizerState {
    get { OptimizerState(arrays: [("velocity", velocities)], updates: []) }
    set { velocities = newValue.arrays[0].values.map { $0.copied() } }
  }
}
