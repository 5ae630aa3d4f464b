import Experiments
import Foundation
import Recipes
import Reporting
import TestSupport
import Testing

@Suite("Reports of the study's tables")
struct StudyReportTests {
  let library = RecipeLibrary(
    root: shippedRecipes)

  @Test("Table 1 without a run shows the paper's numbers, the steps its text names, and a command for every row")
  func table1() throws {
    let workspace = Workspace(
      root: FileManager.default.temporaryDirectory.appendingPathComponent("segbench-\(UUID().uuidString)"),
      userData: nil)
    let runs = ChosenRuns(library: library, runner: Runner(workspace: workspace), profile: "phantom")
    let report = try TableReport(study: "meddinov3/table1.yaml", runs: runs)
    #expect(report.rowsAreSteps)
    #expect(try ReportPictures.caseSheets(study: "meddinov3/table1.yaml", runs: runs).isEmpty)
    // Section 3.1 and the summary of contributions: +2.96, +2.10 and +2.06; 78.39 and 85.51.
    #expect(report.rows.map { $0.results[0].publishedDSC } == [78.39, 81.35, 83.45, 85.51])
    let text = report.markdown()
    for step in ["+2.96", "+2.10", "+2.06"] { #expect(text.contains(" \(step) ")) }
    #expect(text.contains("896 × 896 (here 112 × 112)"))
    #expect(
      text.contains(
        "MedDINOv3: How to adapt vision foundation models for medical image segmentation? Table 1"))
    for row in report.rows {
      let command = row.results[0].command
      #expect(text.contains("- row \(row.number): `\(command)`"))
      let recipe = try #require(command.split(separator: " ").first { $0.hasPrefix("Recipes/") })
      #expect(
        FileManager.default.fileExists(atPath: library.root.appendingPathComponent(String(recipe.dropFirst(8))).path))
    }
  }

  @Test(
    "the real CT's report says what its number is worth and has no published column", arguments: ["phantom", "paper"])
  func realCT(profile: String) throws {
    let workspace = Workspace(
      root: FileManager.default.temporaryDirectory.appendingPathComponent("segbench-\(UUID().uuidString)"),
      userData: nil)
    let runs = ChosenRuns(library: library, runner: Runner(workspace: workspace), profile: profile)
    let item = try #require(try library.item("real-ct", among: [.table]))
    #expect(item.fullName == "real-ct/real-ct")
    let text = try TableReport(study: item.path, runs: runs).markdown()
    #expect(text.contains("All slices come from one patient's scan."))
    #expect(text.contains("The reference is no expert's"))
    #expect(!text.contains("Paper") && text.contains("missing"))
  }

  @Test("the real CT's recipe trains the small scale on the scan itself, not on phantoms")
  func realCTRecipe() throws {
    let recipe = try library.resolve("real-ct/multi-scale.yaml", profile: "phantom").recipe
    let settings = try #require(recipe.segmentation)
    guard case .folder(let path, _) = settings.dataset.source else {
      Issue.record("the dataset is \(settings.dataset.source)")
      return
    }
    #expect(path == "real-ct/dataset")
  }
}
