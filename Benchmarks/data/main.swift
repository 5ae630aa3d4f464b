import Datasets
import Evaluation
import Files
import Foundation
import Imaging
import Phantoms
import Random
import Tensors

// Runs one step of the data path and prints its wall time in seconds: what the scripts in Benchmarks/peers call to
// compare results and speed with nnU-Net's. Without more being said, a step takes as many threads as it has cores.
//
//   data-benchmark phantom KIND CASES X Y Z OUTPUT        a phantom dataset
//   data-benchmark reshape RAW X Y Z                      brings its volumes to exactly X x Y x Z voxels
//   data-benchmark real-ct FOLDER RECIPES OUTPUT           the dataset of the files that Benchmarks/real-ct fetched
//   data-benchmark plan RAW OUTPUT [SAMPLES]              fingerprint, plans and splits
//   data-benchmark preprocess RAW PLANS CONFIGURATION OUTPUT
//   data-benchmark augment [PATCHES]                      patches of 448 x 448 a second of one core, as
//                                                         `Benchmarks/peers/fixtures/augmentation.py time` measures
//   data-benchmark transform SCENE.h5 PARAMETERS.json OUTPUT.h5
//                                                         augments one patch for each of the listed parameters
//   data-benchmark export CASE.h5 IMAGE SCORES.h5 OUTPUT   scores: dataset "scores", float32, [classes, Z, Y, X]; also
//                                                         prints by how many MB the peak memory grew meanwhile
//   data-benchmark peak COMMAND...                         runs it and prints the most memory it held, and its seconds
//   data-benchmark metrics REFERENCE PREDICTION monai|deepmind CLASSES OUTPUT.json
//                                                         DSC, NSD within 1 mm and HD95 of the labels 1...CLASSES

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

/// The most memory that this process has held at a time, in MB.
func peakMemory() -> Double {
  var usage = rusage()
  getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
  return Double(usage.ru_maxrss) / 1024
}

/// Runs a command and prints the most memory that it, or what it started, held at a time, and its wall time.
func peak(of command: [String]) throws {
  let process = Process()
  process.executableURL = url(command[0])
  process.arguments = Array(command.dropFirst())
  let clock = ContinuousClock()
  let start = clock.now
  try process.run()
  process.waitUntilExit()
  let seconds = (clock.now - start).components.seconds
  guard process.terminationStatus == 0 else { exit(process.terminationStatus) }
  var usage = rusage()
  getrusage(__rusage_who_t(RUSAGE_CHILDREN.rawValue), &usage)
  print("\(Int(usage.ru_maxrss / 1024)) MiB, \(seconds) s")
}

/// One line of the parameters' file, under the names that `Benchmarks/peers/fixtures/augmentation.py` gives them.
struct TransformParameters: Decodable {
  struct Setting: Decodable {
    let channel: Int
    let value: [Double]
  }
  let rotation: Double?
  let scaling: Double?
  let blur: [Setting]?
  let brightness: [Double]?
  let contrast: [Double]?
  let low_resolution: [Setting]?
  let inverted_gamma: [Double]?
  let gamma: [Double]?
  let mirror: [Bool]?

  var parameters: Augmentation.Parameters {
    var result = Augmentation.Parameters()
    result.rotation = rotation
    result.scaling = scaling
    result.blur = (blur ?? []).map { .init(channel: $0.channel, value: $0.value) }
    result.brightness = brightness ?? []
    result.contrast = contrast ?? []
    result.lowResolution = (low_resolution ?? []).map { .init(channel: $0.channel, value: $0.value[0]) }
    result.invertedGamma = inverted_gamma ?? []
    result.gamma = gamma ?? []
    result.mirrorsRows = mirror?[0] ?? false
    result.mirrorsColumns = mirror?[1] ?? false
    return result
  }
}

/// Augments the larger patch in `scene` (`image` [C, H0, W0], `labels` [H0, W0]) once for each of the parameters, to
/// patches of 448 x 448: `<index>/image` and `<index>/labels` of the output.
func transform(scene: URL, parameters: URL, output: URL) throws {
  let file = try HDF5File(reading: scene)
  let image = try file.read("image", as: Float.self)
  let labels = try file.read("labels", as: Int16.self)
  let size = [448, 448]
  let augmentation = Augmentation(patchSize: size)
  let workspace = Augmentation.Workspace(for: augmentation)
  let channels = image.shape[0]
  let listed = try JSONDecoder().decode([TransformParameters].self, from: Data(contentsOf: parameters))
  try HDF5File.create(output) { file in
    for (index, entry) in listed.enumerated() {
      var imageOut = [Float](repeating: 0, count: channels * 448 * 448)
      var labelsOut = [Int32](repeating: 0, count: 448 * 448)
      augmentation.apply(
        entry.parameters, image: image.values, labels: labels.values, size: labels.shape, channels: channels,
        into: &imageOut, &labelsOut, workspace: workspace)
      try file.write(imageOut, shape: [channels] + size, to: "\(index)/image")
      try file.write(labelsOut, shape: size, to: "\(index)/labels")
    }
  }
}

