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

/// Changes parameters along their gradients, and remembers what it needs for that from step to step.
public protocol Optimizer: AnyObject {
  var groups: [ParameterGroup] { get }

  /// Sets the learning rate of the groups of that name.
  func setLearningRate(of name: String, to learningRate: Double)

  /// Updates every parameter that has a gradient.
  /// - Parameters:
  ///   - gradientScale: multiplies the gradients, as clipping does.
  ///   - learningRateFactor: multiplies every group's learning rate.
  ///   - weightDecayFactor: multiplies every group's weight decay.
  func step(
    _ gradients: Gradients, gradientScale: Double, learningRateFactor: Double, weightDecayFactor: Double)

  /// What a checkpoint must hold for the next step to be the same as without it.
  var state: OptimizerState { get set }
}

extension Optimizer {
  /// Every group's parameters, in order.
  public var parameters: [Parameter] { groups.flatMap(\.parameters) }
}

/// What an optimiser remembers, in the order of its parameters. The tensors are the optimiser's own, which its next step changes.
public struct OptimizerState: Sendable {
  /// Under each name one value for every element of every parameter, `[count]` each, such as the running means of the gradients.
  public var arrays: [(name: String, values: [Tensor])]
  /// How often each parameter was updated; empty for optimisers that do not count.
  public var updates: [Int]
}

/// Which optimiser trains, with what does not change from group to group.
public enum OptimizerKind: Sendable, Equatable {
  case adamW(beta1: Double, beta2: Double, epsilon: Double)
  case sgd(momentum: Double, nesterov: Bool)

  public func optimizer(_ groups: [ParameterGroup]) -> any Optimizer {
    switch self {
    case .adamW(let beta1, let beta2, let epsilon): AdamW(groups: groups, betas: (beta1, beta2), epsilon: epsilon)
    case .sgd(let momentum, let nesterov): SGD(groups: groups, momentum: momentum, nesterov: nesterov)
    }
  }
}
