import Files
import Foundation
import Testing

/// Locks of folders: what lies in their place, who waits for them, and how long.
@Suite struct LockTests {
  private static let row = [
    "run", "Recipes/meddinov3/table1/1-random-init-640.yaml", "--profile", "quick", "--set",
    "training.steps_per_epoch=3",
    "--set", "dataset.phantom.size=[48, 48, 8]",
  ]

  private func withRun(_ body: (_ home: URL, _ run: URL) throws -> Void) throws {
    try withTemporaryHome { home in
      let ran = try segbench(Self.row, home: home)
      try #require(ran.code == 0, "\(ran)")
      try body(home, URL(fileURLWithPath: try #require(ran.output.split(separator: "\n").last.map(String.init))))
    }
  }

  @Test func aLinkInALocksPlaceIsNotFollowed() throws {
    try withRun { home, run in
      let lock = run.appendingPathComponent(".lock")
      let precious = home.appendingPathComponent("precious")
      try Data("precious".utf8).write(to: precious)
      for target in [precious, home.appendingPathComponent("absent")] {
        try FileManager.default.removeItem(at: lock)
        try FileManager.default.createSymbolicLink(at: lock, withDestinationURL: target)
        let found = try segbench(Self.row, home: home)
        #expect(found.code == 2 && found.errors.contains("\(lock.path) cannot be written"), "\(found)")
        #expect(found.errors.contains("symbolic link where a lock belongs"), "\(found)")
      }
      #expect(try Data(contentsOf: precious) == Data("precious".utf8))
      #expect(!FileManager.default.fileExists(atPath: home.appendingPathComponent("absent").path))
    }
  }

  /// A pipe would hold up whoever opens it until somebody reads.
  @Test func aPipeInALocksPlaceIsRefused() throws {
    try withRun { home, run in
      let lock = run.appendingPathComponent(".lock")
      try FileManager.default.removeItem(at: lock)
      try #require(mkfifo(lock.path, 0o600) == 0)
      let start = ContinuousClock.now
      let found = try segbench(Self.row, home: home)
      #expect(found.code == 2 && found.errors.contains("no regular file, where a lock belongs"), "\(found)")
      #expect(ContinuousClock.now - start < .seconds(30))
    }
  }

  /// Two wait for a third: one of them does the work then, the other finds it done.
  @Test func twoWaitForOneLock() throws {
    try withRun { home, run in
      let record = run.appendingPathComponent("run.h5")
      let first = try Data(contentsOf: run.appendingPathComponent("weights.safetensors"))
      try FileManager.default.removeItem(at: record)
      let descriptor = open(run.appendingPathComponent(".lock").path, O_RDWR | O_CLOEXEC)
      try #require(descriptor >= 0 && flock(descriptor, LOCK_EX) == 0)
      let waiting = try (0..<2).map { index -> (Process, URL) in
        let process = command(Self.row, home: home)
        let complaints = home.appendingPathComponent("complaints-\(index)")
        _ = FileManager.default.createFile(atPath: complaints.path, contents: nil)
        process.standardError = try FileHandle(forWritingTo: complaints)
        process.standardOutput = FileHandle.nullDevice
        try process.run()
        return (process, complaints)
      }
      func errors(_ index: Int) -> String { (try? String(contentsOf: waiting[index].1, encoding: .utf8)) ?? "" }
      while waiting.contains(where: { $0.0.isRunning })
        && !(0..<2).allSatisfy({ errors($0).contains("which is at work on this run") })
      {
        Thread.sleep(forTimeInterval: 0.01)
      }
      #expect(!FileManager.default.fileExists(atPath: record.path))
      close(descriptor)
      for (process, _) in waiting {
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
      }
      #expect((0..<2).count { errors($0).contains("done before") } == 1, "\(errors(0)) \(errors(1))")
      #expect(FileManager.default.fileExists(atPath: record.path))
      #expect(try Data(contentsOf: run.appendingPathComponent("weights.safetensors")) == first)
    }
  }

  /// Each lock that a command may wait for: one signal is enough.
  @Test(arguments: ["runs", "prepared", "data/phantoms"]) func waitingStopsAtOneSignal(place: String) throws {
    try withRun { home, run in
      let folder = home.appendingPathComponent(place)
      let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
      let name = try #require(names.first { isLocked(folder.appendingPathComponent($0)) })
      let descriptor = open(folder.appendingPathComponent(name + "/.lock").path, O_RDWR | O_CLOEXEC)
      try #require(descriptor >= 0 && flock(descriptor, LOCK_EX) == 0)
      defer { close(descriptor) }
      try FileManager.default.removeItem(at: run.appendingPathComponent("run.h5"))
      if place == "data/phantoms" {
        try FileManager.default.removeItem(at: folder.appendingPathComponent(name + "/dataset.json"))
      }
      let stopped = try interrupt(Self.row, home: home, after: "waiting for ")
      #expect(stopped.code == 143 && stopped.seconds < 5, "\(stopped)")
      #expect(stopped.errors.contains("the same command goes on from here"), "\(stopped)")
    }
  }

  private func isLocked(_ folder: URL) -> Bool {
    FileManager.default.fileExists(atPath: folder.appendingPathComponent(".lock").path)
  }
}
