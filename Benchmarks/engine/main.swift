// The engine's side of the speed comparisons: computes what a peer's script asks for, line by line, and says how long it took.

import Foundation
import Tensors

/// One line of output, at once.
func say(_ parts: Any...) {
  FileHandle.standardOutput.write(Data((parts.map { "\($0)" }.joined(separator: " ") + "\n").utf8))
}

func fail(_ message: String, code: Int32) -> Never {
  FileHandle.standardError.write(Data("engine-benchmark: \(message)\n".utf8))
  exit(code)
}

/// A result and its wall time in seconds.
func sayTimed(_ body: () -> Double) {
  var result = 0.0
  let wall = ContinuousClock().measure { result = body() }
  say(result, wall / .seconds(1))
}

/// The best rate of several matrix products, in 10⁹ operations a second: what the machine can do in single precision.
func matrixProductRate() -> Double {
  let size = 1536
  let a = Tensor(repeating: 0.5, shape: [size, size])
  return (0..<5).map { _ in
    let time = ContinuousClock().measure { _ = matrixProduct(a, a) }
    return 2e-9 * Double(size * size * size) / (time / .seconds(1))
  }.max()!
}

let arguments = CommandLine.arguments
let name = arguments.count > 1 ? arguments[1] : ""
let isKnown =
  switch arguments.count {
  case 2: ownCases[name] != nil
  case 3: name == "operations" || cases[name] != nil
  default: false
  }
guard isKnown else {
  fail(
    "usage: engine-benchmark (\((cases.keys.sorted() + ["operations"]).joined(separator: " | "))) PEER.safetensors, or "
      + "(\(ownCases.keys.sorted().joined(separator: " | "))) alone", code: 2)
}
do {
  if name == "operations" {
    try answerOperations(PeerFile(arguments[2]))
    exit(0)
  }
  say("idle")
  _ = readLine()
  let step = try arguments.count == 2 ? ownCases[name]!() : cases[name]!(PeerFile(arguments[2]))
  say("ready \(Compute.threadCount) threads, \(Compute.instructionSet.rawValue)")
  while let line = readLine() {
    switch line {
    case "train": sayTimed { step.train() }
    case "predict": sayTimed { step.predict() }
    case "gemm": say(matrixProductRate())
    case "times":
      OperationTimes.isMeasuring = true
      say(OperationTimes.report())
    default: fail("unknown command \(line)", code: 2)
    }
  }
} catch {
  fail("\(error)", code: 1)
}
