import Foundation
import TestSupport
import Testing

/// Signals, in several phases of the work.
@Suite struct SignalTests {
  /// Generating 400 phantoms takes minutes.
  @Test func generatingPhantomsStops() throws {
    try withTemporaryFolder { home in
      let words = ["dataset", "phantom", "lits", "phantoms", "--cases", "400", "--size", "160,160,32"]
      let stopped = try interrupt(words, home: home, after: "phantoms 1/400")
      #expect(stopped.code == 143 && stopped.seconds < 10, "\(stopped)")
      #expect(stopped.errors.contains("the same command starts anew"))
      #expect(!FileManager.default.fileExists(atPath: home.appendingPathComponent("phantoms/dataset.json").path))
      let again = try interrupt(words, home: home, after: "phantoms 1/400", by: SIGINT)
      #expect(again.code == 130 && again.seconds < 10, "\(again)")
    }
  }

  /// Every phase of a run: each time it stops in time and says that the same command goes on, which at last it does.
  @Test func everyPhaseOfARunStops() throws {
    try withTemporaryHome { home in
      let words =
        [
          "run", "Recipes/meddinov3/table1/1-random-init-640.yaml", "--profile", "quick", "--set", "training.epochs=3",
          "--set", "training.steps_per_epoch=20", "--set", "dataset.phantom.size=[96, 96, 16]",
        ]
      var stopped: [String] = []
      for marker in [
        "phantoms 1/", "Verifying", "checksums", "Fingerprinting", "preparing", "training 1/", "training 2/",
        "predicting",
      ] {
        let phase = try interrupt(words, home: home, after: marker)
        #expect([143, 0].contains(phase.code) && phase.seconds < 10, "\(marker): \(phase)")
        if phase.code == 143 {
          stopped.append(marker)
          #expect(phase.errors.contains("the same command goes on from here"), "\(marker): \(phase)")
        }
      }
      #expect(stopped.contains("phantoms 1/") && stopped.contains("training 1/"), "\(stopped)")
      let last = try segbench(words, home: home)
      #expect(last.code == 0)
      let runs = home.appendingPathComponent("runs")
      let run = try #require(FileManager.default.contentsOfDirectory(atPath: runs.path).first)
      let log = try String(contentsOf: runs.appendingPathComponent("\(run)/log.txt"), encoding: .utf8)
      #expect(log.contains("stopped: interrupted") && !log.contains("CancellationError"), "\(log)")
      #expect(log.contains("training 0/60") && log.hasSuffix("done\n"), "\(log)")
    }
  }
}
