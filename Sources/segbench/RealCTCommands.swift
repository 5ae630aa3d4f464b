import Datasets
import Experiments
import Foundation

let datasetRealCTCommand = Command(
  name: "dataset real-ct", summary: "Make a dataset of the real CT that Benchmarks/real-ct/fetch.sh fetched",
  operands: "SOURCE DESTINATION",
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
