import Random
import Tensors

/// A loss that weighs every element of the output differently.
package func weighted(_ output: Tensor, _ name: String) -> Tensor {
  var random = CounterRandom(seed: 11, purpose: "weights of " + name)
  let weights = Tensor((0..<output.count).map { _ in random.normal() }, shape: output.shape)
  return (output * weights.converted(to: output.elementType)).sum()
}

/// An operation's output and the gradients of that loss by its inputs.
package func gradients(
  _ operation: OperationCase, _ inputs: [Tensor]
) -> (loss: Tensor, output: Tensor, gradients: [Tensor?]) {
  let parameters = zip(inputs, operation.differentiable).map { $1 ? Parameter("input", $0) : nil }
  var output = Tensor(zeros: [])
  let (loss, found) = Tape.gradients {
    output = operation.call(zip(inputs, parameters).map { $1?.value ?? $0 })
    return weighted(output, operation.description)
  }
  return (loss, output.detached, parameters.map { $0.flatMap { found[$0] } })
}

/// The greatest absolute difference.
package func largestDifference(_ a: [Double], _ b: [Double]) -> Double {
  zip(a, b).map { abs($0 - $1) }.max() ?? 0
}
