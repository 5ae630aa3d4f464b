import Foundation
import Random
import TestSupport
import Tensors
import Testing

private func normals(_ shape: [Int], _ purpose: String) -> Tensor {
  var random = CounterRandom(seed: 5, purpose: purpose)
  return Tensor((0..<shape.reduce(1, *)).map { _ in Float(random.normal()) }, shape: shape)
}

/// Philox against the known answers that Random123 publishes (tests/kat_vectors, "philox4x32 10").
@Test func philoxGivesItsKnownAnswers() {
  let answers: [(counter: [UInt32], key: [UInt32], expected: [UInt32])] = [
    ([0, 0, 0, 0], [0, 0], [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]),
    (
      [.max, .max, .max, .max], [.max, .max],
      [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]
    ),
    (
      [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344], [0xa409_3822, 0x299f_31d0],
      [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1]
    ),
  ]
  for (counter, key, expected) in answers {
    let found = CounterRandom.philox(
      counter: (counter[0], counter[1], counter[2], counter[3]), key: (key[0], key[1]))
    #expect([found.0, found.1, found.2, found.3] == expected)
  }
}

/// Every operation in single precision with every instruction set this processor has, against double precision.
@Test(arguments: Compute.InstructionSet.allCases)
func instructionSetsAgree(set: Compute.InstructionSet) throws {
  for operation in operationCases {
    let inputs = operation.drawInputs()
    let exact = gradients(operation, inputs)
    let single = inputs.map { $0.elementType == .int32 ? $0 : $0.converted(to: .float32) }
    guard let found = Compute.with(set, { gradients(operation, single) }) else { return }
    for (a, b) in zip([exact.output] + exact.gradients, [found.output] + found.gradients) {
      guard let a, let b else { continue }
      let reference = a.values(as: Double.self)
      let scale = max(0.1, reference.map(abs).max() ?? 0)
      #expect(
        largestDifference(reference, b.values(as: Float.self).map(Double.init)) <= 2e-5 * scale,
        "\(operation), \(set)")
    }
  }
}

/// Attention over several blocks of queries and keys against the composition that stores all scores.
@Test(arguments: [(7, 700, 2, 64), (300, 300, 3, 32), (129, 257, 1, 16), (65, 1, 2, 128)])
func attentionEqualsItsDefinition(queries: Int, keys: Int, heads: Int, depth: Int) throws {
  let query = Parameter("q", normals([2, queries, heads, depth], "q"))
  let key = Parameter("k", normals([2, keys, heads, depth], "k"))
  let value = Parameter("v", normals([2, keys, heads, depth], "v"))
  let scale = 1.5 / Double(depth).squareRoot()
  func loss(_ attend: () -> Tensor) -> (Tensor, [Tensor]) {
    var output = Tensor(zeros: [])
    let (_, found) = Tape.gradients {
      output = attend()
      return weighted(output, "attention")
    }
    return (output, [query, key, value].map { found[$0]! })
  }
  let tiled = loss { attention(query: query.value, key: key.value, value: value.value, scale: scale) }
  let whole = loss {
    let parts = [query, key, value].map { $0.value.permuted([0, 2, 1, 3]) }
    let scores = softmax(matrixProduct(parts[0], parts[1], transposeB: true) * scale)
    return matrixProduct(scores, parts[2]).permuted([0, 2, 1, 3])
  }
  for (a, b) in zip([tiled.0] + tiled.1, [whole.0] + whole.1) {
    #expect(a.shape == b.shape)
    let reference = b.values(as: Float.self).map(Double.init)
    let scale = max(1, reference.map(abs).max()!)
    #expect(largestDifference(reference, a.values(as: Float.self).map(Double.init)) <= 1e-5 * scale)
  }
}

