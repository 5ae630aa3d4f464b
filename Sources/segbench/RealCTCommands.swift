import Datasets
import Experiments
import Foundation
import Imaging
import Recipes
import Reporting

let datasetRealCTCommand = Command(
  name: "dataset real-ct", summary: "Make a dataset of the real CT that Benchmarks/real-ct/fetch.sh fetched",
  usage: "dataset real-ct SOURCE DESTINATION",
  example: "segbench dataset real-ct data/real-ct data/real-ct/dataset", positionalCount: 2...2, options: []
) { arguments in
  let workspace = try Workspace.fromEnvironment()
  let source = URL(fileURLWithPath: arguments.positionals[0], isDirectory: true)
  let destination = URL(fileURLWithPath: arguments.positionals[1], isDirectory: true)
  guard !FileManager.default.fileExists(atPath: destination.appendingPathComponent("dataset.json").path) else {
    print(destination.path)
    return
  }
  let remapping = try LabelRemapping(
    contentsOf: workspace.root.appendingPathComponent("Benchmarks/real-ct/labels.json"))
  try RealCT.makeDataset(
    image: source.appendingPathComponent("example_ct_sm.nii.gz"),
    labels: source.appendingPathComponent("example_seg.nii.gz"), remapping: remapping, in: destination)
  print(destination.path)
}

/// Writes the real CT's report and its picture.
func reportRealCT(_ options: RecipeOptions, _ format: String) throws {
  let path = "real-ct/real-ct.yaml"
  let recipe = try options.resolve(path)
  let runner = options.runner()
  let records = try (options.seeds ?? recipe.recipe.seeds).compactMap { try runner.finishedRun(recipe, seed: $0) }
  let report = try TableReport.realCT(
    records.compactMap { $0.summary() }, baselines: [records.first?.positionPrior].compactMap { $0 },
    profile: options.profile, command: "make real-ct")
  let folder = options.workspace.root.appendingPathComponent("Results/real-ct", isDirectory: true)
  var written = try ReportFiles.write(report, to: folder)
  if let record = records.first, case .folder(let data, _)? = recipe.recipe.segmentation?.dataset.source,
    let name = record.metrics?.cases.first, let userData = options.workspace.userData
  {
    let picture = folder.appendingPathComponent("overlay.png")
    try ReportPictures.overlay(
      run: runner.folder(record.description.identity), case: name, dataset: userData.appendingPathComponent(data),
      title: "A real CT, \(name): held out from training", to: picture)
    written.append(picture)
  }
  printReport(format, markdown: report.markdown, csv: report.csv, json: report.json)
  write("written: \(written.map(\.path).joined(separator: ", "))\n")
}
