import Experiments
import Files
import Foundation
import Testing

/// One system call of a command fails, once, at every position (SEGBENCH_WRITE_FAULTS=all, part of `make test-faults`) or at
/// a few. Allowed is a command that ends with the bits of one that nobody disturbed, or with exit code 1 and a sentence, and
/// with those bits when it is given again. Anything else is lost.
@Suite(.serialized) struct WriteFaultTests {
  private static let isWhole = ProcessInfo.processInfo.environment["SEGBENCH_WRITE_FAULTS"] == "all"
  /// The calls that a sample is taken of; the whole campaign takes all that Tests/faults/inject.c knows.
  private static let sampled: Set = ["pwrite", "fsync", "ftruncate", "rename"]

  /// A row from phantoms to run.h5.
  @Test func aRunNoticesEveryFailedCall() throws {
    let words =
      ["run", "Recipes/meddinov3/table1/1-random-init-640.yaml", "--profile", "quick"]
      + [
        "training.epochs=2", "training.steps_per_epoch=3", "dataset.phantom.size=[48, 48, 8]",
        "plan.configuration=2d_48",
      ]
      .flatMap { ["--set", $0] }
    try campaign("writes of a run", words, sample: 18)
  }

  /// Self-distillation with a snapshot, from images to run.h5.
  @Test func aPretrainingNoticesEveryFailedCall() throws {
    let settings = [
      "network.vit={width: 16, depth: 1, heads: 2}", "images.count=4", "images.size=32",
      "self_distillation.iterations=8",
      "self_distillation.batch_size=4", "self_distillation.images_at_once=2",
      "self_distillation.crops.sizes=[{global: 16, local: 8}]", "self_distillation.snapshots=[4]",
      "self_distillation.head={prototypes: 16, hidden_width: 16, bottleneck_width: 8}",
    ]
    try campaign(
      "writes of a pretraining",
      ["run", "Recipes/meddinov3/pretraining/natural-images.yaml", "--profile", "quick"]
        + settings.flatMap { ["--set", $0] }, sample: 9)
  }

  /// What is printed reaches its reader or the command has failed.
  @Test(arguments: [
    ["help"], ["doctor"], ["status", "--profile", "paper"], ["help", "run"],
    ["explain", "Recipes/meddinov3/table1/1-random-init-640.yaml"],
    ["weights", "inspect", "Tests/NetworksTests/Fixtures/small_dinov3.pth"],
  ])
  func outputThatNobodyTakesIsAFailure(words: [String]) throws {
    let process = command(words)
    process.standardOutput = try FileHandle(forWritingTo: URL(fileURLWithPath: "/dev/full"))
    let errors = Pipe()
    process.standardError = errors
    try process.run()
    let complaint = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    #expect(process.terminationStatus == 1 && complaint.contains("standard output cannot be written"), "\(complaint)")
  }

  // MARK: - A campaign

  private struct Trial {
    let call: String
    let position: Int
    let error: Int32
  }

  private func campaign(_ title: String, _ words: [String], sample: Int) throws {
    let started = Date()
    try withTemporaryFolder { folder in
      let library = folder.appendingPathComponent("inject.so")
      let compiler = Process()
      compiler.executableURL = URL(fileURLWithPath: "/usr/bin/env")
      let source = repository.appendingPathComponent("Tests/faults/inject.c").path
      compiler.arguments = ["cc", "-O1", "-shared", "-fPIC", "-o", library.path, source, "-ldl"]
      try compiler.run()
      compiler.waitUntilExit()
      try #require(compiler.terminationStatus == 0)

      let counts = folder.appendingPathComponent("counts")
      let reference = try withTemporaryHome { home in
        let undisturbed = try inject(nil, words, home, library, counts: counts)
        try #require(undisturbed.code == 0, "\(undisturbed.errors)")
        return try results(home)
      }
      try #require(reference.count > 2)
      var trials: [Trial] = []
      for line in try String(contentsOf: counts, encoding: .utf8).split(separator: "\n") {
        let parts = line.split(separator: " ")
        let (call, count) = (String(parts[0]), Int(parts[1])!)
        guard Self.isWhole || Self.sampled.contains(call) else { continue }
        for position in 0..<count {
          trials.append(Trial(call: call, position: position + 1, error: EIO))
          if Self.isWhole { trials.append(Trial(call: call, position: position + 1, error: ENOSPC)) }
        }
      }
      try #require(trials.count > 50)
      // A sample takes every n-th of all.
      if !Self.isWhole { trials = (0..<sample).map { trials[(2 * $0 + 1) * trials.count / (2 * sample)] } }
      var lost: [String] = []
      var same = 0
      for trial in trials {
        if let problem = try withTemporaryHome({ try attempt(trial, words, $0, library, reference, &same) }) {
          lost.append("\(trial.call) \(trial.position) \(String(cString: strerror(trial.error))): \(problem)")
        }
      }
      #expect(lost.isEmpty, "\(lost.count) of \(trials.count) lost:\n\(lost.joined(separator: "\n"))")
      if Self.isWhole {
        let rows = repository.appendingPathComponent(".build/faults")
        try makeFolder(rows)
        let remark = "a system call fails at each position with EIO and ENOSPC; \(same) went unharmed"
        try Data("\(title)|\(trials.count)|\(lost.count)|\(Int(Date().timeIntervalSince(started)))|\(remark)\n".utf8)
          .write(to: rows.appendingPathComponent(title.replacing(" ", with: "-")))
      }
    }
  }

