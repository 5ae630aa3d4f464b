import Tensors
import TestSupport
import Testing

/// Every operation's vector-Jacobian product against central differences, in double precision.
@Test(arguments: operationCases)
func gradientIsTheLimitOfDifferences(operation: OperationCase) throws {
  let inputs = operation.drawInputs()
  let found = gradients(operation, inputs)
  // What rounding does to a difference of two losses grows with the loss.
  let scale = max(1, abs(found.loss.scalarValue))
  for (place, isDifferentiable) in operation.differentiable.enumerated() where isDifferentiable {
    let gradient = try #require(found.gradients[place]).values(as: Double.self)
    let values = inputs[place].values(as: Double.self)
    #expect(gradient.count == values.count)
    let step = 1e-5
    for index in values.indices {
      func loss(_ shift: Double) -> Double {
        var moved = values
        moved[index] += shift
        var all = inputs
        all[place] = Tensor(moved, shape: inputs[place].shape)
        return weighted(operation.call(all), operation.description).scalarValue
      }
      let difference = (loss(step) - loss(-step)) / (2 * step)
      #expect(
        abs(gradient[index] - difference) <= 3e-9 * scale + 1e-7 * abs(difference),
        "input \(place), element \(index): \(gradient[index]) and \(difference)")
    }
  }
}

/// Single precision's results and gradients against double precision's, with every instruction set there is.
@Test(arguments: operationCases)
func singlePrecisionFollowsDouble(operation: OperationCase) throws {
  let inputs = operation.drawInputs()
  let exact = gradients(operation, inputs)
  let single = inputs.map { $0.elementType == .int32 ? $0 : $0.converted(to: .float32) }
  let found = gradients(operation, single)
  func compare(_ a: Tensor, _ b: Tensor, _ what: String) {
    let reference = a.values(as: Double.self)
    let values = b.values(as: Float.self).map(Double.init)
    let scale = reference.map(abs).max() ?? 0
    #expect(largestDifference(reference, values) <= 2e-5 * max(scale, 0.1), "\(what) of \(operation)")
  }
  #expect(exact.output.shape == found.output.shape)
  compare(exact.output, found.output, "output")
  for (place, gradient) in exact.gradients.enumerated() {
    if let gradient { compare(gradient, try #require(found.gradients[place]), "gradient \(place)") }
  }
}
