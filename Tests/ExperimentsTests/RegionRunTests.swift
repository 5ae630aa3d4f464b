import Datasets
import Experiments
import Files
import Foundation
import Imaging
import Phantoms
import Recipes
import Testing

/// KiTS23's phantoms, learnt as the published code learns them (regions) and as the paper says (labels).
@Suite(.serialized) struct RegionRunTests {
  private func recipe(
    _ place: TemporaryWorkspace, _ method: String, fidelity: Recipe.Fidelity? = nil, _ overrides: [String] = []
  ) throws -> ResolvedRecipe {
    try RecipeLibrary(root: place.workspace.recipes).resolve(
      "meddinov3/table2/kits23-\(method).yaml", profile: "quick", fidelity: fidelity,
      overrides: ["training.steps_per_epoch=2", "dataset.phantom.size=[48, 48, 8]"] + overrides)
  }

  /// The sizes of the weights whose first axis is the network's outputs, of the layer that gives them.
  private func outputs(_ runner: Runner, _ record: RunRecord, _ name: String) throws -> Int {
    let file = runner.folder(record.description.identity).appendingPathComponent("weights.safetensors")
    let weights = try Safetensors.read(file)
    let key = try #require(weights.keys.sorted().first { $0.contains(name) && $0.hasSuffix("bias") })
    return try #require(weights[key]).shape[0]
  }

  @Test func bothFormsTrainPredictAndScore() throws {
    let place = try TemporaryWorkspace()
    let runner = Runner(workspace: place.workspace)
    let library = RecipeLibrary(root: place.workspace.recipes)
    let code = try runner.run(recipe(place, "nnu-net"), seed: 0)
    let paper = try runner.run(recipe(place, "nnu-net", fidelity: .paper), seed: 0)
    #expect(code.description.identity != paper.description.identity)
    #expect(try outputs(runner, code, "head") == 3)
    #expect(try outputs(runner, paper, "head") == 4)
    #expect(code.curves.columns.map(\.name).suffix(3) == (1...3).map { "pseudo-Dice of region \($0)" })
    #expect(paper.curves.columns.map(\.name).suffix(3) == (1...3).map { "pseudo-Dice of label \($0)" })
    for record in [code, paper] {
      // Both are scored as the published code scores: label by label.
      let metrics = try #require(record.metrics)
      #expect(metrics.classes.map(\.name) == ["kidney", "tumor", "cyst"])
      #expect(metrics.classes.map(\.label) == [1, 2, 3])
      let folder = runner.folder(record.description.identity)
      let unpacked = place.workspace.root.appendingPathComponent("unpacked-\(record.description.identity.prefix(6))")
      let archive = place.workspace.root.appendingPathComponent("\(record.description.identity.prefix(6)).segbench")
      _ = try Archive.pack([folder], of: place.workspace, to: archive)
      _ = try Archive.unpack(archive, to: unpacked)
      let verified = try ArchiveVerification(unpacked: unpacked, runner: runner).verify(record.description.identity)
      #expect(verified.findings.allSatisfy { $0.verdict == .sound }, "\(verified.findings)")
      // A finished run predicts an image as it predicted it then.
      let run = try FinishedRun(folder: folder, library: library)
      let dataset = try runner.dataset(of: recipe(place, "nnu-net"))
      let name = try #require(metrics.cases.first)
      let source = try #require(dataset.cases.first { $0.name == name })
      let stored = try NIfTI.readLabels(folder.appendingPathComponent("predictions/\(name).nii.gz"))
      #expect(try run.predict(channels: source.images).voxels == stored.voxels)
      #expect(stored.voxels.allSatisfy { (0...3).contains($0) })
    }
    // nnU-Net's own evaluation is by region; it is another run only in what it scores.
    let byRegion = try runner.run(recipe(place, "nnu-net", ["evaluation.classes=regions"]), seed: 0)
    #expect(byRegion.metrics?.classes.map(\.name) == ["kidney", "masses", "tumor"])
    #expect(byRegion.description.weightsDigest == code.description.weightsDigest)
    let asLearnt = try runner.run(recipe(place, "nnu-net", ["training.epochs=1", "evaluation.classes=null"]), seed: 0)
    #expect(asLearnt.metrics?.classes.map(\.name) == ["kidney", "masses", "tumor"])
  }

