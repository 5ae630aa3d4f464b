import Datasets
import Experiments
import Files
import Foundation
import Phantoms
import Recipes
import Reporting
import TestSupport
import Testing

/// A copy of the shipped recipes, whose files a test may change, with a folder of the user's.
final class RecipesCopy {
  let root: URL
  var recipes: URL { root.appendingPathComponent("Recipes") }
  var userData: URL { root.appendingPathComponent("user") }
  var library: RecipeLibrary { RecipeLibrary(root: recipes) }
  var runner: Runner { Runner(workspace: Workspace(root: root, userData: userData)) }

  init() throws {
    root = FileManager.default.temporaryDirectory.appendingPathComponent("segbench-\(UUID().uuidString)")
    let shipped = shippedRecipes
    try makeFolder(root.appendingPathComponent("user"))
    try FileManager.default.copyItem(at: shipped, to: root.appendingPathComponent("Recipes"))
  }

  deinit { try? FileManager.default.removeItem(at: root) }

  func write(_ text: String, _ path: String) throws {
    let url = recipes.appendingPathComponent(path)
    try makeFolder(url.deletingLastPathComponent())
    try Data(text.utf8).write(to: url)
  }

  func replace(_ text: String, by other: String, in path: String) throws {
    let url = recipes.appendingPathComponent(path)
    let old = try String(contentsOf: url, encoding: .utf8)
    try #require(old.contains(text), "\(path) has no \(text)")
    try write(old.replacing(text, with: other), path)
  }

  /// How a run of `recipe` on that many cases stands to Table 1's second row.
  func scale(
    _ path: String = "meddinov3/table1/2-dinov3-640.yaml", profile: String = "paper", fidelity: Recipe.Fidelity? = nil,
    set overrides: [String] = [], cases: Int = 360, row number: Int = 1
  ) throws -> PaperScale {
    let recipe = try library.resolve(path, profile: profile, fidelity: fidelity, overrides: overrides)
    let table = try library.table("meddinov3/table1.yaml")
    let row = try library.paperRow(
      table.rows[number], dataset: "amos22", of: table, fidelity: recipe.recipe.fidelity)
    return try library.scale(of: recipe, row: row, record: record(recipe, cases: cases))
  }

  func record(_ recipe: ResolvedRecipe, cases: Int) throws -> RunRecord {
    var record = RunRecord(
      description: .init(
        identity: "a", title: recipe.recipe.title, kind: "segmentation", profile: recipe.profile ?? "", seed: 0,
        dataDigest: "d", initialWeightsDigest: "", dependencies: [], weightsDigest: "", seconds: [:]),
      recipe: recipe.yamlText, provenance: .current(root: root), curves: .none, metrics: nil)
    record.description.recipePath = recipe.path
    record.description.extent = RunExtent(cases: cases, expectedCases: nil, trainingCases: 6, validationCases: 2)
    return record
  }
}