/// exp, through the sigmoid, the normal distribution and the logarithm over their whole range: at most a few units in the last place.
@Test func singlePrecisionFunctionsAreAccurate() {
  func compare(
    _ activation: Activation, _ points: [Float], relative: Double, absolute: Double, _ exact: (Double) -> Double
  ) {
    let values = Tensor(points, shape: [points.count]).activated(activation).values(as: Float.self)
    for (point, value) in zip(points, values) {
      let expected = exact(Double(point))
      #expect(
        abs(Double(value) - expected) <= relative * abs(expected) + absolute, "\(activation) of \(point): \(value)")
    }
  }
  let points = (-20000...20000).map { Float($0) * 0.002 }
  compare(.sigmoid, points, relative: 4e-7, absolute: 0) { 1 / (1 + exp(-$0)) }
  compare(.gelu, points, relative: 3e-7, absolute: 2e-8) { 0.5 * $0 * erfc(-$0 / 2.0.squareRoot()) }
  let everyBinade = (-149...127).flatMap { exponent in
    (0..<64).map { Float(sign: .plus, exponent: exponent, significand: 1 + Float($0) / 64) }
  }
  compare(.logarithm, everyBinade, relative: 9e-8, absolute: 0) { log($0) }
  compare(.logarithm, (1...4000).map { 0.5 + Float($0) * 0.0004 }, relative: 9e-8, absolute: 0) { log($0) }

  func values(_ points: [Float], _ activation: Activation) -> [Float] {
    Tensor(points, shape: [points.count]).activated(activation).values()
  }
  #expect(values([.infinity, -.infinity, 200, -200, 0], .sigmoid) == [1, 0, 1, 0, 0.5])
  #expect(values([.infinity, 0, 1], .logarithm) == [.infinity, -.infinity, 0])
  #expect(values([-1, .nan, -.infinity], .logarithm).allSatisfy(\.isNaN) && values([.nan], .sigmoid)[0].isNaN)
}

/// A small transformer block and decoder step, large enough that every kernel divides its work.
private func blockGradients() -> [[Float]] {
  let parameters = [
    Parameter("x", normals([2, 150, 96], "x")), Parameter("norm", normals([96], "norm")),
    Parameter("up", normals([192, 96], "up")), Parameter("down", normals([96, 192], "down")),
    Parameter("bias", normals([192], "bias")), Parameter("scale", normals([96], "scale")),
    Parameter("enlarge", normals([96, 8, 2, 2], "enlarge")),
    Parameter("kernel", normals([3, 8, 3, 3], "kernel")),
  ]
  let labels = Tensor((0..<2 * 20 * 30).map { Int32($0 % 3) }, shape: [2, 20, 30])
  let p = parameters.map(\.value)
  let (loss, found) = Tape.gradients {
    let normed = layerNorm(p[0], weight: p[1], bias: p[5], epsilon: 1e-5)
    let heads = normed.reshaped([2, 150, 3, 32])
    let attended = attention(query: heads, key: heads, value: heads, scale: 0.1).reshaped([2, 150, 96])
    let hidden = linear(attended, weight: p[2], bias: p[4], gelu: true)
    let tokens = residual(p[0], linear(hidden, weight: p[3]), scale: p[5]).reshaped([2, 10, 15, 96])
    let image = transposedConvolution(tokens, weight: p[6], .init(stride: (2, 2), layout: .channelsLast))
    let logits = convolution(image.permuted([0, 3, 1, 2]), weight: p[7], .init(padding: (1, 1)))
    return softDice(logits: logits, labels: labels) + crossEntropy(logits: logits, labels: labels)
  }
  return [loss.values()] + parameters.map { found[$0]!.values() }
}

