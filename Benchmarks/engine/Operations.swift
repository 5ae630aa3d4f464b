import Networks
import Tensors

/// The operations that are timed one by one, by the names that `Benchmarks/peers/engine_operations.py` has for them.
private let operations: [String: Operation] = [
  "add": .add,
  "multiply": .multiply,
  "residual": .residual(hasScale: true, hasKeep: false),
  "gelu": .activation(.gelu),
  "silu": .activation(.silu),
  "sigmoid": .activation(.sigmoid),
  "matrixProduct": .matrixProduct(transposeA: false, transposeB: false),
  "linear": .linear(hasBias: true, gelu: false),
  "linear, GELU": .linear(hasBias: true, gelu: true),
  "convolution": .convolution(.init(padding: (1, 1)), hasBias: true),
  "convolution, channels last": .convolution(.init(padding: (1, 1), layout: .channelsLast), hasBias: true),
  "convolution, depthwise": .convolution(
    .init(padding: (1, 1), groups: 256, layout: .channelsLast), hasBias: true),
  "convolution, patches": .convolution(.init(stride: (16, 16), layout: .channelsLast), hasBias: true),
  "transposedConvolution": .transposedConvolution(.init(stride: (2, 2), layout: .channelsLast), hasBias: true),
  "layerNorm": .layerNorm(epsilon: 1e-5, gelu: false),
  "layerNorm, GELU": .layerNorm(epsilon: 1e-6, gelu: true),
  "groupNorm, leaky ReLU": .groupNorm(groups: 32, epsilon: 1e-5, slope: 0.01, .channelsFirst),
  "batchNorm": .batchNorm(epsilon: 1e-5, slope: 1, .channelsFirst),
  "normalize": .normalize(epsilon: 1e-12),
  "softmax": .softmax,
  "logSoftmax": .logSoftmax,
  "attention": .attention(scale: 0.125),
  "rotary": .rotary(prefix: 1),
  "deformableAttention": .deformableAttention([MapSize(height: 16, width: 16)]),
  "permute": .permute([0, 3, 1, 2]),
  "concatenate": .concatenate(axis: 2),
  "resize, bilinear": .resize(height: 256, width: 256, .bilinear, .channelsFirst),
  "resize, bicubic": .resize(height: 256, width: 256, .bicubic, .channelsFirst),
  "resize, average": .resize(height: 7, width: 7, .average, .channelsFirst),
  "maxPool": .maxPool(.init(kernel: (3, 3), stride: (2, 2), padding: (1, 1))),
  "gather": .gather,
  "scatter": .scatter(rows: 8192),
  "sum": .sum(axes: [0], keep: false),
  "crossEntropy": .crossEntropy,
  "softDice": .softDice(overBatch: true, includeBackground: false, smooth: 1e-5),
]

/// One operation with a peer's inputs and the gradient by its output.
struct OperationRun {
  private let operation: Operation
  private let inputs: [Tensor]
  private let slopes: Tensor
  private let needed: [Bool]

  /// - Parameter file: `NAME/0`, `NAME/1`, ... are the inputs, the last one is the gradient by the output.
  init(_ name: String, _ file: PeerFile) throws {
    guard let operation = operations[name] else {
      throw PeerFileError(path: name, problem: "is no operation timed here")
    }
    let count = file.names.count { $0.hasPrefix("\(name)/") }
    var arrays = try (0..<count).map { try file.tensor("\(name)/\($0)") }
    slopes = arrays.removeLast()
    needed = arrays.indices.map { place in
      switch operation {
      case .rotary: place == 0
      case .gather, .scatter, .crossEntropy, .softDice: place == 0
      default: true
      }
    }
    if case .rotary = operation {
    } else {
      for place in arrays.indices where !needed[place] {
        arrays[place] = Tensor(arrays[place].values(as: Float.self).map { Int32($0) }, shape: arrays[place].shape)
      }
    }
    self.operation = operation
    inputs = arrays
  }

  /// Forward and all gradients; the mean of the output.
  func callAsFunction() -> Double {
    let result = backend.forward(operation, inputs, willDifferentiate: true)
    _ = backend.backward(
      operation, inputs: inputs, outputs: result.outputs, saved: result.saved,
      outputGradients: [slopes] + result.outputs.dropFirst().map { _ in nil }, needed: needed)
    return result.outputs[0].mean().scalarValue
  }
}

/// Answers `run NAME` with the output's mean and the seconds that forward and backward took.
func answerOperations(_ file: PeerFile) throws {
  var runs: [String: OperationRun] = [:]
  say("ready")
  while let line = readLine() {
    guard line.hasPrefix("run ") else { fail("unknown command \(line)", code: 2) }
    let name = String(line.dropFirst(4))
    let run = try runs[name] ?? OperationRun(name, file)
    runs[name] = run
    sayTimed(run.callAsFunction)
  }
}