/// The volume with another number of voxels over the same extent, each the nearest of its.
func reshaped(_ volume: Volume<Int16>, _ shape: [Int]) -> Volume<Int16> {
  let places = (0..<3).map { axis in (0..<shape[axis]).map { $0 * volume.shape[axis] / shape[axis] } }
  var voxels: [Int16] = []
  voxels.reserveCapacity(shape.reduce(1, *))
  for z in places[0] {
    for y in places[1] {
      let row = (z * volume.shape[1] + y) * volume.shape[2]
      for x in places[2] { voxels.append(volume.voxels[row + x]) }
    }
  }
  let steps = (0..<3).map { Double(volume.shape[$0]) / Double(shape[$0]) }
  let header = volume.header
  let affine = header.affine.map { row in
    [row[0] * steps[2], row[1] * steps[1], row[2] * steps[0], row[3]]
  }
  return Volume(
    shape: shape, voxels: voxels,
    header: NIfTIHeader(shape: shape, spacing: zip(header.spacing, steps).map { $0 * $1 }, affine: affine))
}

func url(_ path: String) -> URL { URL(fileURLWithPath: path) }

func run(_ arguments: [String]) throws -> Bool {
  switch (arguments.first, arguments.count) {
  case ("phantom", 7):
    let numbers = arguments[2...5].compactMap { Int($0) }
    guard let kind = PhantomKind(rawValue: arguments[1]), numbers.count == 4 else { return false }
    try PhantomGenerator.write(
      kind: kind, cases: numbers[0], seed: 0, size: SIMD3(numbers[1], numbers[2], numbers[3]), to: url(arguments[6]))
  case ("reshape", 5):
    let sizes = arguments[2...4].compactMap { Int($0) }
    guard sizes.count == 3, sizes.allSatisfy({ (1...4096).contains($0) }) else { return false }
    for source in try RawDataset(directory: url(arguments[1])).cases {
      for file in source.images + [source.label!] {
        try NIfTI.write(reshaped(NIfTI.readLabels(file), [sizes[2], sizes[1], sizes[0]]), to: file)
      }
    }
  case ("real-ct", 4):
    try makeRealCT(files: url(arguments[1]), recipes: url(arguments[2]), in: url(arguments[3]))
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
    _ = try timed("preprocess") { try preprocessor.prepare(dataset.cases, into: url(arguments[4])) }
  case ("augment", 1...2):
    let count = arguments.count > 1 ? Int(arguments[1]) ?? 0 : 3000
    guard (1...1_000_000).contains(count) else { return false }
    augment(count)
  case ("transform", 4):
    try transform(scene: url(arguments[1]), parameters: url(arguments[2]), output: url(arguments[3]))
  case ("export", 5):
    let properties = try CaseFile(url(arguments[1])).properties
    let scores = try HDF5File(reading: url(arguments[3])).read("scores", as: Float.self)
    let header = try NIfTI.readHeader(url(arguments[2]))
    let before = peakMemory()
    let labels = try timed("export") {
      try scores.values.withUnsafeBufferPointer {
        try Exporter(properties: properties, classCount: scores.shape[0]).labels(header: header, scores: $0)
      }
    }
    print("extra_MB \(peakMemory() - before)")
    try NIfTI.write(labels, to: url(arguments[4]))
  case ("peak", 2...):
    try peak(of: Array(arguments.dropFirst()))
  case ("metrics", 6):
    guard let convention: SurfaceConvention = ["monai": .monai, "deepmind": .deepMind][arguments[3]],
      let count = Int16(arguments[4]), count > 0
    else { return false }
    let reference = try NIfTI.readLabels(url(arguments[1]))
    let prediction = try NIfTI.readLabels(url(arguments[2]))
    let classes = (1...count).map { EvaluationClass(name: "\($0)", labels: [$0]) }
    let evaluator = Evaluator(classes: classes, convention: convention)
    let metrics = try timed("metrics") {
      try evaluator.evaluate(reference: reference, prediction: prediction, classes: classes)
    }
    let report = EvaluationReport(
      classes: classes, cases: [CaseMetrics(name: "case", classes: metrics, diagonal: reference.diagonal)])
    try AtomicFile.write(report.json(), to: url(arguments[5]))
  default:
    return false
  }
  return true
}

do {
  if try !run(Array(CommandLine.arguments.dropFirst())) {
    FileHandle.standardError.write(
      Data(
        "usage: data-benchmark phantom|reshape|real-ct|plan|preprocess|augment|transform|export|metrics ..., see Benchmarks/data/main.swift\n"
          .utf8))
    exit(2)
  }
} catch {
  FileHandle.standardError.write(Data("\(error)\n".utf8))
  exit(error is any InputError ? 2 : 1)
}
