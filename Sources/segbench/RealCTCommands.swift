import Datasets
import Experiments
import Foundation
import Recipes

let datasetRealCTCommand = Command(
  name: "dataset real-ct", summary: "Make a dataset of the real CT that Benchmarks/real-ct/fetch.sh fetched",
  operands: "SOURCE DESTINATION",
  example: "segbench dataset real-ct data/real-ct data/real-ct/dataset", positionalCount: 2...2, options: [],
  notes: [
    "Recipes/datasets/real-ct-scan.yaml says which files they are and which of the map's values make which classes."
  ]
) { arguments in
  let workspace = try Workspace.fromEnvironment()
  let source = URL(fileURLWithPath: arguments.positionals[0], isDirectory: true)
  let destination = URL(fileURLWithPath: arguments.positionals[1], isDirectory: true)
  guard !FileManager.default.fileExists(atPath: destination.appendingPathComponent("dataset.json").path) else {
    print(destination.path)
    return
  }
  let scan = try RecipeLibrary(root: workspace.recipes).scan("datasets/real-ct-scan.yaml")
  try RealCT.makeDataset(
    image: source.appendingPathComponent(scan.image), labels: source.appendingPathComponent(scan.labelMap),
    remapping: LabelRemapping(scan), slabs: scan.slabs, in: destination)
  print(destination.path)
}
