import Random
import Tensors

/// One use of an operation: what it takes and how it is called.
package struct OperationCase: Sendable, CustomStringConvertible {
  /// How an input's values are drawn.
  package enum Values: Sendable {
    case normal
    /// In (0.5, 1.5): for divisors, logarithms and roots.
    case positive
    /// Away from zero by 0.1 at least: for functions with a kink there.
    case awayFromZero
    /// Labels or indices below a bound; `ignoring` makes every fifth one -1.
    case integers(below: Int, ignoring: Bool)
    /// 0 or 1/(1 - p), as DropPath draws; no gradient.
    case keep
    /// Normal, but a constant of the operation.
    case constant
    /// In (0.5, 1.5), and a constant.
    case positiveConstant
  }

  package let description: String
  package let inputs: [(shape: [Int], values: Values)]
  package let call: @Sendable ([Tensor]) -> Tensor

  package init(
    _ description: String, _ inputs: [(shape: [Int], values: Values)], _ call: @escaping @Sendable ([Tensor]) -> Tensor
  ) {
    self.description = description
    self.inputs = inputs
    self.call = call
  }

  /// The inputs, always the same for the same case.
  package func drawInputs() -> [Tensor] {
    inputs.enumerated().map { index, input in
      var random = CounterRandom(seed: 7, purpose: description, sample: index)
      let count = input.shape.reduce(1, *)
      switch input.values {
      case .normal, .constant: return Tensor((0..<count).map { _ in random.normal() }, shape: input.shape)
      case .positive, .positiveConstant:
        return Tensor((0..<count).map { _ in random.uniform(0.5, 1.5) }, shape: input.shape)
      case .awayFromZero:
        return Tensor(
          (0..<count).map { _ in
            let value = random.normal()
            return value < 0 ? value - 0.1 : value + 0.1
          }, shape: input.shape)
      case .keep: return Tensor((0..<count).map { $0 % 2 == 0 ? 1.25 : 0.0 }, shape: input.shape)
      case .integers(let bound, let ignoring):
        return Tensor(
          (0..<count).map { ignoring && $0 % 5 == 3 ? -1 : Int32(random.integer(below: bound)) }, shape: input.shape)
      }
    }
  }

  /// Which inputs have a gradient.
  package var differentiable: [Bool] {
    inputs.map {
      switch $0.values {
      case .normal, .positive, .awayFromZero: true
      default: false
      }
    }
  }
}
