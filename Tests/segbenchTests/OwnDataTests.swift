import Datasets
import Files
import Foundation
import Imaging
import TestSupport
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
      // A folder is predicted case by case, into the same bytes.
      let several = try own(
        ["predict", "--run", folder, "--output", "several", dataset.appendingPathComponent("imagesTr").path])
      #expect(several.code == 0 && several.output.split(separator: "\n").count == 4, "\(several.errors)")
      let one = { (place: String) in
        try Data(contentsOf: home.appendingPathComponent("\(place)/\(names[3]).nii.gz"))
      }
      #expect(try one("several") == one("predicted"))
      // What the run left for dashboards tells each epoch, and its log nothing in Swift's words.
      let lines = try String(contentsOfFile: folder + "/metrics.jsonl", encoding: .utf8).split(separator: "\n")
      let last = try JSONValue.parse(Data(try #require(lines.last).utf8), name: "metrics.jsonl")
      #expect(last["epoch"]?.int == lines.count && last["training_loss"]?.double != nil)
      #expect(last["learning_rates"]?.array?.isEmpty == false)
      let references = home.appendingPathComponent("references")
      try makeFolder(references)
      try FileManager.default.copyItem(
        at: dataset.appendingPathComponent("labelsTr/\(names[3]).nii.gz"),
        to: references.appendingPathComponent("\(names[3]).nii.gz"))
      let scored = try own(["evaluate", "--reference", references.path, "--prediction", predictions.path])
      #expect(scored.code == 0 && scored.output.contains("mean"), "\(scored.errors)")
    }
  }

  /// Two channels: CT and its negative.
  @Test func severalChannelsArePredictedByTheirNames() throws {
    try withTemporaryHome { home in
      let dataset = home.appendingPathComponent("user/datasets/Dataset219_TWO")
      #expect(
        try segbench(
          ["dataset", "phantom", "lits", dataset.path, "--cases", "5", "--size", "40,40,8"], home: home
        ).code == 0)
      let images = dataset.appendingPathComponent("imagesTr")
      let names = try FileManager.default.contentsOfDirectory(atPath: images.path).sorted().map {
        String($0.dropLast("_0000.nii.gz".count))
      }
      for name in names {
        var volume = try NIfTI.readImage(images.appendingPathComponent("\(name)_0000.nii.gz"))
        for index in volume.voxels.indices { volume.voxels[index] = -volume.voxels[index] }
        try NIfTI.write(volume, to: images.appendingPathComponent("\(name)_0001.nii.gz"))
      }
      let description = dataset.appendingPathComponent("dataset.json")
      let text = try String(contentsOf: description, encoding: .utf8)
      let two = text.replacing(#/"channel_names": \{[^}]*\}/#, with: #""channel_names": {"0": "CT", "1": "negative"}"#)
      try Data(two.utf8).write(to: description)
      let recipe = home.appendingPathComponent("Recipes/own/two.yaml")
      try makeFolder(recipe.deletingLastPathComponent())
      // The dataset's name is nnU-Net's own.
      try Data(
        """
        title: Two channels
        inherits: [../meddinov3/protocol.yaml, ../methods/nnu-net.yaml]
        dataset: {name: Dataset219_TWO, source: folder, folder: datasets/Dataset219_TWO}
        profiles: {phantom: {dataset: {source: folder, folder: datasets/Dataset219_TWO}}}
        """.utf8
      ).write(to: recipe)
      func own(_ words: [String]) throws -> (code: Int32, output: String, errors: String) {
        try segbench(words, home: home, settings: ["SEGBENCH_DATA": home.appendingPathComponent("user").path])
      }
      let trained = try own(["run", "Recipes/own/two.yaml", "--profile", "quick", "--set", "training.epochs=1"])
      #expect(trained.code == 0, "\(trained.errors)")
      let folder = trained.output.split(separator: "\n").last.map(String.init) ?? ""
      let predicted = try own(["predict", "--run", folder, "--output", "out", images.path])
      #expect(predicted.code == 0, "\(predicted.errors)")
      #expect(
        predicted.output.split(separator: "\n").map { String($0.split(separator: "/").last!) }
          == names.map { "\($0).nii.gz" })
      let one = images.appendingPathComponent("\(names[0])_0001.nii.gz").path
      let missing = try own(["predict", "--run", folder, "--output", "out", one])
      #expect(
        missing.code == 2 && missing.errors.contains("\(names[0])_0000.nii.gz, the channel CT"), "\(missing.errors)")
    }
  }

  /// Weights of another form are refused before anything is prepared, and what is missing names its key.
  @Test func weightsAreCheckedBeforePreparation() throws {
    try withTemporaryHome { home in
      let data = home.appendingPathComponent("user")
      try makeFolder(data.appendingPathComponent("weights"))
      try FileManager.default.copyItem(
        at: repository.appendingPathComponent("Tests/NetworksTests/Fixtures/small_dinov3.pth"),
        to: data.appendingPathComponent("weights/small.pth"))
      func run(_ path: String) throws -> (code: Int32, output: String, errors: String) {
        try segbench(
          [
            "run", "Recipes/meddinov3/table1/1-random-init-640.yaml", "--profile", "quick", "--set",
            "initial_weights={from: file, path: \(path), layout: dinov3}",
          ], home: home, settings: ["SEGBENCH_DATA": data.path])
      }
      let missing = try run("weights/none.pth")
      #expect(missing.code == 2 && missing.errors.contains("the recipe's `initial_weights.path`"), "\(missing.errors)")
      let wrong = try run("weights/small.pth")
      #expect(
        wrong.code == 2 && wrong.errors.contains("small.pth cannot be read as weights: its vision transformer"),
        "\(wrong.errors)")
      #expect(!FileManager.default.fileExists(atPath: home.appendingPathComponent("data").path))
    }
  }
}