  @Test(arguments: [("segformer", "upsample"), ("dino-u-net", "classifier"), ("meddinov3", "head")])
  func theOtherNetworksTrainWithRegions(method: String, layer: String) throws {
    let place = try TemporaryWorkspace()
    let runner = Runner(workspace: place.workspace)
    let record = try runner.run(recipe(place, method, ["training.epochs=1"]), seed: 0)
    #expect(try outputs(runner, record, layer) == 3)
    #expect(record.curves.columns.contains { $0.name == "pseudo-Dice of region 3" })
    #expect(!record.curves.epochs.isEmpty && record.curves.epochs.allSatisfy(\.trainingLoss.isFinite))
  }

  /// A dataset of one's own with an ignore label: with regions and without.
  @Test(arguments: [true, false]) func anIgnoreLabelIsLeftOutEverywhere(hasRegions: Bool) throws {
    let place = try TemporaryWorkspace(withUserData: true)
    let folder = place.workspace.userData!.appendingPathComponent("datasets/own", isDirectory: true)
    try PhantomGenerator.write(kind: .kits23, cases: 5, seed: 1, size: SIMD3(48, 48, 8), to: folder)
    let labels =
      hasRegions
      ? "{\"background\": 0, \"kidney\": [1, 2, 3], \"masses\": [2, 3], \"tumor\": 2, \"ignore\": 4}"
      : "{\"background\": 0, \"kidney\": 1, \"tumor\": 2, \"cyst\": 3, \"ignore\": 4}"
    try Data(
      """
      {"channel_names": {"0": "CT"}, "labels": \(labels), "regions_class_order": [1, 3, 2], "numTraining": 5,
       "file_ending": ".nii.gz"}
      """.utf8
    ).write(to: folder.appendingPathComponent("dataset.json"))
    // Every third row was never annotated.
    for source in try RawDataset(directory: folder).cases {
      var label = try NIfTI.readLabels(try #require(source.label))
      for voxel in label.voxels.indices where voxel / label.shape[2] % 3 == 0 { label.voxels[voxel] = 4 }
      try NIfTI.write(label, to: try #require(source.label))
    }
    #expect(try DatasetVerifier.verify(folder).isSound)
    let own = [
      "dataset.source=folder", "dataset.folder=datasets/own", "dataset.targets=null", "evaluation.classes=null",
      "training.steps_per_epoch=2", "training.epochs=1",
    ]
    let recipe = try RecipeLibrary(root: place.workspace.recipes).resolve(
      "meddinov3/table2/kits23-segformer.yaml", profile: "quick", overrides: own)
    let runner = Runner(workspace: place.workspace)
    let record = try runner.run(recipe, seed: 0)
    let metrics = try #require(record.metrics)
    #expect(metrics.classes.map(\.name) == ["kidney", hasRegions ? "masses" : "tumor", hasRegions ? "tumor" : "cyst"])
    #expect(!record.curves.epochs.isEmpty && record.curves.epochs.allSatisfy(\.trainingLoss.isFinite))
    for name in metrics.cases {
      let file = runner.folder(record.description.identity).appendingPathComponent("predictions/\(name).nii.gz")
      #expect(try NIfTI.readLabels(file).voxels.allSatisfy { (0...3).contains($0) })
    }
    if !hasRegions {
      let scored = try RecipeLibrary(root: place.workspace.recipes).resolve(
        "meddinov3/table2/kits23-segformer.yaml", profile: "quick", overrides: own + ["evaluation.classes=regions"])
      #expect {
        _ = try runner.run(scored, seed: 0)
      } throws: {
        "\($0)".contains("evaluation.classes asks for regions, but \"labels\" names none")
      }
      let asked = try RecipeLibrary(root: place.workspace.recipes).resolve(
        "meddinov3/table2/kits23-segformer.yaml", profile: "quick", overrides: own + ["dataset.targets=regions"])
      #expect {
        _ = try runner.run(asked, seed: 0)
      } throws: {
        "\($0)".contains("dataset.targets asks for regions, but \"labels\" names none")
      }
    }
  }
}
