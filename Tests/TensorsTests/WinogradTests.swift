import Random
import TestSupport
import Tensors
import Testing

/// A convolution by 3 x 3 that is large enough for Winograd's filtering.
struct LargeConvolution: Sendable, CustomStringConvertible {
  let items: Int
  let inputs: Int
  let outputs: Int
  let height: Int
  let width: Int
  let padding: (Int, Int)

  var description: String {
    "\(items) x \(inputs) x \(height) x \(width) to \(outputs), padding \(padding)"
  }

  static let all = [
    // Blocks of tiles, and each thread's own sums.
    LargeConvolution(items: 1, inputs: 32, outputs: 64, height: 65, width: 63, padding: (1, 1)),
    LargeConvolution(items: 2, inputs: 64, outputs: 32, height: 64, width: 66, padding: (1, 1)),
    // One block of tiles, and sums by all threads.
    LargeConvolution(items: 2, inputs: 128, outputs: 160, height: 21, width: 23, padding: (1, 1)),
    LargeConvolution(items: 1, inputs: 96, outputs: 256, height: 41, width: 19, padding: (0, 2)),
    // Blocks of tiles, and sums by all threads.
    LargeConvolution(items: 2, inputs: 96, outputs: 128, height: 51, width: 50, padding: (2, 0)),
  ]

  /// The output and the gradients by the image, the weights and the bias, as planes.
  func results(_ x: Tensor, _ weight: Tensor, _ bias: Tensor) -> [Tensor] {
    let parameters = [("x", x), ("weight", weight), ("bias", bias)].map { Parameter($0.0, $0.1) }
    var output = Tensor(zeros: [])
    let (_, found) = Tape.gradients {
      let image = parameters[0].value
      let y = convolution(
        image.permuted([0, 2, 3, 1]), weight: parameters[1].value, bias: parameters[2].value,
        .init(padding: padding, layout: .channelsLast))
      output = y.permuted([0, 3, 1, 2])
      return weighted(output, description)
    }
    return [output.detached] + parameters.map { found[$0]! }
  }

  func drawInputs() -> [Tensor] {
    [[items, inputs, height, width], [outputs, inputs, 3, 3], [outputs]].enumerated().map { index, shape in
      var random = CounterRandom(seed: 3, purpose: description, sample: index)
      let scale = index == 1 ? 1 / Double(inputs).squareRoot() : 1
      return Tensor((0..<shape.reduce(1, *)).map { _ in scale * random.normal() }, shape: shape)
    }
  }
}

/// Winograd's filtering against the convolution's definition, in double precision as columns and a matrix product.
@Test(arguments: LargeConvolution.all)
func winogradIsTheSameConvolution(_ operation: LargeConvolution) throws {
  let inputs = operation.drawInputs()
  let exact = operation.results(inputs[0], inputs[1], inputs[2]).map { $0.values(as: Double.self) }
  let single = inputs.map { $0.converted(to: .float32) }
  for set in Compute.InstructionSet.allCases {
    guard
      let found = Compute.with(set, { operation.results(single[0], single[1], single[2]) })
    else { continue }
    for (name, (reference, result)) in zip(["y", "dx", "d weight", "d bias"], zip(exact, found)) {
      let values = result.values(as: Float.self).map(Double.init)
      let scale = reference.map(abs).max()!
      #expect(
        values.count == reference.count && largestDifference(reference, values) <= 3e-6 * scale,
        "\(name) of \(operation), \(set): \(largestDifference(reference, values) / scale)")
    }
  }
}

@Test(arguments: LargeConvolution.all)
func winogradHasTheSameBitsOnAnyNumberOfThreads(_ operation: LargeConvolution) {
  let inputs = operation.drawInputs().map { $0.converted(to: .float32) }
  func run() -> [[Float]] {
    operation.results(inputs[0], inputs[1], inputs[2]).map { $0.values() }
  }
  let one = Compute.with(threads: 1, run)
  for threads in [2, 3, 5] { #expect(Compute.with(threads: threads, run) == one, "\(threads) threads") }
}

/// What is computed beside an image does not change its bits.
@Test func winogradTakesEveryImageByItself() {
  let operation = LargeConvolution.all[1]
  let inputs = operation.drawInputs().map { $0.converted(to: .float32) }
  let both = operation.results(inputs[0], inputs[1], inputs[2])[0].values(as: Float.self)
  let count = operation.inputs * operation.height * operation.width
  let second = Tensor(
    Array(inputs[0].values(as: Float.self)[count...]),
    shape: [1, operation.inputs, operation.height, operation.width])
  let alone = operation.results(second, inputs[1], inputs[2])[0].values(as: Float.self)
  #expect(Array(both[(both.count / 2)...]) == alone)
}