@Test func sameBitsTwice() {
  let first = blockGradients()
  #expect(first[0][0].isFinite && first.dropFirst().allSatisfy { $0.contains { $0 != 0 } })
  for _ in 0..<3 { #expect(blockGradients() == first) }
}

@Test func sameBitsOnAnyNumberOfThreads() {
  let one = Compute.with(threads: 1) { blockGradients() }
  for set in Compute.InstructionSet.allCases {
    for threads in [1, 2, 3, 5] {
      guard let found = Compute.with(set, threads: threads, { blockGradients() }) else { continue }
      #expect(found == one, "\(threads) threads, \(set)")
    }
  }
}

/// What our own kernels compute row by row does not depend on the number of threads.
@Test func ownKernelsGiveTheSameBitsOnAnyNumberOfThreads() {
  let x = Parameter("x", normals([70000, 24], "many rows"))
  let weight = Parameter("w", normals([24], "w"))
  let labels = Tensor((0..<70000).map { Int32($0 % 24) }, shape: [1, 70000])
  func run() -> [[Float]] {
    let (loss, found) = Tape.gradients {
      let y = layerNorm(x.value, weight: weight.value, bias: weight.value, epsilon: 1e-6).activated(.gelu)
      let logits = residual(x.value.reshaped([1, 70000, 24]), y.reshaped([1, 70000, 24]), scale: weight.value)
        .permuted([0, 2, 1])
      return softDice(logits: logits, labels: labels) + crossEntropy(logits: logits, labels: labels)
        + logits.mean()
    }
    return [loss.values(), found[x]!.values(), found[weight]!.values()]
  }
  let one = Compute.with(threads: 1, run)
  for threads in [2, 3, 5] { #expect(Compute.with(threads: threads, run) == one) }
}

/// The cases of operationCases that have a batch, and which of their inputs have it as their leading axis.
private let batches: [(name: String, inputs: [Int])] = [
  ("add, row", [0]), ("subtract, channels", [0]), ("multiply, same shape", [0, 1]), ("divide, row", [0]),
  ("affine", [0]), ("gelu", [0]), ("relu", [0]), ("leaky relu", [0]), ("sigmoid", [0]),
  ("logarithm", [0]), ("square root", [0]), ("residual, plain", [0, 1]),
  ("residual, scaled", [0, 1]), ("residual, dropped", [0, 1, 2]), ("matrix product", [0]),
  ("matrix product, batched", [0, 1]), ("matrix product, a transposed", [0, 1]), ("linear", [0]),
  ("linear with GELU", [0]), ("convolution 3x3", [0]), ("convolution 3x3, stride 2", [0]),
  ("convolution, grouped", [0]), ("convolution, depthwise", [0]), ("convolution, depthwise, channels last", [0]),
  ("convolution 1x1", [0]), ("convolution, patches", [0]), ("convolution, patches channels last", [0]),
  ("convolution 3x3, channels last", [0]), ("convolution 1x1, channels last", [0]),

  ("transposed convolution 2x2", [0]), ("transposed convolution, grouped", [0]),
  ("transposed convolution, channels last", [0]), ("resize, bilinear up", [0]), ("resize, antialiased down", [0]),
  ("resize, bilinear, channels last", [0]), ("resize, bicubic up", [0]), ("resize, bicubic antialiased", [0]),
  ("resize, nearest", [0]), ("max pool 2x2", [0]), ("instance norm", [0]),
  ("instance norm, channels last", [0]), ("group norm", [0]), ("group norm, one group, channels last", [0]),
  ("batch norm", [0]), ("batch norm, relu, channels last", [0]), ("batch norm, evaluation", [0]),
  ("layer norm", [0]), ("layer norm with GELU", [0]),
  ("normalize", [0]), ("softmax", [0]), ("log softmax", [0]), ("attention", [0, 1, 2]),
  ("attention, other keys", [0, 1, 2]), ("deformable attention", [0, 1, 2]), ("rotary", [0]),
  ("permute, to channels last", [0]), ("concatenate, last", [0, 1, 2]), ("slice, middle", [0]), ("gather", [1]),
  ("sum, trailing", [0]), ("sum, leading, kept", [0]), ("cross-entropy", [0, 1]),
  ("soft Dice over the batch", [0, 1]), ("dropout", [0]), ("dropout of channels", [0]),
]

/// Nothing to compute is no error: an empty batch gives an empty result, and parameters gradients of zero.
@Test(arguments: batches)
func emptyBatchesPass(name: String, batched: [Int]) throws {
  let whole = try #require(operationCases.first { $0.description == name })
  let empty = OperationCase(
    name,
    whole.inputs.enumerated().map { place, input in
      batched.contains(place) ? ([0] + input.shape.dropFirst(), input.values) : input
    }, whole.call)
  let inputs = empty.drawInputs().map { $0.elementType == .int32 ? $0 : $0.converted(to: .float32) }
  let found = gradients(empty, inputs)
  #expect(found.output.values(as: Float.self).allSatisfy { $0.isFinite })
  if !["sum, leading, kept", "cross-entropy", "soft Dice over the batch"].contains(name) {
    #expect(found.output.shape.first == 0)
  }
  for (place, input) in inputs.enumerated() where empty.differentiable[place] {
    let gradient = try #require(found.gradients[place])
    #expect(gradient.shape == input.shape)
    #expect(gradient.values(as: Float.self).allSatisfy { $0 == 0 })
  }
}

/// An element's fate is its own number's, on any number of threads; along the axes named it is shared.
@Test func dropoutDrawsByPlace() {
  let ones = Tensor(repeating: 1, shape: [7, 1500, 3])
  var random = CounterRandom(seed: 3, purpose: "dropout")
  _ = random.uniform()
  var serial = random
  let expected: [Float] = (0..<ones.count).map { _ in serial.uniform() < 0.3 ? 0 : Float(1 / 0.7) }
  for threads in [1, 2, 3] {
    Compute.with(threads: threads) { [random] in
      #expect(ones.dropped(rate: 0.3, random).values(as: Float.self) == expected)
    }
  }
  #expect(abs(ones.dropped(rate: 0.3, random).mean().scalarValue - 1) < 0.02)
  let channels = ones.dropped(rate: 0.5, along: [1], random).values(as: Float.self)
  for item in 0..<7 {
    for channel in 0..<3 {
      let first = channels[item * 4500 + channel]
      #expect(first == 0 || first == 2)
      #expect((0..<1500).allSatisfy { channels[item * 4500 + $0 * 3 + channel] == first })
    }
  }
}

/// Frozen inputs get no gradient and cost none; a tensor used twice gets the sum.
@Test func gradientsReachOnlyWhatIsTrained() {
  let a = Parameter("a", normals([3, 4], "a"))
  let frozen = Parameter("frozen", normals([4, 4], "frozen"))
  frozen.isTrainable = false
  let (_, found) = Tape.gradients {
    let y = linear(a.value, weight: frozen.value)
    return (y + y * 2).sum() + a.value.sum()
  }
  #expect(found[frozen] == nil)
  let columnSums = (0..<4).map { column in
    (0..<4).reduce(0.0) { $0 + Double(frozen.value.values(as: Float.self)[$1 * 4 + column]) }
  }
  for (index, value) in found[a]!.values(as: Float.self).enumerated() {
    #expect(abs(Double(value) - (3 * columnSums[index % 4] + 1)) < 1e-5)
  }
}

@Test func parameterUpdatesFollowTheirFormulas() {
  let count = 40_000
  let backend = Device.cpu.backend
  let p = normals([count], "p")
  let (m, v) = (Tensor(zeros: [count]), Tensor(zeros: [count]))
  var p0 = p.values(as: Float.self).map(Double.init)
  var (m0, v0) = ([Double](repeating: 0, count: count), [Double](repeating: 0, count: count))
  for step in 1...3 {
    let gradient = normals([count], "gradient \(step)")
    backend.adamW(
      p, gradient: gradient, firstMoment: m, secondMoment: v,
      .init(rate: 1e-2, weightDecay: 0.1, beta1: 0.9, beta2: 0.98, step: step, gradientScale: 0.5))
    for (index, value) in gradient.values(as: Float.self).enumerated() {
      let g = 0.5 * Double(value)
      m0[index] = 0.9 * m0[index] + 0.1 * g
      v0[index] = 0.98 * v0[index] + 0.02 * g * g
      p0[index] -= 1e-2 * 0.1 * p0[index]
      p0[index] -=
        1e-2 * (m0[index] / (1 - pow(0.9, Double(step))))
        / ((v0[index] / (1 - pow(0.98, Double(step)))).squareRoot() + 1e-8)
    }
  }
  #expect(largestDifference(p.values(as: Float.self).map(Double.init), p0) < 1e-6)

  let source = normals([count], "source")
  let before = p.values(as: Float.self)
  backend.lerp(p, towards: source, weight: 0.25)
  let expected = zip(before, source.values(as: Float.self)).map { 0.75 * Double($0) + 0.25 * Double($1) }
  #expect(largestDifference(p.values(as: Float.self).map(Double.init), expected) < 1e-6)

  let squares = source.values(as: Float.self).reduce(0.0) { $0 + Double($1) * Double($1) }
  #expect(abs(backend.sumOfSquares([source, source]) / squares - 2) < 2e-6)
}

/// A large image of tokens, which is enlarged in blocks, against the same convolution with channels first.
@Test(arguments: [(2, 3), (1, 2), (2, 1)])
func enlargingInBlocksIsTheSameConvolution(height: Int, width: Int) {
  let x = normals([2, 45, 31, 8], "image of tokens")
  let weight = normals([8, 6, height, width], "weight")
  let bias = normals([6], "bias")
  for bias in [bias, nil] {
    let attributes = ConvolutionAttributes(stride: (height, width), layout: .channelsLast)
    let last = transposedConvolution(x, weight: weight, bias: bias, attributes)
    let first = transposedConvolution(
      x.permuted([0, 3, 1, 2]), weight: weight, bias: bias, .init(stride: (height, width)))
    #expect(last.shape == [2, 45 * height, 31 * width, 6])
    #expect(
      largestDifference(
        last.permuted([0, 3, 1, 2]).values(as: Float.self).map(Double.init),
        first.values(as: Float.self).map(Double.init)) < 1e-5)
  }
}
