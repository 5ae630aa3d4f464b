import Files
import Foundation
import TestSupport
import Testing

/// What can run, runs; and the same as jobs of a submission.
@Suite struct SubmitTests {
  /// A table of two rows on small phantoms: one runs, the other needs a file that is not there.
  private func withMixedTable(_ body: (URL) throws -> Void) throws {
    try withTemporaryHome { home in
      let small = "dataset: {phantom: {size: [48, 48, 8]}}\ntraining: {steps_per_epoch: 3}\n"
      func write(_ text: String, _ name: String) throws {
        try Data(text.utf8).write(to: home.appendingPathComponent("Recipes/\(name)"))
      }
      try write(
        "title: \"It's here\"\ninherits: [meddinov3/table1/1-random-init-640.yaml]\n"
          + "profiles: {quick: {\(small.split(separator: "\n").joined(separator: ", "))}}\n", "here's one.yaml")
      try write(
        "kind: predictions\ntitle: Theirs\ninherits: [meddinov3/protocol.yaml, datasets/amos22.yaml]\n"
          + "predictions: {folder: theirs}\n", "theirs.yaml")
      try write(
        "title: Both\nrows:\n  - labels: [Here]\n    recipes: {amos22: \"here's one.yaml\"}\n"
          + "  - labels: [Theirs]\n    recipes: {amos22: theirs.yaml}\n", "both.yaml")
      try body(home)
    }
  }

  @Test func rowsThatLackNothingRun() throws {
    try withMixedTable { home in
      let words = ["run", "Recipes/both.yaml", "--profile", "quick"]
      let refused = try segbench(words + ["--all-or-nothing"], home: home)
      #expect(refused.code == 2 && refused.errors.contains("theirs (the folder of predicted label maps"), "\(refused)")
      #expect(!FileManager.default.fileExists(atPath: home.appendingPathComponent("runs").path))
      let run = try segbench(words, home: home)
      #expect(run.code == 1 && run.output.split(separator: "\n").count == 1, "\(run)")
      #expect(run.errors.contains("1 of 2 runs lack data or weights"), "\(run.errors)")
      #expect(run.errors.contains("Theirs, seed 0: missing because SEGBENCH_DATA is not set"), "\(run.errors)")
      let again = try segbench(words, home: home)
      #expect(again.code == 1 && again.errors.contains("done before"))
    }
  }

