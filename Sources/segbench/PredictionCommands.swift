import Datasets
import Evaluation
import Experiments
import Files
import Foundation
import Imaging
import Recipes

let predictCommand = Command(
  name: "predict", summary: "Predict images, or every case of a folder, with a finished run's network",
  operands: "IMAGE|FOLDER...",
  example: "segbench predict --run 90559a6284 --output predictions imagesTs", positionalCount: 1...100_000,
  options: [
    OptionSpecification("--run", "RUN", isRequired: true, help: "A run folder, or the beginning of a run's identity"),
    OptionSpecification("--output", "DIRECTORY", isRequired: true, help: "Where the label maps go"),
    strictGeometryOption, deviceOption,
  ],
  notes: [
    "Files are named as nnU-Net names them, CASE_0000.nii.gz for a case's first channel, CASE_0001.nii.gz for its second; the",
    "label map is CASE.nii.gz. Of a run with one channel the number may be left out.",
    "A folder with one DICOM series is a case by the folder's name, where dcm2niix is installed.",
  ], usesDevice: true
) { arguments in
  let output = arguments.required("--output")
  let workspace = try Workspace.fromEnvironment()
  let finished = try FinishedRun(
    folder: FinishedRun.folder(arguments.required("--run"), in: workspace),
    library: RecipeLibrary(root: workspace.recipes), hdf5: ReadingProcess.weights)
  var scratch: ScratchFolder?
  defer { withExtendedLifetime(scratch) {} }
  let cases = try PredictedCase.all(arguments.positionals, channels: finished.channelNames, scratch: &scratch)
  let warnings = try cases.flatMap(\.images).flatMap { image in
    let header = try NIfTI.readHeader(image)
    try header.requireOrthogonalAxes(path: image.path)
    return header.geometryWarnings(path: image.path)
  }
  guard warnings.isEmpty || !arguments.flag("--strict-geometry") else {
    throw UsageError("--strict-geometry: " + warnings.map(\.description).joined(separator: "\n  "))
  }
  writeWarnings(warnings)
  let folder = URL(fileURLWithPath: output, isDirectory: true)
  try makeFolder(folder)
  let progress = ProgressDisplay("predicting").progress
  progress(0, of: cases.count)
  for (index, item) in cases.enumerated() {
    try Cancellation.check()
    let target = folder.appendingPathComponent(item.name + ".nii.gz")
    guard !item.images.map(\.standardizedFileURL).contains(target.standardizedFileURL) else {
      throw UsageError("\(target.path) is an image to predict: name another --output")
    }
    try NIfTI.write(finished.predict(channels: item.images), to: target)
    print(target.path)
    progress(index + 1, of: cases.count, note: item.name)
  }
}