  /// What was wrong with a trial; nil when nothing was.
  private func attempt(
    _ trial: Trial, _ words: [String], _ home: URL, _ library: URL, _ reference: [String: String], _ same: inout Int
  ) throws -> String? {
    let disturbed = try inject(trial, words, home, library)
    if disturbed.code == 0 {
      same += 1
      return try results(home) == reference ? nil : "other bits under exit code 0"
    }
    let sentence = disturbed.errors.split(separator: "\n").last.map(String.init) ?? ""
    guard disturbed.code == 1, sentence.hasPrefix("segbench: ") else {
      return "exit code \(disturbed.code): \(sentence)"
    }
    let again = try inject(nil, words, home, library)
    guard again.code == 0 else { return "the same command afterwards: \(again.code), \(again.errors.suffix(300))" }
    return try results(home) == reference ? nil : "other bits by the same command afterwards (after: \(sentence))"
  }

  private func inject(_ trial: Trial?, _ words: [String], _ home: URL, _ library: URL, counts: URL? = nil) throws -> (
    code: Int32, output: String, errors: String
  ) {
    // The system's own name of the folder: calls are told apart by it.
    let below = try #require(realpath(home.path, nil).map { String(cString: $0) })
    var settings = ["LD_PRELOAD": library.path, "INJECT_BELOW": below + "/", "OMP_NUM_THREADS": "1"]
    settings["INJECT_CALL"] = trial?.call
    settings["INJECT_AT"] = trial.map { "\($0.position)" }
    settings["INJECT_ERRNO"] = trial.map { "\($0.error)" }
    settings["INJECT_COUNT"] = counts?.path
    return try segbench(words, home: URL(fileURLWithPath: below), settings: settings)
  }

  /// All that a run's bits are, by name; times and places are not among them.
  private func results(_ home: URL) throws -> [String: String] {
    var found = try digests(below: home) {
      $0.hasSuffix("weights.safetensors") || $0.contains("/predictions/") || $0.contains("/snapshots/")
        || $0.hasPrefix("data/") && $0.hasSuffix(".nii.gz")
    }
    let runs = home.appendingPathComponent("runs")
    for name in try FileManager.default.contentsOfDirectory(atPath: runs.path) {
      let file = runs.appendingPathComponent("\(name)/run.h5")
      guard FileManager.default.fileExists(atPath: file.path) else { continue }
      var record = try RunRecord.read(file)
      record.description.seconds = [:]
      let curves = record.curves.filter { $0.name != "seconds" }
      found["record \(name)"] =
        "\(record.description) \(record.recipe) \(curves.map { "\($0.name) \($0.values.map(\.bitPattern))" }) "
        + "\(record.metrics.map { "\($0)" } ?? "")"
    }
    let leftovers = try #require(FileManager.default.enumerator(atPath: home.path)).compactMap { $0 as? String }
      .filter { $0.contains(".partial-") }
    if !leftovers.isEmpty { found["leftovers"] = leftovers.joined(separator: " ") }
    return found
  }
}
