import Foundation
import TestSupport
import Testing

/// What `new` writes runs as it is, and it writes nothing where a name is wrong.
@Suite struct NewCommandTests {
  @Test func aStudyAndARecipeRunAsWritten() throws {
    try withTemporaryHome { home in
      let study = try segbench(["new", "study", "my-study"], home: home)
      #expect(study.code == 0 && study.errors.contains("segbench run my-study/table1"), "\(study.errors)")
      let files = study.output.split(separator: "\n").map(String.init)
      #expect(files.count == 5 && files.allSatisfy { FileManager.default.fileExists(atPath: $0) })
      let recipe = try segbench(["new", "recipe", "my-study/rows/other"], home: home)
      #expect(recipe.code == 0 && recipe.output.hasSuffix("Recipes/my-study/rows/other.yaml\n"), "\(recipe.errors)")
      for row in ["u-net", "deeper-u-net", "other"] {
        for profile in ["paper", "phantom", "quick"] {
          let words = ["explain", "Recipes/my-study/rows/\(row).yaml", "--profile", profile]
          let explained = try segbench(words, home: home)
          #expect(explained.code == 0 && explained.output.contains("network.kind"), "\(explained.errors)")
        }
      }
      let plan = try segbench(["run", "my-study/table1", "--profile", "quick", "--dry-run"], home: home)
      #expect(plan.code == 0 && plan.output.contains("U-Net with three convolutions a stage"), "\(plan.errors)")
      // Small enough for seconds.
      let own = ["--profile", "quick", "--set", "dataset.phantom.size=[64, 64, 8]"]
      for words in [
        ["run", "my-study/table1"], ["run", "Recipes/my-study/rows/other.yaml"], ["report", "my-study/table1"],
      ] {
        let result = try segbench(words + own, home: home)
        #expect(result.code == 0 && !result.output.contains("| missing"), "\(words): \(result.output) \(result.errors)")
      }
    }
  }

  /// One sentence, exit code 2, and nothing written.
  @Test(arguments: [
    (["study", "meddinov3"], "Recipes/meddinov3 is there already"), (["study", "profiles"], "is there already"),
    (["study", "My Study"], "lower-case letters"), (["study", "../x"], "lower-case letters"),
    (["study", "a/b"], "lower-case letters"), (["study", ""], "lower-case letters"), (["study", "a\nb"], "lower-case"),
    (["study", "ü"], "lower-case letters"), (["study", String(repeating: "a", count: 65)], "64 at most"),
    (["recipe", "datasets/amos22"], "is there already"), (["recipe", "../out"], "lower-case letters"),
    (["recipe", "/tmp/out"], "lower-case letters"), (["recipe", "a/../b"], "lower-case letters"),
    (["recipe", "x.yaml"], "lower-case letters"), (["recipe", "a//b"], "lower-case letters"),
    (["recipe", "outside/x"], "would lie outside"), (["recipe", "afile/x"], "is not a folder"),
    (["network", "dilated"], "there is no Sources/Experiments/Networks"), (["network", "3d"], "begins with a letter"),
    (["network", "Dilated"], "lower-case letters"),
  ])
  func wrongNamesAreRefused(words: [String], message: String) throws {
    try withTemporaryHome { home in
      let recipes = home.appendingPathComponent("Recipes")
      let away = home.appendingPathComponent("away")
      try FileManager.default.createDirectory(at: away, withIntermediateDirectories: true)
      try FileManager.default.createSymbolicLink(
        at: recipes.appendingPathComponent("outside"), withDestinationURL: URL(fileURLWithPath: "/tmp"))
      try Data().write(to: recipes.appendingPathComponent("afile"))
      func listing() -> [String] {
        (FileManager.default.enumerator(atPath: home.path)?.allObjects ?? []).compactMap { $0 as? String }.sorted()
      }
      let before = listing()
      let result = try segbench(["new"] + words, home: home)
      #expect(result.code == 2 && result.output.isEmpty && result.errors.contains(message), "\(result.errors)")
      #expect(result.errors.split(separator: "\n").count == 1 && listing() == before)
    }
  }

  /// Names that the program's own code has already.
  @Test(arguments: [
    ("u-net", "UNet.swift"), ("primus", "`network.kind: primus` is there already"), ("vit", "`network.kind: vit`"),
    ("decoder", "`network.decoder`"), ("kind", "`network.kind`"), ("status", "Status.swift"),
    ("segmentation", "SegmentationNetwork"), ("network", "NetworkSettings"), ("trainable", "TrainableNetwork"),
  ])
  func namesOfTheProgramsOwnAreRefused(name: String, message: String) throws {
    let result = try segbench(["new", "network", name], home: repository)
    #expect(result.code == 2 && result.errors.contains(message), "\(result.errors)")
    #expect(result.errors.split(separator: "\n").count == 1)
  }

  @Test func aNetworkIsTheGuides() throws {
    try withTemporaryHome { home in
      let folder = home.appendingPathComponent("Sources/Experiments/Networks")
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      let result = try segbench(["new", "network", "dilated"], home: home)
      #expect(result.code == 0 && result.errors.contains("`    DilatedSettings.self,`"), "\(result.errors)")
      // BaselineGuideTests compile, train and compare this text.
      let compiled = try String(
        contentsOf: repository.appendingPathComponent("Tests/ReportingTests/Dilated.swift"), encoding: .utf8)
      let written = try String(contentsOf: folder.appendingPathComponent("Dilated.swift"), encoding: .utf8)
      #expect("import Experiments\n" + written == compiled)
      let other = try segbench(["new", "network", "x2-net"], home: home)
      #expect(other.code == 0)
      let text = try String(contentsOf: folder.appendingPathComponent("X2Net.swift"), encoding: .utf8)
      #expect(
        text
          == written.replacing("Dilated", with: "X2Net").replacing("kind: dilated`", with: "kind: x2-net`")
          .replacing("name = \"dilated\"", with: "name = \"x2-net\"").replacing(
            "Key(\"dilated\"", with: "Key(\"x2_net\""))
    }
  }
}
