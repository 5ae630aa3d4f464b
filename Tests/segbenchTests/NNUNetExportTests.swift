import Files
import Foundation
import Imaging
import TestSupport
import Testing

/// `export nnunet`: what its folder holds. That nnU-Net predicts from it as the run did is measured with nnunetv2:
/// Benchmarks/peers/parity/nnunet_results.py.
@Suite struct NNUNetExportTests {
  private static let small =
    ["--profile", "quick"]
    + ["training.epochs=2", "training.steps_per_epoch=2", "dataset.phantom.size=[64, 64, 8]"].flatMap { ["--set", $0] }

  private func finished(_ recipe: String, _ home: URL) throws -> URL {
    let made = try segbench(["run", recipe] + Self.small, home: home)
    try #require(made.code == 0, "\(made.errors)")
    return URL(fileURLWithPath: String(try #require(made.output.split(separator: "\n").last)), isDirectory: true)
  }

  private func export(_ recipe: String, _ home: URL) throws -> (code: Int32, model: URL, errors: String) {
    let found = try segbench(["export", "nnunet", recipe, "--output", "results"] + Self.small, home: home)
    return (found.code, URL(fileURLWithPath: found.output.trimmingCharacters(in: .newlines)), found.errors)
  }

  @Test func aUNetsRunHasItsCheckpointPlansAndScores() throws {
    try withTemporaryHome { home in
      let recipe = "Recipes/meddinov3/table2/lits-nnu-net.yaml"
      let run = try finished(recipe, home)
      let (code, model, errors) = try export(recipe, home)
      #expect(code == 0 && model.lastPathComponent.hasSuffix("__nnUNetPlans__2d"), "\(model.path) \(errors)")
      #expect(
        try Data(contentsOf: model.appendingPathComponent("dataset.json"))
          == Data(contentsOf: run.appendingPathComponent("dataset.json")))
      try theCheckpointIsTheRuns(run, model)
      try theScoresAreThoseOfTheLabelMaps(run, model, home)

      // A fold is never replaced.
      let again = try export(recipe, home)
      #expect(again.code == 2 && again.errors.contains("fold_0 is there already"), "\(again.errors)")
    }
  }

  @Test func anotherNetworkHasItsPredictionsAlone() throws {
    try withTemporaryHome { home in
      let recipe = "Recipes/meddinov3/table2/lits-segformer.yaml"
      _ = try finished(recipe, home)
      let (code, model, errors) = try export(recipe, home)
      #expect(code == 0 && errors.contains("nnU-Net cannot build this network"), "\(errors)")
      let names = try FileManager.default.contentsOfDirectory(atPath: model.appendingPathComponent("fold_0").path)
      #expect(names == ["validation"])
    }
  }

  /// Every weight under nnU-Net's name, and stages of the shapes that the plans say.
  private func theCheckpointIsTheRuns(_ run: URL, _ model: URL) throws {
    let file = try WeightFile(contentsOf: model.appendingPathComponent("fold_0/checkpoint_final.pth"))
    let own = try Safetensors.read(run.appendingPathComponent("weights.safetensors"))
    let prefix = "network_weights."
    let theirs = file.tensors.filter { $0.key.hasPrefix(prefix) }
    #expect(theirs.count == file.tensors.count)
    // nnU-Net names some arrays twice, so that ours are each among theirs and theirs each among ours.
    let (ours, exported) = (Set(own.values.compactMap { $0.floats() }), Set(theirs.values.compactMap { $0.floats() }))
    #expect(ours == exported && ours.count > 20)
    let plans = try JSONValue.read(model.appendingPathComponent("plans.json"))
    let architecture = try #require(plans["configurations"]?["2d"]?["architecture"]?["arch_kwargs"])
    let features = try #require(architecture["features_per_stage"]?.array).compactMap(\.int)
    for (stage, count) in features.enumerated() {
      let name = "\(prefix)encoder.stages.\(stage).0.convs.0.conv.weight"
      #expect(try #require(theirs[name], "\(name)").shape[0] == count)
    }
    #expect(theirs["\(prefix)decoder.encoder.stages.0.0.convs.0.conv.weight"] != nil)
    let trainer = model.lastPathComponent.components(separatedBy: "__")[0]
    #expect(file.scalars["trainer_name"] == trainer && file.scalars["current_epoch"] == "2", "\(file.scalars)")
  }

  /// summary.json, counted again from the label maps.
  private func theScoresAreThoseOfTheLabelMaps(_ run: URL, _ model: URL, _ home: URL) throws {
    let validation = model.appendingPathComponent("fold_0/validation")
    let summary = try JSONValue.read(validation.appendingPathComponent("summary.json"))
    let cases = try #require(summary["metric_per_case"]?.array)
    #expect(!cases.isEmpty)
    for item in cases {
      let name = try #require(item["reference_file"]?.string)
      let prediction = try NIfTI.readLabels(validation.appendingPathComponent(name))
      let own = try NIfTI.readLabels(run.appendingPathComponent("predictions/\(name)"))
      #expect(prediction.voxels == own.voxels)
      let paths = try #require(FileManager.default.enumerator(atPath: home.appendingPathComponent("data").path))
        .compactMap { $0 as? String }
      let path = try #require(paths.first { $0.hasSuffix("labelsTr/\(name)") })
      let reference = try NIfTI.readLabels(home.appendingPathComponent("data/\(path)"))
      for label in [1, 2] {
        let pairs = zip(prediction.voxels, reference.voxels).map { (Int($0) == label, Int($1) == label) }
        let both = pairs.count { $0.0 && $0.1 }
        let (invented, missed) = (pairs.count { $0.0 && !$0.1 }, pairs.count { !$0.0 && $0.1 })
        let found = try #require(item["metrics"]?["\(label)"])
        func number(_ key: String) -> Double? { found[key]?.double }
        #expect(number("TP") == Double(both) && number("FP") == Double(invented) && number("FN") == Double(missed))
        #expect(number("n_pred") == Double(both + invented) && number("n_ref") == Double(both + missed))
        let whole = 2 * both + invented + missed
        guard whole > 0 else { continue }
        #expect(abs((number("Dice") ?? -1) - Double(2 * both) / Double(whole)) < 1e-12)
        #expect(abs((number("IoU") ?? -1) - Double(both) / Double(both + invented + missed)) < 1e-12)
      }
    }
  }
}
