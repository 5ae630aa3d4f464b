import Datasets
import Files
import Foundation
import Imaging

// Runs one step of the data path and prints its wall time in seconds: what the scripts in Benchmarks/peers call to
// compare results and speed with nnU-Net's.
//
//   data-benchmark plan RAW OUTPUT [SAMPLES]              fingerprint, plans and splits
//   data-benchmark preprocess RAW PLANS CONFIGURATION OUTPUT
//   data-benchmark export CASE.h5 IMAGE SCORES.h5 OUTPUT   scores: dataset "scores", float32, [classes, Z, Y, X]

func timed<Result>(_ name: String, _ body: () throws -> Result) rethrows -> Result {
  let clock = ContinuousClock()
  let start = clock.now
  let result = try body()
  let seconds =
    Double((clock.now - start).components.attoseconds) * 1e-18 + Double((clock.now - start).components.seconds)
  print("\(name) \(seconds)")
  return result
}

func url(_ path: String) -> URL { URL(fileURLWithPath: path) }

func run(_ arguments: [String]) throws -> Bool {
  switch (arguments.first, arguments.count) {
  case ("plan", 3), ("plan", 4):
    let dataset = try RawDataset(directory: url(arguments[1]))
    let samples = arguments.count == 4 ? Int(arguments[3]) ?? 0 : 100_000_000
    let output = url(arguments[2])
    let fingerprint = try timed("fingerprint") { try Fingerprint(dataset, foregroundSamples: samples) }
    try fingerprint.write(to: output.appendingPathComponent("dataset_fingerprint.json"))
    let plans = try timed("plan") { try Plans(fingerprint: fingerprint, dataset: dataset) }
    try plans.write(to: output.appendingPathComponent("nnUNetPlans.json"))
    if dataset.cases.count >= 5 {
      try Splits(cases: dataset.cases.map(\.name)).write(to: output.appendingPathComponent("splits_final.json"))
    }
  case ("preprocess", 5):
    let dataset = try RawDataset(directory: url(arguments[1]))
    let plans = try Plans(contentsOf: url(arguments[2]))
    let preprocessor = try Preprocessor(plans: plans, configuration: arguments[3], description: dataset.description)
    try timed("preprocess") { try preprocessor.prepare(dataset.cases, into: url(arguments[4])) }
  case ("export", 5):
    let properties = try CaseFile(url(arguments[1])).properties
    let scores = try HDF5File(reading: url(arguments[3])).read("scores", as: Float.self)
    let header = try NIfTI.readHeader(url(arguments[2]))
    let labels = try timed("export") {
      try scores.values.withUnsafeBufferPointer {
        try Exporter(properties: properties, classCount: scores.shape[0]).labels(header: header, scores: $0)
      }
    }
    try NIfTI.write(labels, to: url(arguments[4]))
  default:
    return false
  }
  return true
}

do {
  if try !run(Array(CommandLine.arguments.dropFirst())) {
    FileHandle.standardError.write(
      Data("usage: data-benchmark plan|preprocess|export ..., see Benchmarks/data/main.swift\n".utf8))
    exit(2)
  }
} catch {
  FileHandle.standardError.write(Data("\(error)\n".utf8))
  exit(error is any InputError ? 2 : 1)
}
