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
      let clock = ContinuousClock()
      var loss = 0.0
      let time = clock.measure { loss = step.train() }
      say(loss, time / .seconds(1))
    case "predict":
      let clock = ContinuousClock()
      var mean = 0.0
      let time = clock.measure { mean = step.predict() }
      say(mean, time / .seconds(1))
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
