import Datasets
import Files
import Foundation
import Imaging
import Testing

/// A first try with a few small cases of one's own: what stands in the way is named with the key that mends it, and the
/// commands work on each other's files.
@Suite struct OwnDataTests {
  @Test func fourSmallCasesTrainPredictAndEvaluate() throws {
    try withTemporaryHome { home in
      let data = home.appendingPathComponent("user")
      let dataset = data.appendingPathComponent("datasets/mine")
      try makeFolder(dataset.deletingLastPathComponent())
      #expect(
        try segbench(["dataset", "phantom", "lits", dataset.path, "--cases", "5", "--size", "40,40,8"], home: home).code
          == 0)
      let names = try FileManager.default.contentsOfDirectory(atPath: dataset.appendingPathComponent("labelsTr").path)
        .sorted().map { String($0.dropLast(".nii.gz".count)) }
      for path in ["imagesTr/\(names[4])_0000.nii.gz", "labelsTr/\(names[4]).nii.gz"] {
        try FileManager.default.removeItem(at: dataset.appendingPathComponent(path))
      }
      let description = dataset.appendingPathComponent("dataset.json")
      let text = try String(contentsOf: description, encoding: .utf8)
      try Data(text.replacing("\"numTraining\": 5", with: "\"numTraining\": 4").utf8).write(to: description)
      let recipe = home.appendingPathComponent("Recipes/own/mine.yaml")
      try makeFolder(recipe.deletingLastPathComponent())
      try Data(
        """
        title: Four cases of mine, nnU-Net
        inherits: [../meddinov3/protocol.yaml, ../methods/nnu-net.yaml]
        dataset: {name: mine, source: folder, folder: datasets/mine}
        profiles: {phantom: {dataset: {source: folder, folder: datasets/mine}}}
        """.utf8
      ).write(to: recipe)
      func own(_ words: [String]) throws -> (code: Int32, output: String, errors: String) {
        try segbench(words, home: home, settings: ["SEGBENCH_DATA": data.path])
      }

      let run = ["run", "Recipes/own/mine.yaml", "--profile", "quick"]
      let folds = try own(run)
      #expect(folds.code == 2 && folds.errors.contains("4 cases cannot be divided into nnU-Net's 5 folds"))
      #expect(folds.errors.contains("`evaluation.splits`"), "\(folds.errors)")

      let splits = JSONValue.array([
        .object([.init("train", JSONValue(Array(names[0..<3]))), .init("val", JSONValue([names[3]]))])
      ])
      try Data(splits.text().utf8).write(to: data.appendingPathComponent("splits_final.json"))
      let chosen = run + ["--set", "evaluation.splits=splits_final.json"]
      let deep = try own(chosen + ["--set", "network.unet.stages=9", "--set", "network.unet.features=null"])
      #expect(deep.code == 2 && deep.errors.contains("`network.unet.stages`"), "\(deep.errors)")

      let trained = try own(chosen)
      #expect(trained.code == 0, "\(trained.errors)")
      let folder = trained.output.split(separator: "\n").last.map(String.init) ?? ""
      let predictions = home.appendingPathComponent("predicted")
      let image = dataset.appendingPathComponent("imagesTr/\(names[3])_0000.nii.gz").path
      let predicted = try own(["predict", "--run", folder, "--output", predictions.path, image])
      #expect(predicted.code == 0, "\(predicted.errors)")
      #expect(predicted.output == predictions.appendingPathComponent("\(names[3]).nii.gz").path + "\n")
      let references = home.appendingPathComponent("references")
      try makeFolder(references)
      try FileManager.default.copyItem(
        at: dataset.appendingPathComponent("labelsTr/\(names[3]).nii.gz"),
        to: references.appendingPathComponent("\(names[3]).nii.gz"))
      let scored = try own(["evaluate", "--reference", references.path, "--prediction", predictions.path])
      #expect(scored.code == 0 && scored.output.contains("mean"), "\(scored.errors)")
    }
  }
}
