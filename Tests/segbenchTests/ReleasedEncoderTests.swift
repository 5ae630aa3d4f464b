import Foundation
import Testing

/// Runs that start from the encoder that the repository ships.
@Suite struct ReleasedEncoderTests {
  private static let row = "meddinov3/table1/2-dinov3-640"
  private static let words =
    ["run", row, "--profile", "textured"]
    + [
      "training.epochs=1", "training.steps_per_epoch=1", "training.validation_steps=1", "dataset.phantom.cases=12",
      "dataset.phantom.size=[32,32,8]", "plan.configuration=2d_32",
    ].flatMap { ["--set", $0] }

  /// A replay runs in a folder of its own, in which no recipes lie.
  @Test func anArchivedRunIsReplayed() throws {
    try withTemporaryHome { home in
      let run = try segbench(Self.words, home: home)
      #expect(run.code == 0, "\(run.errors)")
      let folder = run.output.trimmingCharacters(in: .whitespacesAndNewlines)
      #expect(try segbench(["archive", "pack", folder, "--output", "a.segbench"], home: home).code == 0)
      let replay = try segbench(["archive", "replay", "a.segbench"], home: home)
      #expect(replay.code == 0 && replay.output.contains("equal bits"), "\(replay.output) \(replay.errors)")
    }
  }

  /// A shipped file that is gone, empty, cut short or no weights ends the run with a sentence that names it, before anything
  /// is prepared.
  @Test func aBrokenFileIsNamed() throws {
    try withTemporaryHome { home in
      let file = home.appendingPathComponent("Recipes/meddinov3/released/textured-encoder.safetensors")
      let sound = try Data(contentsOf: file)
      for contents in [nil, Data(), sound.prefix(900_000), Data("{}".utf8) + sound] {
        try FileManager.default.removeItem(at: file)
        try contents?.write(to: file)
        let run = try segbench(Self.words, home: home)
        let last = run.errors.split(separator: "\n").last ?? ""
        #expect(run.code == 2 && last.contains(file.lastPathComponent), "\(contents?.count ?? -1): \(run.errors)")
        #expect(!FileManager.default.fileExists(atPath: home.appendingPathComponent("runs").path))
        if contents == nil { try sound.write(to: file) }
      }
    }
  }
}
