import Datasets
import Evaluation
import Experiments
import Files
import Foundation
import Imaging
import Recipes

let predictCommand = Command(
  name: "predict", summary: "Predict images with a finished run's network",
  operands: "IMAGE...",
  example: "segbench predict --run 90559a6284 --output predictions scan.nii.gz", positionalCount: 1...100_000,
  options: [
    OptionSpecification("--run", "RUN", isRequired: true, help: "A run folder, or the beginning of a run's identity"),
    OptionSpecification("--output", "DIRECTORY", isRequired: true, help: "Where the label maps go"),
  ]
) { arguments in
  let run = arguments.required("--run")
  let output = arguments.required("--output")
  let images = arguments.positionals.map { URL(fileURLWithPath: $0) }
  let names = images.map { predictionName(of: $0) }
  if let twice = names.first(where: { name in names.filter { $0 == name }.count > 1 }) {
    throw UsageError("two of the images would be predicted into \(twice): give them names of their own")
  }
  let warnings = try images.flatMap { image in
    let header = try NIfTI.readHeader(image)
    try header.requireOrthogonalAxes(path: image.path)
    return header.geometryWarnings(path: image.path)
  }
  writeWarnings(warnings)
  let workspace = try Workspace.fromEnvironment()
  let finished = try FinishedRun(
    folder: FinishedRun.folder(run, in: workspace), library: RecipeLibrary(root: workspace.recipes),
    hdf5: ReadingProcess.weights)
  let folder = URL(fileURLWithPath: output, isDirectory: true)
  try makeFolder(folder)
  let progress = ProgressDisplay("predicting").progress
  for (index, image) in images.enumerated() {
    try Cancellation.check()
    let target = folder.appendingPathComponent(names[index])
    guard target.standardizedFileURL != image.standardizedFileURL else {
      throw UsageError("\(target.path) is an image to predict: name another --output")
    }
    try NIfTI.write(finished.predict(image), to: target)
    print(target.path)
    progress(index + 1, of: images.count)
  }
}

/// The file of an image's labels: its case's name, as references have it, so that `evaluate` finds the pair. nnU-Net's
/// `case_0000.nii.gz` is the first channel of `case`.
func predictionName(of image: URL) -> String {
  var name = image.lastPathComponent
  for suffix in [".gz", ".nii", "_0000"] where name.hasSuffix(suffix) { name.removeLast(suffix.count) }
  return name + ".nii.gz"
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
      "--labels", "FILE", help: "A dataset.json that names the classes; without it every label is one"),
    OptionSpecification(
      "--classes", "WHICH", help: "labels or regions of that dataset.json; its regions, if it has any, by default"),
    OptionSpecification("--tolerance", "MM", help: "Distance in mm within which surfaces count as one for NSD (1.0)"),
    OptionSpecification("--nsd", "KIND", help: "monai (the paper's, default) or deepmind (area-weighted)"),
    OptionSpecification(
      "--absent", "RULE",
      help:
        "A class that the reference lacks: exclude (the paper's, default), or zero where it was predicted (nnU-Net's)"),
    OptionSpecification(
      "--hd95-missing", "RULE", help: "A class that was missed, in HD95: exclude (default), or the image's diagonal"),
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
  if let choice = try arguments.choice("--classes", among: TargetKind.allCases.map(\.rawValue)) {
    guard let file = arguments.value("--labels"), let description else {
      throw UsageError("--classes chooses among what a dataset.json names: give it with --labels FILE")
    }
    classes = try description.learning(TargetKind(rawValue: choice), key: "--classes", path: file).targets.map(
      EvaluationClass.init)
  }
  let kind = try arguments.choice("--nsd", among: ["monai", "deepmind"]) ?? "monai"
  let evaluator = Evaluator(
    classes: classes, ignoreLabel: description?.ignoreLabel.map { Int16($0) },
    tolerance: try arguments.positiveNumber("--tolerance") ?? 1, convention: kind == "monai" ? .monai : .deepMind,
    averaging: try averaging(arguments), strictGeometry: arguments.flag("--strict-geometry"))
  let report = try evaluator.evaluate(
    references: URL(fileURLWithPath: reference, isDirectory: true),
    predictions: URL(fileURLWithPath: prediction, isDirectory: true), progress: ProgressDisplay("evaluating").progress)
  writeWarnings(report.warnings)
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

private func averaging(_ arguments: Arguments) throws -> Averaging {
  let absent = try arguments.choice("--absent", among: Averaging.AbsentClass.allCases.map(\.rawValue))
  let missing = try arguments.choice("--hd95-missing", among: Averaging.MissingDistance.allCases.map(\.rawValue))
  return Averaging(
    absent: absent.flatMap(Averaging.AbsentClass.init) ?? .exclude,
    missingDistance: missing.flatMap(Averaging.MissingDistance.init) ?? .exclude)
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
  for line in FileWarning.grouped(warnings) { write("warning: \(line)\n") }
}