  @Test func theLocalEngineDoesTheSame() throws {
    try withMixedTable { home in
      let words = ["submit", "Recipes/both.yaml", "--profile", "quick", "--engine", "local", "--array-limit", "2"]
      let plan = try segbench(words + ["--dry-run"], home: home)
      #expect(
        plan.code == 0 && plan.output.contains("run-0: segbench run --profile quick --seeds 0 -- 'here'\\''s one.yaml'")
      )
      #expect(!FileManager.default.fileExists(atPath: home.appendingPathComponent("jobs").path))
      let scripts = home.appendingPathComponent("scripts")
      let slurm = ["submit", "Recipes/both.yaml", "--profile", "quick", "--engine", "slurm", "--dry-run"]
      try Data(segbench(slurm, home: home).output.utf8).write(to: scripts)
      let check = Process()
      check.executableURL = URL(fileURLWithPath: "/bin/bash")
      check.arguments = ["-n", scripts.path]
      try check.run()
      check.waitUntilExit()
      #expect(check.terminationStatus == 0)
      let done = try segbench(words, home: home)
      #expect(done.code == 1 && done.errors.contains("Theirs, seed 0: missing"), "\(done)")
      let folder = URL(fileURLWithPath: done.output.trimmingCharacters(in: .whitespacesAndNewlines))
      let report = try String(contentsOf: folder.appendingPathComponent("results/both.md"), encoding: .utf8)
      #expect(report.contains("| Theirs") && report.contains("missing"))
      let status = try segbench(["status", "Recipes/both.yaml", "--profile", "quick"], home: home)
      #expect(status.output.contains("done      It's here, seed 0: run "), "\(status.output)")
      #expect(status.output.contains("missing   Theirs"), "\(status.output)")
    }
  }

  @Test func twoSubmissionsOfOneTableShareItsRuns() throws {
    try withMixedTable { home in
      let words = ["submit", "Recipes/here's one.yaml", "--profile", "quick", "--engine", "local"]
      let processes = try (0..<2).map { _ in
        let process = command(words, home: home)
        (process.standardOutput, process.standardError) = (FileHandle.nullDevice, FileHandle.nullDevice)
        try process.run()
        return process
      }
      for process in processes {
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
      }
      let jobs = home.appendingPathComponent("jobs")
      let logs = try FileManager.default.contentsOfDirectory(atPath: jobs.path).map {
        try String(contentsOf: jobs.appendingPathComponent("\($0)/logs/run-0.txt"), encoding: .utf8)
      }
      #expect(logs.count == 2 && logs.count { $0.contains("training ") } == 1, "\(logs)")
      #expect(logs.count { $0.contains("done before") } == 1)
    }
  }

  @Test func aFailedRowIsToldWithItsReason() throws {
    try withMixedTable { home in
      // Nothing can be made where a link leads nowhere.
      try FileManager.default.createSymbolicLink(
        atPath: home.appendingPathComponent("data").path, withDestinationPath: "nowhere")
      let words = ["Recipes/here's one.yaml", "--profile", "quick"]
      let failed = try segbench(["submit"] + words + ["--engine", "local"], home: home)
      #expect([1, 2].contains(failed.code) && !failed.errors.isEmpty, "\(failed)")
      let status = try segbench(["status"] + words, home: home)
      #expect(
        status.code == 0 && status.output.contains("failed    It's here, seed 0: it needs data of"), "\(status.output)")
      #expect(
        status.output.contains("1 failed, 1 not begun") && status.output.contains("  prepare-0, data of"),
        "\(status.output)")
    }
  }

  @Test func aBusyRunIsLeftAsAsked() throws {
    try withMixedTable { home in
      let words = ["run", "Recipes/here's one.yaml", "--profile", "quick"]
      let ran = try segbench(words, home: home)
      try #require(ran.code == 0, "\(ran)")
      let run = URL(fileURLWithPath: ran.output.trimmingCharacters(in: .whitespacesAndNewlines))
      try FileManager.default.removeItem(at: run.appendingPathComponent("run.h5"))
      let descriptor = open(run.appendingPathComponent(".lock").path, O_RDWR | O_CLOEXEC)
      defer { close(descriptor) }
      try #require(flock(descriptor, LOCK_EX) == 0)
      let left = try segbench(words + ["--if-busy", "leave"], home: home)
      #expect(left.code == 1 && left.errors.contains("left to it, as asked"), "\(left)")
      let status = try segbench(["status"] + words.dropFirst(), home: home)
      #expect(status.output.contains("running   It's here, seed 0: "), "\(status.output)")
    }
  }

  /// The notice that a scheduler gives before a time limit.
  @Test func aRunStopsAtTheNoticeOfATimeLimit() throws {
    try withMixedTable { home in
      let words = ["run", "Recipes/here's one.yaml", "--profile", "quick", "--set", "training.epochs=50"]
      let stopped = try interrupt(words, home: home, after: "training 1/", by: SIGUSR1)
      #expect(stopped.code == 138 && stopped.seconds < 10, "\(stopped)")
      #expect(stopped.errors.contains("the same command goes on from here"))
      let status = try segbench(["status"] + words.dropFirst(), home: home)
      #expect(status.output.hasPrefix("unfinished It's here, seed 0: "), "\(status.output)")
    }
  }

  /// A stop of the local engine stops its jobs with their checkpoints; nothing is left at work.
  @Test func aStoppedLocalEngineStopsItsJobs() throws {
    try withMixedTable { home in
      let words = [
        "submit", "Recipes/here's one.yaml", "--profile", "quick", "--engine", "local", "--set", "training.epochs=200",
      ]
      func log() -> String {
        let jobs = home.appendingPathComponent("jobs")
        let name = (try? FileManager.default.contentsOfDirectory(atPath: jobs.path).first) ?? ""
        return (try? String(contentsOf: jobs.appendingPathComponent("\(name)/logs/run-0.txt"), encoding: .utf8)) ?? ""
      }
      let stopped = try interrupt(words, home: home, by: SIGINT) { _ in log().contains("training 1/") }
      #expect(stopped.code == 130 && stopped.seconds < 10, "\(stopped)")
      #expect(log().contains("the same command goes on from here"), "\(log())")
      let status = try segbench(
        ["status"] + words.dropFirst().filter { !["--engine", "local"].contains($0) }, home: home)
      #expect(status.output.hasPrefix("unfinished"), "\(status.output)")
    }
  }

  @Test func mistakesAreNamed() throws {
    try withTemporaryHome { home in
      let words = ["submit", "table1", "--profile", "quick", "--engine", "local"]
      try Data("partion: gpu\n".utf8).write(to: home.appendingPathComponent("my site.yaml"))
      for (options, complaint) in [
        (["--site", "my site.yaml"], "my site.yaml:1:1: there is no key `partion`; did you mean `partition`?"),
        (["--site", "none.yaml"], "none.yaml cannot be read: there is no such file"),
        (["--time", "soon"], "--time needs a time such as 2-00:00:00"),
        (["--memory", "64 GB"], "--memory needs an amount"),
        (["--array-limit", "0"], "--array-limit needs a whole number from 1"),
        (["--partition", "a\nb"], "--partition needs a text on one line"),
      ] {
        let refused = try segbench(words + options, home: home)
        #expect(refused.code == 2 && refused.errors.contains(complaint), "\(refused)")
        #expect(!FileManager.default.fileExists(atPath: home.appendingPathComponent("jobs").path))
      }
      let none = try segbench(
        ["submit", "table1", "--profile", "quick", "--engine", "slurm"], home: home, settings: ["PATH": "/nowhere"])
      #expect(none.code == 2 && none.errors.contains("there is no sbatch here"), "\(none)")
      #expect(try FileManager.default.contentsOfDirectory(atPath: home.appendingPathComponent("jobs").path).isEmpty)
    }
  }
}
