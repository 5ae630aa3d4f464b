import Random
import Tensors
import Testing

private func normals(_ shape: [Int], _ name: String) -> Tensor {
  var random = CounterRandom(seed: 3, purpose: name)
  return Tensor((0..<shape.reduce(1, *)).map { _ in Float(random.normal()) }, shape: shape)
}

private struct Layers {
  let weights = (0..<4).map { Parameter("w\($0)", normals([24, 24], "weight \($0)")) }
  let shared = Parameter("shared", normals([24], "shared"))

  /// One layer, which uses a parameter twice that others use too.
  func callAsFunction(_ index: Int, _ x: Tensor) -> Tensor {
    linear(x * shared.value, weight: weights[index].value, bias: shared.value, gelu: true)
  }

  func gradients(recomputing: Bool) -> [[Float]] {
    let input = Parameter("x", normals([300, 24], "x"))
    let (loss, found) = Tape.gradients {
      var x = input.value
      for index in 0..<4 {
        let here = x
        // The middle two, one inside the other.
        if recomputing, index == 1 || index == 2 {
          x = Tape.recomputed { Tape.recomputed { [self(index, here)] } + [here] }[0]
        } else {
          x = self(index, here)
        }
      }
      return ((x + input.value) * x).sum()
    }
    return [loss.values(), found[input]!.values(), found[shared]!.values()] + weights.map { found[$0]!.values() }
  }
}

@Test func recomputationKeepsTheBits() {
  let layers = Layers()
  #expect(layers.gradients(recomputing: true) == layers.gradients(recomputing: false))
}

/// An output that is one of the inputs, one that no loss needs, and one without a parameter.
@Test func recomputationHandsOnWhatItIsGiven() {
  let x = Parameter("x", normals([5], "x"))
  let (_, found) = Tape.gradients {
    let value = x.value
    let outputs = Tape.recomputed { [value, value * 3, Tensor(repeating: 2, shape: [5])] }
    return (outputs[0] * outputs[2] + x.value).sum()
  }
  #expect(found[x]!.values(as: Float.self) == [3, 3, 3, 3, 3])
}

/// The gradients of a batch's parts add up to the batch's, to rounding; and to the same bits each time.
@Test func accumulatedGradientsAreTheBatchs() {
  let weight = Parameter("w", normals([3, 24], "w"))
  let x = normals([8, 50, 24], "x")
  let labels = Tensor((0..<8 * 50).map { Int32($0 * 7 % 3) }, shape: [8, 50])
  func gradients(_ items: Range<Int>) -> Gradients {
    Tape.gradients {
      let logits = linear(x.sliced(axis: 0, items), weight: weight.value).permuted([0, 2, 1])
      let truth = labels.sliced(axis: 0, items)
      // A part counts as much as its share of the batch.
      return Double(items.count) / 8
        * crossEntropy(
          logits: logits.reshaped([items.count, 3, 50, 1]), labels: truth.reshaped([items.count, 50, 1]))
    }.gradients
  }
  func accumulated(_ parts: Int) -> [Float] {
    var sum = gradients(0..<(8 / parts))
    for part in 1..<parts { sum.add(gradients((8 / parts * part)..<(8 / parts * (part + 1)))) }
    return sum[weight]!.values()
  }
  let whole = gradients(0..<8)[weight]!.values(as: Float.self)
  let largest = whole.map(abs).max()!
  for parts in [2, 4, 8] {
    let found = accumulated(parts)
    for (a, b) in zip(found, whole) { #expect(abs(a - b) <= 1e-6 * largest) }
    #expect(found == accumulated(parts))
  }
}
