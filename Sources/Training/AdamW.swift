import Tensors

/// Adam with decoupled weight decay (Loshchilov and Hutter, "Decoupled weight decay regularization", ICLR 2019), with the
/// bias corrections and the place of epsilon that `torch.optim.AdamW` has.
public final class AdamW: Optimizer {
  /// The decay rates of the two moments.
  public let betas: (first: Double, second: Double)
  public let epsilon: Double
  public private(set) var groups: [ParameterGroup]

  /// The running means of the gradients and of their squares, and how often each parameter was updated; in the order of
  /// the groups' parameters.
  private struct Moments {
    var first: Tensor
    var second: Tensor
    var updates = 0
  }
  private var moments: [Moments]

  public init(groups: [ParameterGroup], betas: (first: Double, second: Double) = (0.9, 0.999), epsilon: Double = 1e-8) {
    self.groups = groups
    self.betas = betas
    self.epsilon = epsilon
    moments = groups.flatMap(\.parameters).map { parameter in
      Moments(
        first: Tensor(zeros: [parameter.count], on: parameter.value.device),
        second: Tensor(zeros: [parameter.count], on: parameter.value.device))
    }
  }

  public func setLearningRate(of name: String, to learningRate: Double) {
    for index in groups.indices where groups[index].name == name { groups[index].learningRate = learningRate }
  }

  public func step(
    _ gradients: Gradients, gradientScale: Double = 1, learningRateFactor: Double = 1, weightDecayFactor: Double = 1
  ) {
    step(
      gradients, gradientScales: [Double](repeating: gradientScale, count: groups.count),
      learningRateFactor: learningRateFactor, weightDecayFactor: weightDecayFactor)
  }

  /// The same with a factor of the gradients for each group, as clipping by modules gives.
  public func step(
    _ gradients: Gradients, gradientScales: [Double], learningRateFactor: Double = 1, weightDecayFactor: Double = 1
  ) {
    precondition(gradientScales.count == groups.count, "\(gradientScales.count) scales for \(groups.count) groups")
    var index = 0
    for (group, gradientScale) in zip(groups, gradientScales) {
      for parameter in group.parameters {
        defer { index += 1 }
        guard let gradient = gradients[parameter] else { continue }
        moments[index].updates += 1
        let step = AdamWStep(
          rate: group.learningRate * learningRateFactor, weightDecay: group.weightDecay * weightDecayFactor,
          beta1: betas.first, beta2: betas.second, epsilon: epsilon, step: moments[index].updates,
          gradientScale: gradientScale)
        let (first, second) = (moments[index].first, moments[index].second)
        parameter.update { values, backend in
          backend.adamW(values, gradient: gradient, firstMoment: first, secondMoment: second, step)
        }
      }
    }
  }

  public var state: OptimizerState {
    get {
      OptimizerState(
        arrays: [("first", moments.map(\.first)), ("second", moments.map(\.second))], updates: moments.map(\.updates))
    }
    set {
      moments = newValue.updates.enumerated().map { index, updates in
        Moments(
          first: newValue.arrays[0].values[index].copied(), second: newValue.arrays[1].values[index].copied(),
          updates: updates)
      }
    }
  }
}
