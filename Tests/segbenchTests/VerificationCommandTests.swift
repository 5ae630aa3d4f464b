import Experiments
import Files
import Foundation
import Testing

/// How `archive verify` and `archive replay` end: what could not be checked is no success, nothing runs before names,
/// identity and files are sound, and no piece of work goes on for ever.
@Suite(.serialized) struct VerificationCommandTests {
  /// A run on data of the user's, and its archive.
  private func withRun(_ body: (_ home: URL, _ data: URL, _ run: URL) throws -> Void) throws {
    try withTemporaryHome { home in
      let data = home.appendingPathComponent("user")
      let dataset = data.appendingPathComponent("datasets/mine")
      try makeFolder(dataset.deletingLastPathComponent())
      let made = ["dataset", "phantom", "lits", dataset.path, "--cases", "5", "--size", "40,40,8"]
      #expect(try segbench(made, home: home).code == 0)
      let recipe = home.appendingPathComponent("Recipes/own/mine.yaml")
      try makeFolder(recipe.deletingLastPathComponent())
      try Data(
        """
        title: Five cases of mine
        inherits: [../meddinov3/protocol.yaml, ../methods/nnu-net.yaml]
        dataset: {name: mine, source: folder, folder: datasets/mine}
        profiles: {phantom: {dataset: {source: folder, folder: datasets/mine}}}
        """.utf8
      ).write(to: recipe)
      let words = ["run", "Recipes/own/mine.yaml", "--profile", "quick", "--set", "training.steps_per_epoch=3"]
      let ran = try segbench(words, home: home, settings: ["SEGBENCH_DATA": data.path])
      try #require(ran.code == 0, "\(ran)")
      let folder = try #require(ran.output.split(separator: "\n").last.map(String.init))
      try body(home, data, URL(fileURLWithPath: folder))
    }
  }

  private func pack(_ run: URL, _ home: URL, _ data: URL) throws -> String {
    let archive = home.appendingPathComponent("a.segbench")
    _ = try Archive.pack([run], of: Workspace(root: home, userData: data), to: archive)
    return archive.path
  }

  @Test func whatCouldNotBeCheckedIsNoSuccess() throws {
    try withRun { home, data, run in
      let archive = try pack(run, home, data)
      let whole = try segbench(["archive", "verify", archive], home: home, settings: ["SEGBENCH_DATA": data.path])
      #expect(whole.code == 0 && !whole.output.contains("UNCHECKED"), "\(whole)")
      let part = try segbench(["archive", "verify", archive], home: home)
      #expect(part.code == 1 && part.errors.contains("not wholly checked"), "\(part)")
      #expect(part.output.contains("\nUNCHECKED: metrics of run \(run.lastPathComponent.prefix(10))\n"), "\(part)")
      let json = try segbench(["archive", "verify", archive, "--json"], home: home)
      #expect(json.code == 1 && json.output.contains("\"complete\": false"), "\(json)")
      let allowed = try segbench(["archive", "verify", archive, "--allow-unchecked"], home: home)
      #expect(allowed.code == 0 && allowed.output.contains("\nUNCHECKED: metrics"), "\(allowed)")
    }
  }

  /// A recipe or a table stands for its runs; one that isn't run is named with the command that runs it.
  @Test func whatAWordMeansIsPacked() throws {
    try withRun { home, data, run in
      func pack(_ words: String...) throws -> (code: Int32, output: String, errors: String) {
        try segbench(
          ["archive", "pack"] + words + ["--output", "a.segbench"], home: home, settings: ["SEGBENCH_DATA": data.path])
      }
      let row = ["Recipes/own/mine.yaml", "--profile", "quick", "--set", "training.steps_per_epoch=3"]
      let byRecipe = try pack(row[0], row[1], row[2], row[3], row[4])
      #expect(byRecipe.code == 0 && byRecipe.output.contains("a.segbench: \(run.lastPathComponent.prefix(10))\n"))
      let sum = try Digest.sha256(ofFileAt: home.appendingPathComponent("a.segbench"))
      let byName = try pack(String(run.lastPathComponent.prefix(10)))
      #expect(try byName.code == 0 && Digest.sha256(ofFileAt: home.appendingPathComponent("a.segbench")) == sum)
      try FileManager.default.removeItem(at: home.appendingPathComponent("a.segbench"))
      for (words, missing) in [
        ([row[0]], "segbench run Recipes/own/mine.yaml"),
        (
          ["meddinov3/table1", "--profile", "quick"],
          "segbench run Recipes/meddinov3/table1/1-random-init-640.yaml --profile quick"
        ),
        (row + ["--seeds", "0,7"], "--seeds 0,7"),
      ] {
        let refused = try segbench(
          ["archive", "pack"] + words + ["--output", "a.segbench"], home: home, settings: ["SEGBENCH_DATA": data.path])
        #expect(refused.code == 2 && refused.errors.contains("is not run; run it first: "), "\(refused)")
        #expect(refused.errors.contains(missing), "\(refused)")
      }
      #expect(!FileManager.default.fileExists(atPath: home.appendingPathComponent("a.segbench").path))
    }
  }

  @Test func nothingRunsBeforeTheArchiveIsSound() throws {
    try withRun { home, data, run in
      let file = run.appendingPathComponent("run.h5")
      let record = try RunRecord.read(file)
      let output = home.appendingPathComponent("replayed")
      typealias Change = (inout RunRecord) -> Void
      let changes: [(says: String, change: Change)] = [
        (
          "training loss",
          {
            guard case .training(var points, let classes) = $0.curves else { return }
            points[0].trainingLoss = .infinity
            $0.curves = .training(points, classes: classes)
          }
        ),
        ("identity", { $0.description.seed = 7 }),
        ("weights", { $0.description.weightsDigest = String(repeating: "a", count: 64) }),
        ("threads", { $0.provenance.threads = -1 }),
      ]
      for (says, change) in changes {
        var changed = record
        change(&changed)
        try changed.write(to: file)
        let replayed = try segbench(
          ["archive", "replay", pack(run, home, data), "--output", output.path], home: home,
          settings: ["SEGBENCH_DATA": data.path])
        #expect(replayed.code == 2 && replayed.errors.contains(says), "\(says): \(replayed)")
        #expect(!FileManager.default.fileExists(atPath: output.path), "\(says): something ran")
      }
    }
  }

  @Test func workThatTakesTooLongEndsWithItsName() throws {
    try withRun { home, data, run in
      let archive = try pack(run, home, data)
      let scratch = home.appendingPathComponent("scratch")
      try makeFolder(scratch)
      let settings = ["SEGBENCH_DATA": data.path, "TMPDIR": scratch.path]
      let late = try segbench(["archive", "verify", archive, "--time-factor", "1e-9"], home: home, settings: settings)
      #expect(
        late.code == 2 && late.errors.contains(" took longer than ") && late.errors.count { $0 == "\n" } == 1, "\(late)"
      )
      #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.path).isEmpty)
      let slow = try segbench(["archive", "verify", archive, "--time-factor", "100"], home: home, settings: settings)
      #expect(slow.code == 0, "\(slow)")
    }
  }
}
