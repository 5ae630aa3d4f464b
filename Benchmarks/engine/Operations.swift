import Networks
import Pretraining
import Random
import Tensors

/// The operations that are timed one by one, by the names that `Benchmarks/peers/speed/engine_operations.py` has for them.
private let operations: [String: Operation] = [
  "add": .add,
  "multiply": .multiply,
  "divide": .divide,
  "affine": .affine(scale: 2.5, shift: 0.5),
  "residual": .residual(hasScale: true, hasKeep: false),
  "gelu": .activation(.gelu),
  "sigmoid": .activation(.sigmoid),
  "relu": .activation(.relu),
  "leakyRelu": .activation(.leakyRelu(slope: 0.01)),
  "logarithm": .activation(.logarithm),
  "squareRoot": .activation(.squareRoot),
  "matrixProduct": .matrixProduct(transposeA: false, transposeB: false),
  "linear": .linear(hasBias: true, gelu: false),
  "linear, GELU": .linear(hasBias: true, gelu: true),
  "convolution": .convolution(.init(padding: (1, 1)), hasBias: true),
  "convolution, channels last": .convolution(.init(padding: (1, 1), layout: .channelsLast), hasBias: true),
  "convolution, stride 2": .convolution(.init(stride: (2, 2), padding: (1, 1)), hasBias: true),
  "convolution, grouped": .convolution(.init(padding: (1, 1), groups: 4), hasBias: true),
  "convolution, depthwise": .convolution(
    .init(padding: (1, 1), groups: 256, layout: .channelsLast), hasBias: true),
  "convolution, patches": .convolution(.init(stride: (16, 16), layout: .channelsLast), hasBias: true),
  "transposedConvolution": .transposedConvolution(.init(stride: (2, 2), layout: .channelsLast), hasBias: true),
  "layerNorm": .layerNorm(epsilon: 1e-5, gelu: false),
  "layerNorm, GELU": .layerNorm(epsilon: 1e-6, gelu: true),
  "groupNorm": .groupNorm(groups: 8, epsilon: 1e-5, slope: 1, .channelsFirst),
  "groupNorm, leaky ReLU": .groupNorm(groups: 32, epsilon: 1e-5, slope: 0.01, .channelsFirst),
  "batchNorm": .batchNorm(epsilon: 1e-5, slope: 1, .channelsFirst),
  "batchNorm, evaluation": .fixedNorm(epsilon: 1e-5, slope: 1, .channelsFirst),
  "normalize": .normalize(epsilon: 1e-12),
  "softmax": .softmax,
  "logSoftmax": .logSoftmax,
  "attention": .attention(scale: 0.125),
  "rotary": .rotary(prefix: 1),
  "deformableAttention": .deformableAttention([MapSize(height: 16, width: 16)]),
  "permute": .permute([0, 3, 1, 2]),
  "concatenate": .concatenate(axis: 2),
  "slice": .slice(axis: 2, start: 256, count: 256),
  "resize, nearest": .resize(height: 256, width: 256, .nearest, .channelsFirst),
  "resize, bilinear": .resize(height: 256, width: 256, .bilinear, .channelsFirst),
  "resize, bicubic": .resize(height: 256, width: 256, .bicubic, .channelsFirst),
  "resize, bilinear antialiased": .resize(height: 96, width: 96, .bilinearAntialiased, .channelsFirst),
  "resize, bicubic antialiased": .resize(height: 96, width: 96, .bicubicAntialiased, .channelsFirst),
  "maxPool": .maxPool(.init(kernel: (3, 3), stride: (2, 2), padding: (1, 1))),
  "gather": .gather,
  "sum": .sum(axes: [0], keep: false),
  "crossEntropy": .crossEntropy,
  "softDice": .softDice(overBatch: true, includeBackground: false, smooth: 1e-5),
  "regionCrossEntropy": .regionCrossEntropy(nestedRegions, perPixel: false),
  "regionDice": .regionDice(nestedRegions, overBatch: true, smooth: 1e-5),
]

/// Sixteen regions of which each holds the next one.
private let nestedRegions = RegionTable(regions: (0..<16).map { Array($0..<16) }, labelCount: 16)

/// What takes several operations.
private let compositions: [String: @Sendable ([Tensor]) -> Tensor] = [
  "dropout": { $0[0].dropped(rate: 0.1, CounterRandom(seed: 0, purpose: "dropout")) },
  "dropout of channels": { $0[0].dropped(rate: 0.2, along: [1, 2], CounterRandom(seed: 0, purpose: "dropout")) },
  "linear, weight-normalised": { linear($0[0].normalized(), weight: $0[1].normalized()) },
  "KoLeo": { KoLeoLoss.loss($0[0]) },
]

/// One operation, or one composition, with a peer's inputs and the gradient by its output: its forward pass and all gradients give
/// the mean of the output.
private func operationRun(_ name: String, _ file: PeerFile) throws -> () -> Double {
  let count = file.names.count { $0.hasPrefix("\(name)/") }
  var inputs = try (0..<count).map { try file.tensor("\(name)/\($0)") }
  let slopes = inputs.removeLast()
  if let operation = operations[name] { return run(operation, inputs, slopes) }
  guard let composition = compositions[name] else {
    throw PeerFileError(path: name, problem: "is no operation timed here")
  }
  return run(composition, inputs, slopes)
}

private func run(_ operation: Operation, _ inputs: [Tensor], _ slopes: Tensor) -> () -> Double {
  var inputs = inputs
  var needed = inputs.map { _ in true }
  switch operation {
  case .rotary: needed = [true, false, false]
  case .fixedNorm: needed = [true, true, true, false, false]
  case .gather, .crossEntropy, .softDice, .regionCrossEntropy, .regionDice:
    needed = [true, false]
    inputs[1] = Tensor(inputs[1].values(as: Float.self).map { Int32($0) }, shape: inputs[1].shape)
  default: break
  }
  return { [inputs, needed] in
    let backend = Device.cpu.backend
    let result = backend.forward(operation, inputs, willDifferentiate: true)
    _ = backend.backward(
      operation, inputs: inputs, outputs: result.outputs, saved: result.saved,
      outputGradients: [slopes] + result.outputs.dropFirst().map { _ in nil }, needed: needed)
    return result.outputs[0].mean().scalarValue
  }
}

private func run(_ composition: @escaping ([Tensor]) -> Tensor, _ inputs: [Tensor], _ slopes: Tensor) -> () -> Double {
  let parameters = inputs.enumerated().map { Parameter("\($0)", $1) }
  return {
    var mean = 0.0
    _ = Tape.gradients {
      let output = composition(parameters.map(\.value))
      mean = output.detached.mean().scalarValue
      return (output * slopes).sum()
    }
    return mean
  }
}

/// Answers `run NAME` with the output's mean and the seconds that forward and backward took.
func answerOperations(_ file: PeerFile) throws {
  var runs: [String: () -> Double] = [:]
  say("ready")
  while let line = readLine() {
    guard line.hasPrefix("run ") else { fail("unknown command \(line)", code: 2) }
    let name = String(line.dropFirst(4))
    let run = try runs[name] ?? operationRun(name, file)
    runs[name] = run
    sayTimed(run)
  }
}
