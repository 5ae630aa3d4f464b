import Datasets
import Experiments
import Foundation
import Recipes

/// The dataset of the files that Benchmarks/real-ct fetched, as the recipes' folder says.
func makeRealCT(files: URL, recipes: URL, in directory: URL) throws {
  let scan = try RecipeLibrary(root: recipes).scan("datasets/real-ct-scan.yaml")
  try RealCT.makeDataset(
    image: files.appendingPathComponent(scan.image), labels: files.appendingPathComponent(scan.labelMap),
    remapping: LabelRemapping(scan), slabs: scan.slabs, in: directory)
}
