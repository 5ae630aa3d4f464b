import Experiments
import Files
import Foundation
import Imaging
import Recipes
import Reporting
import TestSupport
import Testing

/// The files that Docs/adding-a-baseline.md shows, by the path after the fence's language.
private func guideFiles() throws -> [String: String] {
  let text = try String(contentsOf: repository.appendingPathComponent("Docs/adding-a-baseline.md"), encoding: .utf8)
  var files: [String: String] = [:]
  var path: String?
  for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
    if line.hasPrefix("```") {
      let words = line.dropFirst(3).split(separator: " ")
      path = words.count == 2 ? String(words[1]) : nil
      if let path { files[path] = "" }
    } else if let path {
      files[path]! += line + "\n"
    }
  }
  return files
}

/// The three ways of Docs/adding-a-baseline.md, with the page's own text.
@Suite(.serialized) struct BaselineGuideTests {
  @Test("The network that the guide shows is the one that the tests compile")
  func theNetworkIsTheGuides() throws {
    let compiled = try String(
      contentsOf: repository.appendingPathComponent("Tests/ReportingTests/Dilated.swift"), encoding: .utf8)
    let shown = try #require(try guideFiles()["Sources/Experiments/Networks/Dilated.swift"])
    // A file of the target itself does not import it.
    #expect(compiled == "import Experiments\n" + shown)
    let guide = try String(contentsOf: repository.appendingPathComponent("Docs/adding-a-baseline.md"), encoding: .utf8)
    let registry = try String(
      contentsOf: repository.appendingPathComponent("Sources/Experiments/Networks/TrainableNetwork.swift"),
      encoding: .utf8)
    // The line is like those that are there.
    #expect(guide.contains("\n    DilatedSettings.self,\n") && registry.contains("\n    UNetSettings.self,\n"))
  }

  @Test("The guide's recipes and table run and are reported, each row with scores of its own")
  func theGuidesTable() throws {
    let root = FileManager.default.temporaryDirectory.appendingPathComponent("segbench-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: root) }
    try FileManager.default.createDirectory(at: root, withIntermediateDirectories: true)
    try FileManager.default.copyItem(
      at: repository.appendingPathComponent("Recipes"), to: root.appendingPathComponent("Recipes"))
    for (path, text) in try guideFiles() where path.hasSuffix(".yaml") {
      let url = root.appendingPathComponent(path)
      try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
      try Data(text.utf8).write(to: url)
    }
    let userData = root.appendingPathComponent("user")
    let predictions = userData.appendingPathComponent("predictions/other-program/amos22")
    try FileManager.default.createDirectory(at: predictions, withIntermediateDirectories: true)
    // What the registration line does.
    let library = RecipeLibrary(
      root: root.appendingPathComponent("Recipes"),
      networks: NetworkRegistry.kinds + [DilatedSettings.self as any TrainableNetwork.Type])
    let runner = Runner(workspace: Workspace(root: root, userData: userData))
    let size = "dataset.phantom.size=[80, 80, 8]"
    func recipe(_ name: String) throws -> ResolvedRecipe {
      try library.resolve("mine/\(name).yaml", profile: "quick", overrides: [size])
    }

    let deeper = try recipe("deeper-u-net")
    #expect((deeper.recipe.segmentation?.network.kind as? UNetSettings)?.convolutionsPerStage == 3)
    let deeperRun = try runner.run(deeper, seed: 0)

    let dilatedRun = try runner.run(recipe("dilated"), seed: 0)
    let weights = try Safetensors.read(
      runner.folder(dilatedRun.description.identity).appendingPathComponent("weights.safetensors"))
    #expect(weights["0.weight"]?.shape == [16, 1, 3, 3] && weights["5.weight"]?.shape == [16, 16, 1, 1])
    #expect(deeperRun.description.identity != dilatedRun.description.identity)

    // The other program takes half of every organ for background: the label's voxels on even slices.
    let dataset = try runner.dataset(of: deeper)
    let cases = try #require(deeperRun.metrics?.cases)
    var dice: [Double] = []
    for name in cases {
      let source = try #require(dataset.cases.first { $0.name == name })
      let reference = try NIfTI.readLabels(#require(source.label))
      let area = reference.shape[1] * reference.shape[2]
      let voxels = reference.voxels.enumerated().map { ($0.offset / area) % 2 == 0 ? 0 : $0.element }
      try NIfTI.write(
        Volume(voxels: voxels, like: reference), to: predictions.appendingPathComponent("\(name).nii.gz"))
      let (all, kept) = (reference.voxels.count { $0 == 6 }, voxels.count { $0 == 6 })
      if all > 0 { dice.append(2 * Double(kept) / Double(all + kept)) }
    }
    let other = try recipe("other-program")
    #expect(other.recipe.kind == .predictions && other.recipe.scored?.scoring.fold == 0)
    let otherRun = try runner.run(other, seed: 0)
    let metrics = try #require(otherRun.metrics)
    let liver = try #require(metrics.classes.firstIndex { $0.label == 6 })
    #expect(!dice.isEmpty && zip(metrics.scores.cases.compactMap { $0.dsc[liver] }, dice).allSatisfy { $0 == $1 })
    #expect(metrics.cases == cases && otherRun.curves == .none)
    // The same dataset, so the same predictors without a network; and seeds make no other run.
    #expect(metrics.predictors() == deeperRun.metrics?.predictors() && metrics.predictors().count == 6)
    #expect(other.recipe.seeds(inPlace: [1, 2]) == [0])

    let path = "mine/baselines.yaml"
    #expect(try library.isTable(path) && !library.isTable("mine/dilated.yaml"))
    let runs = ChosenRuns(library: library, runner: runner, profile: "quick", overrides: [size])
    let report = try TableReport(study: path, runs: runs)
    #expect(report.rows.map { $0.results[0].runs.count } == [1, 1, 1])
    let text = report.markdown()
    for word in [
      "# My baselines on AMOS22", "Another program", "Dilated convolutions", "predictions/other-program/amos22",
    ] {
      #expect(text.contains(word), "\(word)")
    }
    let mean = try #require(metrics.scores.mean(.dsc))
    #expect(
      text.contains(String(format: "%.2f", 100 * mean)) && !text.contains("| missing") && !text.contains("paper |"),
      "\(text)")
    #expect(text.contains("Difference to U-Net with three convolutions a stage"))
    let folder = root.appendingPathComponent("Results")
    let files = try ReportFiles(report, study: path, runs: runs)
    #expect(
      try files.write(to: folder).map(\.lastPathComponent) == files.paths.map { String($0.split(separator: "/").last!) }
    )
    #expect(
      files.paths == ["baselines.md", "baselines.csv", "baselines.json", "baselines-curves.png"]
        + (1...3).map { "baselines/row-\($0)-amos22.png" })
    #expect(try ReportFiles(report, study: path, runs: runs).differences(from: folder).isEmpty)
  }
}
