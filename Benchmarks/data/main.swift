import Datasets
import Files
import Foundation
import Imaging
import Tensors

// Runs one step of the data path and prints its wall time in seconds: what the scripts in Benchmarks/peers call to
// compare results and speed with nnU-Net's.
//
//   data-benchmark plan RAW OUTPUT [SAMPLES]              fingerprint, plans and splits
//   data-benchmark preprocess RAW PLANS CONFIGURATION OUTPUT
//   data-benchmark augment [PATCHES]                      patches of 448 x 448 a second of one core, as
//                                                         `Benchmarks/peers/augmentation.py time` measures
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

/// Augments patches with 15 labelled squares in noise, as nnU-Net's training would, on this thread.
func augment(_ count: Int) {
  let augmentation = Augmentation(patchSize: [448, 448])
  let (height, width) = (augmentation.initialPatchSize[0], augmentation.initialPatchSize[1])
  var random = CounterRandom(seed: 0, purpose: "augmentation benchmark")
  let image = (0..<(height * width)).map { _ in Float(random.normal()) }
  var labels = [Int16](repeating: 0, count: height * width)
  for label in 1...15 {
    let (top, left) = (random.integer(below: height - 60), random.integer(below: width - 60))
    for row in top..<(top + 60) {
      for column in left..<(left + 60) { labels[row * width + column] = Int16(label) }
    }
  }
  var imageOut = [Float](repeating: 0, count: 448 * 448)
  var labelsOut = [Int32](repeating: 0, count: 448 * 448)
  let workspace = Augmentation.Workspace(for: augmentation)
  let start = clock()
  for sample in 0..<count {
    var random = CounterRandom(seed: 1, purpose: "augmentation benchmark", sample: sample)
    augmentation.apply(
      augmentation.draw(channels: 1, random: &random), image: image, labels: labels, size: [height, width], channels: 1,
      into: &imageOut, &labelsOut, workspace: workspace)
  }
  let seconds = Double(clock() - start) / Double(CLOCKS_PER_SEC)
  print("augment \(Double(count) / seconds) patches of 448 x 448 a second of one core")
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
  case ("augment", 1...2):
    let count = arguments.count > 1 ? Int(arguments[1]) ?? 0 : 3000
    guard (1...1_000_000).contains(count) else { return false }
    augment(count)
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
