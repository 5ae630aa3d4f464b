import Experiments
import Files
import Foundation
import Testing

/// SIGTERM in every command that takes long: it stops in time, says truly whether the same command goes on, and leaves nothing
/// half-written.
@Suite struct LongCommandTests {
  struct LongCommand: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let words: [String]
    let goesOn: Bool
    /// What it says, or what lies on the disk, once it is at work.
    let isAtWork: @Sendable (_ home: URL, _ errors: String) -> Bool
    /// What must not be there after it was stopped.
    var absent: String?
    var prepare: @Sendable (_ home: URL) throws -> Void = { _ in }

    init(
      _ name: String, _ words: [String], goesOn: Bool, after marker: String, absent: String? = nil,
      prepare: @escaping @Sendable (_ home: URL) throws -> Void = { _ in }
    ) {
      self.init(name, words, goesOn: goesOn, absent: absent, prepare: prepare) { $1.contains(marker) }
    }

    init(
      _ name: String, _ words: [String], goesOn: Bool, absent: String? = nil,
      prepare: @escaping @Sendable (_ home: URL) throws -> Void,
      when isAtWork: @escaping @Sendable (_ home: URL, _ errors: String) -> Bool
    ) {
      (testDescription, self.words, self.goesOn, self.absent) = (name, words, goesOn, absent)
      (self.prepare, self.isAtWork) = (prepare, isAtWork)
    }
  }

  static let commands: [LongCommand] = [
    LongCommand(
      "dataset import", ["dataset", "import", "amos22", "source", "imported", "--copy"], goesOn: false,
      after: "verifying 1/", absent: "imported",
      prepare: { home in
        let made = ["dataset", "phantom", "amos22", "source", "--cases", "24", "--size", "96,96,16"]
        try #require(segbench(made, home: home).code == 0)
      }),
    LongCommand(
      "dataset curate", ["dataset", "curate", "Recipes/datasets/ct3m.yaml", "--profile", "phantom"], goesOn: true,
      after: "phantoms 1/"),
    LongCommand(
      "probe", ["probe", "Recipes/meddinov3/table3/2-stage-1.yaml", "--profile", "quick"], goesOn: true,
      after: "pretraining 1/"),
    LongCommand(
      "figure", ["figure", "meddinov3/1", "--profile", "quick"], goesOn: true, after: "pretraining 1/"),
    LongCommand(
      "pretrain", ["pretrain", "Recipes/meddinov3/pretraining/stage-1.yaml", "--profile", "quick"], goesOn: true,
      after: "pretraining 1/"),
    LongCommand(
      "run --fresh", ["run"] + row + ["--fresh"], goesOn: true, after: "training 1/", absent: "runs/IDENTITY/run.h5",
      prepare: { _ = try trained(in: $0) }),
    LongCommand(
      "report", ["report", "table1"] + row.dropFirst() + ["--output", "Results"], goesOn: false, after: "checksums 1/",
      absent: "Results/table1.md",
      prepare: { home in
        _ = try trained(in: home)
        let phantoms = home.appendingPathComponent("data/phantoms")
        let name = try #require(FileManager.default.contentsOfDirectory(atPath: phantoms.path).first)
        try makeHuge(phantoms.appendingPathComponent(name + "/huge.bin"), 24)
      }),
    LongCommand(
      "archive pack", ["archive", "pack", "IDENTITY", "--output", "packed/a.segbench"], goesOn: false,
      absent: "packed/a.segbench",
      prepare: { home in
        let run = try trained(in: home)
        try makeFolder(home.appendingPathComponent("packed"))
        try makeHuge(run.appendingPathComponent("weights.safetensors"), 2)
      }
    ) { home, _ in
      let names = try? FileManager.default.contentsOfDirectory(atPath: home.appendingPathComponent("packed").path)
      return names?.contains { $0.hasPrefix(".partial-") } == true
    },
    LongCommand(
      "archive verify", ["archive", "verify", "a.segbench"], goesOn: false, after: "phantoms 1/",
      prepare: { home in
        try pack(home)
        for name in ["data", "prepared"] { try FileManager.default.removeItem(at: home.appendingPathComponent(name)) }
      }),
    LongCommand(
      "archive replay", ["archive", "replay", "a.segbench"], goesOn: false, after: "training 1/",
      prepare: { try pack($0) }),
    LongCommand(
      "archive replay --output", ["archive", "replay", "a.segbench", "--output", "again"], goesOn: true,
      after: "training 1/", prepare: { try pack($0) }),
  ]

  /// A row's options.
  private static let row = [
    "Recipes/meddinov3/table1/1-random-init-640.yaml", "--profile", "quick", "--set", "training.epochs=2", "--set",
    "training.steps_per_epoch=6", "--set", "dataset.phantom.size=[64, 64, 12]",
  ]

  private static func trained(in home: URL) throws -> URL {
    let ran = try segbench(["run"] + row, home: home)
    try #require(ran.code == 0, "\(ran)")
    return URL(fileURLWithPath: try #require(ran.output.split(separator: "\n").last.map(String.init)))
  }

  private static func pack(_ home: URL) throws {
    let run = try trained(in: home)
    let archive = home.appendingPathComponent("a.segbench")
    _ = try Archive.pack([run], of: Workspace(root: home, userData: nil), to: archive)
  }

  /// A file that takes long to read and no room on the disk.
  private static func makeHuge(_ file: URL, _ gibibytes: Int) throws {
    try? FileManager.default.removeItem(at: file)
    _ = FileManager.default.createFile(atPath: file.path, contents: nil)
    try #require(truncate(file.path, gibibytes << 30) == 0)
  }

  @Test(arguments: commands) func stopsInTimeAndLeavesNothingHalfWritten(command: LongCommand) throws {
    try withTemporaryHome { home in
      try command.prepare(home)
      let scratch = home.appendingPathComponent("scratch")
      try makeFolder(scratch)
      let identity = (try? FileManager.default.contentsOfDirectory(atPath: home.path + "/runs"))?.first ?? "none"
      func filled(_ text: String) -> String { text.replacingOccurrences(of: "IDENTITY", with: identity) }
      let stopped = try interrupt(command.words.map(filled), home: home, settings: ["TMPDIR": scratch.path]) {
        command.isAtWork(home, $0)
      }
      #expect(stopped.code == 143 && stopped.seconds < 10, "\(stopped)")
      let farewell = command.goesOn ? "the same command goes on from here" : "the same command starts anew"
      #expect(stopped.errors.contains(farewell), "\(stopped)")
      let paths = try FileManager.default.subpathsOfDirectory(atPath: home.path)
      let left = paths.filter { $0.contains(".partial-") || $0.contains(".importing-") || $0.hasPrefix("scratch/") }
      #expect(left.isEmpty, "\(left)")
      if let absent = command.absent { #expect(!paths.contains(filled(absent))) }
      if stopped.errors.contains("training 1/") && command.goesOn {
        #expect(paths.contains { $0.hasSuffix("checkpoints/latest.h5") }, "\(paths)")
      }
    }
  }

  /// A training that is stopped keeps its steps, says where it goes on, and ends with the bits of one that nobody stopped.
  @Test(arguments: [SIGINT, SIGTERM]) func aStoppedTrainingGoesOnWhereItWas(signal: Int32) throws {
    try withTemporaryHome { home in
      let words = ["run"] + Self.row
      let stopped = try interrupt(words, home: home, after: "training 1/", by: signal)
      #expect(
        stopped.code == 128 + signal && stopped.errors.contains("the same command goes on from here"), "\(stopped)")
      let resumed = try segbench(words, home: home)
      let message = try #require(resumed.errors.firstMatch(of: /resuming at step (\d+) of 12/), "\(resumed)")
      #expect(try #require(Int(message.1)) > 1)
      let weights = try digests(below: home) { $0.hasSuffix("weights.safetensors") }
      let whole = try segbench(words + ["--fresh"], home: home)
      #expect(whole.code == 0 && !whole.errors.contains("resuming"), "\(whole)")
      #expect(try digests(below: home) { $0.hasSuffix("weights.safetensors") } == weights && weights.count == 1)
    }
  }

  /// A command that cannot stop by itself in time leaves nothing either: the second signal ends it at once.
  @Test func aSecondSignalLeavesNoFileHalfWritten() throws {
    try withTemporaryHome { home in
      let command = try #require(Self.commands.first { $0.testDescription == "archive pack" })
      try command.prepare(home)
      let identity = try #require(FileManager.default.contentsOfDirectory(atPath: home.path + "/runs").first)
      let words = command.words.map { $0 == "IDENTITY" ? identity : $0 }
      let stopped = try interrupt(words, home: home, times: 2) { command.isAtWork(home, $0) }
      #expect(stopped.code == 143 && stopped.seconds < 10, "\(stopped)")
      let packed = try FileManager.default.contentsOfDirectory(atPath: home.path + "/packed")
      #expect(packed.isEmpty, "\(packed)")
    }
  }
}