let evaluateCommand = Command(
  name: "evaluate", summary: "Compare predicted label maps with references: DSC, NSD, HD95 per class and case",
  operands: "",
  example: "segbench evaluate --reference labelsTr --prediction predictions --labels dataset.json",
  positionalCount: 0...0,
  options: [
    OptionSpecification("--reference", "DIRECTORY", isRequired: true, help: "The references"),
    OptionSpecification("--prediction", "DIRECTORY", isRequired: true, help: "The predictions, by the same file names"),
    OptionSpecification(
      "--subset", help: "Score the cases that both folders hold, and say which are left out (otherwise that is refused)"
    ),
    OptionSpecification(
      "--labels", "FILE", help: "A dataset.json that names the classes; without it every label is one"),
    OptionSpecification(
      "--classes", "WHICH", choices: TargetKind.allCases.map(\.rawValue),
      help: "labels or regions of that dataset.json; its regions, if it has any, by default"),
    OptionSpecification("--tolerance", "MM", help: "Distance in mm within which surfaces count as one for NSD (1.0)"),
    OptionSpecification(
      "--nsd", "KIND", choices: ["monai", "deepmind"], help: "monai (the paper's, default) or deepmind (area-weighted)"),
    OptionSpecification(
      "--absent", "RULE", choices: Averaging.AbsentClass.allCases.map(\.rawValue),
      help:
        "A class that the reference lacks: exclude (the paper's, default), or zero where it was predicted (nnU-Net's)"),
    OptionSpecification(
      "--hd95-missing", "RULE", choices: Averaging.MissingDistance.allCases.map(\.rawValue),
      help: "A class that was missed, in HD95: exclude (default), or the image's diagonal"),
    OptionSpecification(
      "--strict-geometry",
      help: "Refuse predictions whose headers give other voxel sizes, directions or origins than their references'"),
    OptionSpecification("--json", "FILE", help: "Write everything as JSON"),
  ]
) { arguments in
  let reference = arguments.required("--reference")
  let prediction = arguments.required("--prediction")
  let description = try arguments.value("--labels").map { try DatasetDescription(contentsOf: URL(fileURLWithPath: $0)) }
  var classes = description?.targets.map(EvaluationClass.init)
  if let choice = arguments.choice("--classes", as: TargetKind.self) {
    guard let file = arguments.value("--labels"), let description else {
      throw UsageError("--classes chooses among what a dataset.json names: give it with --labels FILE")
    }
    classes = try description.learning(choice, key: "--classes", path: file).targets.map(
      EvaluationClass.init)
  }
  let evaluator = Evaluator(
    classes: classes, ignoreLabel: description?.ignoreLabel.map { Int16($0) },
    tolerance: try arguments.positiveNumber("--tolerance") ?? 1,
    convention: arguments.value("--nsd") == "deepmind" ? .deepMind : .monai,
    averaging: averaging(arguments), strictGeometry: arguments.flag("--strict-geometry"))
  let report = try evaluator.evaluate(
    references: URL(fileURLWithPath: reference, isDirectory: true),
    predictions: URL(fileURLWithPath: prediction, isDirectory: true), subset: arguments.flag("--subset"),
    progress: ProgressDisplay("evaluating").progress)
  writeWarnings(report.warnings)
  for (names, what) in [(report.withoutPrediction, "a prediction"), (report.withoutReference, "a reference")]
  where !names.isEmpty {
    Console.warn(
      "\(names.count) of \(names.count + report.cases.count) cases are without \(what) and left out: "
        + names.joined(separator: ", "))
  }
  if let file = arguments.value("--json") { try AtomicFile.write(report.json(), to: URL(fileURLWithPath: file)) }
  func percent(_ value: Double?) -> String { value.map { String(format: "%.2f", 100 * $0) } ?? "-" }
  func millimetres(_ value: Double?) -> String { value.map { String(format: "%.2f", $0) } ?? "-" }
  let width = max(4, report.classes.map(\.name.count).max() ?? 0)
  func line(_ name: String, _ columns: [String]) -> String {
    name.padding(toLength: width, withPad: " ", startingAt: 0)
      + columns.map { String(repeating: " ", count: max(1, 10 - $0.count)) + $0 }.joined()
  }
  print(line("", ["DSC %", "NSD %", "HD95 mm", "cases", "false pos.", "missed", "HD95 of"]))
  for (index, means) in report.classMeans.enumerated() {
    let counts = report.classCounts[index]
    print(
      line(
        report.classes[index].name,
        [percent(means.dsc), percent(means.nsd), millimetres(means.hd95)]
          + [counts.counted, counts.falsePositives, counts.missed, counts.distances].map(String.init)))
  }
  print(line("mean", [percent(report.mean.dsc), percent(report.mean.nsd), millimetres(report.mean.hd95)]))
  for sentence in explanation(report) { print(sentence) }
}

private func averaging(_ arguments: Arguments) -> Averaging {
  Averaging(
    absent: arguments.choice("--absent", as: Averaging.AbsentClass.self) ?? .exclude,
    missingDistance: arguments.choice("--hd95-missing", as: Averaging.MissingDistance.self) ?? .exclude)
}

/// Which rules the means follow, and what they leave out.
private func explanation(_ report: EvaluationReport) -> [String] {
  let positives = report.classCounts.reduce(0) { $0 + $1.falsePositives }
  let left = report.classCounts.reduce(0) { $0 + $1.counted - $1.distances }
  let absent =
    switch report.averaging.absent {
    case .exclude:
      "A case whose reference lacks a class is left out of the class's means, also where the class was predicted: "
        + "\(positives) false positive\(positives == 1 ? "" : "s") left out (--absent zero counts 0 there, as nnU-Net)."
    case .zero:
      "A case whose reference lacks a class counts 0 in DSC and NSD where the class was predicted: \(positives) false "
        + "positive\(positives == 1 ? "" : "s") counted (--absent exclude leaves them out, as the paper's code)."
    }
  let distance =
    switch report.averaging.missingDistance {
    case .exclude:
      "HD95 is over the cases in which both have the class: \(left) left out, which can improve its mean "
        + "(--hd95-missing diagonal counts the image's diagonal)."
    case .diagonal: "HD95 counts the image's diagonal where only one of reference and prediction has the class."
    }
  return [absent, distance]
}

/// Tells warnings on the standard error, a line for each kind.
func writeWarnings(_ warnings: [FileWarning]) {
  for line in FileWarning.grouped(warnings) { Console.warn(line) }
}
