// The engine's side of the speed comparisons: computes what a peer's script asks for, line by line, and says how long it took.

import Files
import Foundation
import Networks
import Tensors
import Training

/// One line of output, at once.
func say(_ parts: Any...) {
  FileHandle.standardOutput.write(Data((parts.map { "\($0)" }.joined(separator: " ") + "\n").utf8))
}

/// A result, its wall time and the processor time it took, in seconds.
func sayTimed(_ body: () -> Double) {
  let processor = clock()
  var result = 0.0
  let wall = ContinuousClock().measure { result = body() }
  say(result, wall / .seconds(1), Double(clock() - processor) / Double(CLOCKS_PER_SEC))
}

let arguments = CommandLine.arguments
guard arguments.count == 3, arguments[1] == "vit-step" else {
  FileHandle.standardError.write(Data("usage: engine-benchmark vit-step WEIGHTS-AND-BATCH.safetensors\n".utf8))
  exit(2)
}

do {
  let file = try WeightFile(contentsOf: URL(fileURLWithPath: arguments[2]))
  let step = try VisionTransformerStep(file)
  say("ready \(Compute.threadCount) threads, \(Compute.instructionSet.rawValue)")
  while let line = readLine() {
    switch line {
    case "step":
      sayTimed { step.train() }
    case "predict":
      sayTimed { step.predict() }
    case "times":
      OperationTimes.isMeasuring = true
      say(OperationTimes.report())
    case "memory":
      say(EngineMemory.peakBytes)
    default:
      FileHandle.standardError.write(Data("unknown command \(line)\n".utf8))
      exit(2)
    }
  }
} catch {
  FileHandle.standardError.write(Data("engine-benchmark: \(error)\n".utf8))
  exit(1)
}
