import Datasets
import Evaluation
import Experiments
import Files
import Foundation
import Imaging
import Recipes

let predictCommand = Command(
  name: "predict", summary: "Predict images with a finished run's network",
  usage: "predict --run RUN --output DIRECTORY IMAGE...",
  example: "segbench predict --run 90559a6284 --output predictions scan.nii.gz", positionalCount: 1...100_000,
  options: [
    OptionSpecification("--run", "RUN", help: "A run folder, or the beginning of a run's identity (wanted)"),
    OptionSpecification("--output", "DIRECTORY", help: "Where the label maps go (wanted)"),
  ]
) { arguments in
  guard let run = arguments.value("--run") else { throw UsageError("predict wants --run RUN") }
  guard let output = arguments.value("--output") else { throw UsageError("predict wants --output DIRECTORY") }
  let images = arguments.positionals.map { URL(fileURLWithPath: $0) }
  let names = images.map { predictionName(of: $0) }
  if let twice = names.first(where: { name in names.filter { $0 == name }.count > 1 }) {
    throw UsageError("two of the images would be predicted into \(twice): give them names of their own")
  }
  for image in images { _ = try NIfTI.readHeader(image) }
  let workspace = try Workspace.fromEnvironment()
  let finished = try FinishedRun(
    folder: FinishedRun.folder(run, in: workspace), library: RecipeLibrary(root: workspace.recipes))
  let folder = URL(fileURLWithPath: output, isDirectory: true)
  try makeFolder(folder)
  Interruption.install()
  let progress = ProgressDisplay("predicting").progress
  for (index, image) in images.enumerated() {
    if Interruption.requested { throw CancellationError() }
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
  usage:
    "evaluate --reference DIRECTORY --prediction DIRECTORY [--labels dataset.json] [--tolerance 1.0] [--json FILE]",
  example: "segbench evaluate --reference labelsTr --prediction predictions --labels dataset.json",
  positionalCount: 0...0,
  options: [
    OptionSpecification("--reference", "DIRECTORY", help: "The references (wanted)"),
    OptionSpecification("--prediction", "DIRECTORY", help: "The predictions, by the same file names (wanted)"),
    OptionSpecification(
      "--labels", "FILE", help: "A dataset.json that names the classes; without it every label is one"),
    OptionSpecification(
      "--classes", "WHICH", help: "labels or regions of that dataset.json; its regions, if it has any, by default"),
    OptionSpecification("--tolerance", "MM", help: "Distance in mm within which surfaces count as one for NSD (1.0)"),
    OptionSpecification("--nsd", "KIND", help: "monai (the paper's, default) or deepmind (area-weighted)"),
    OptionSpecification("--json", "FILE", help: "Write everything as JSON"),
  ]
) { arguments in
  guard let reference = arguments.value("--reference") else { throw UsageError("evaluate wants --reference DIRECTORY") }
  guard let prediction = arguments.value("--prediction") else {
    throw UsageError("evaluate wants --prediction DIRECTORY")
  }
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
    tolerance: try arguments.positiveNumber("--tolerance") ?? 1,
    convention: kind == "monai" ? .monai : .deepMind)
  let report = try evaluator.evaluate(
    references: URL(fileURLWithPath: reference, isDirectory: true),
    predictions: URL(fileURLWithPath: prediction, isDirectory: true), progress: ProgressDisplay("evaluating").progress)
  if let file = arguments.value("--json") { try AtomicFile.write(report.json(), to: URL(fileURLWithPath: file)) }
  func percent(_ value: Double?) -> String { value.map { String(format: "%.2f", 100 * $0) } ?? "-" }
  func millimetres(_ value: Double?) -> String { value.map { String(format: "%.2f", $0) } ?? "-" }
  let width = max(4, report.classes.map(\.name.count).max() ?? 0)
  func line(_ name: String, _ columns: [String]) -> String {
    name.padding(toLength: width, withPad: " ", startingAt: 0)
      + columns.map { String(repeating: " ", count: max(1, 10 - $0.count)) + $0 }.joined()
  }
  print(line("", ["DSC %", "NSD %", "HD95 mm"]))
  for (item, means) in zip(report.classes, report.classMeans) {
    print(line(item.name, [percent(means.dsc), percent(means.nsd), millimetres(means.hd95)]))
  }
  print(line("mean", [percent(report.mean.dsc), percent(report.mean.nsd), millimetres(report.mean.hd95)]))
}
