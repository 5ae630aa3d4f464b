import Foundation
import TestSupport
import Testing

/// The short forms of the campaigns in Tests/faults and Tests/fuzz that are not about kills.
@Suite struct FaultTests {
  private let row = [
    "run", "Recipes/meddinov3/table1/1-random-init-640.yaml", "--profile", "quick", "--set", "training.epochs=2",
    "--set", "training.steps_per_epoch=3", "--set",
  ]

  /// The inputs that found something once, and a few hundred mutated ones for each reader.
  @Test func aShortFuzzCampaignLosesNothing() throws {
    try withTemporaryFolder { keep in
      let process = command(["all", "--count", "300", "--keep", keep.path], program: "fuzz")
      let output = Pipe()
      process.standardOutput = output
      try process.run()
      let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
      process.waitUntilExit()
      #expect(process.terminationStatus == 0, "\(text)")
      #expect(text.contains("lost: 0") && text.contains("sealed: 304 inputs"), "\(text)")
    }
  }

  /// Files that may not grow beyond 60 KiB: what a full disk looks like to whoever writes.
  @Test func aDiskThatFillsUpEndsWithOneAndARunThatGoesOn() throws {
    try withTemporaryHome { home in
      let words = row + ["dataset.phantom.size=[48, 48, 8]"]
      let full = command(
        ["-c", "ulimit -f 60 && exec \"$0\" \"$@\"", command(words).executableURL!.path] + words, home: home)
      full.executableURL = URL(fileURLWithPath: "/bin/bash")
      full.standardOutput = FileHandle.nullDevice
      let errors = Pipe()
      full.standardError = errors
      try full.run()
      let complaint = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
      full.waitUntilExit()
      #expect(full.terminationReason == .exit && full.terminationStatus == 1, "\(complaint)")
      #expect(complaint.contains("cannot be written"), "\(complaint)")
      let files = try #require(FileManager.default.enumerator(atPath: home.path)).compactMap { $0 as? String }
      #expect(!files.contains { $0.hasSuffix("run.h5") || $0.contains(".partial-") })
      let again = try segbench(words, home: home)
      #expect(again.code == 0, "\(again.errors)")
    }
  }

  @Test func whatHasNoRoomIsRefusedBeforeItStarts() throws {
    try withTemporaryHome { home in
      let result = try segbench(
        row + ["dataset.phantom.size=[512, 512, 512]", "--set", "dataset.phantom.cases=10000"], home: home)
      #expect(result.code == 2 && result.errors.contains("make room"), "\(result.errors)")
      #expect(result.output.isEmpty)
    }
  }

  /// A file where a folder should be: refused with its name, as a read-only folder is (which root can write to).
  @Test(arguments: ["runs", "prepared", "data"]) func foldersThatCannotBeMadeAreNamed(name: String) throws {
    try withTemporaryHome { home in
      try Data().write(to: home.appendingPathComponent(name))
      let result = try segbench(row + ["dataset.phantom.size=[48, 48, 8]"], home: home)
      #expect(result.code == 2, "\(result.errors)")
      #expect(
        result.errors.contains("\(home.path)/\(name)") && result.errors.contains("cannot be written"),
        "\(result.errors)")
    }
  }
}
