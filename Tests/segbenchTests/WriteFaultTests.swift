import Experiments
import Files
import Foundation
import Synchronization
import TestSupport
import Testing

/// One system call of a command fails, once, at every position (SEGBENCH_WRITE_FAULTS=all, part of `make test-faults`; a
/// number N takes every N-th) or at a few of each kind. Allowed is a command that ends with the bits of one that nobody
/// disturbed, or with exit code 1 and a sentence, and with those bits when it is given again. Anything else is lost.
@Suite(.serialized) struct WriteFaultTests {
  /// Every how-many-th position is tried; nil takes a sample.
  private static let stride: Int? = ProcessInfo.processInfo.environment["SEGBENCH_WRITE_FAULTS"].flatMap {
    $0 == "all" ? 1 : Int($0).map { max(1, $0) }
  }
  private static let rowWords =
    ["run", "Recipes/meddinov3/table1/1-random-init-640.yaml", "--profile", "quick"]
    + [
      "training.epochs=2", "training.steps_per_epoch=3", "dataset.phantom.size=[48, 48, 8]",
      "plan.configuration=2d_48",
    ]
    .flatMap { ["--set", $0] }

  /// A row from phantoms to run.h5.
  @Test func aRunNoticesEveryFailedCall() throws {
    try campaign(Campaign(title: "writes of a run", words: Self.rowWords, sample: 2, results: runResults))
  }

  /// Self-distillation with a snapshot, from images to run.h5.
  @Test func aPretrainingNoticesEveryFailedCall() throws {
    let settings = [
      "network.vit={width: 16, depth: 1, heads: 2}", "images.count=4", "images.size=32",
      "self_distillation.iterations=8",
      "self_distillation.batch_size=4", "self_distillation.micro_batch_size=2",
      "self_distillation.crops.sizes=[{global: 16, local: 8}]", "self_distillation.snapshots=[4]",
      "self_distillation.head={prototypes: 16, hidden_width: 16, bottleneck_width: 8}",
    ]
    try campaign(
      Campaign(
        title: "writes of a pretraining",
        words: ["run", "Recipes/meddinov3/pretraining/natural-images.yaml", "--profile", "quick"]
          + settings.flatMap { ["--set", $0] }, sample: 1, results: runResults))
  }

  /// A finished run into an archive, out of it again, and checked.
  @Test func anArchiveNoticesEveryFailedCall() throws {
    try withTemporaryHome { base in
      let made = try segbench(Self.rowWords, home: base)
      try #require(made.code == 0, "\(made.errors)")
      let run = try #require(
        try FileManager.default.contentsOfDirectory(atPath: base.appendingPathComponent("runs").path).first)
      let pack = ["archive", "pack", run, "--output", "row.segbench"]
      try #require(try segbench(pack, home: base).code == 0)
      try campaign(
        Campaign(title: "writes of a packing", words: pack, sample: 1) { home in
          try digests(below: home) { $0 == "row.segbench" || $0.contains(".partial-") }
        } prepare: { home in
          for name in ["runs", "data"] {
            try FileManager.default.copyItem(
              at: base.appendingPathComponent(name), to: home.appendingPathComponent(name))
          }
        })
      @Sendable func withArchive(_ home: URL) throws {
        try FileManager.default.copyItem(
          at: base.appendingPathComponent("row.segbench"), to: home.appendingPathComponent("row.segbench"))
        // Temporary files count too.
        try makeFolder(home.appendingPathComponent("tmp"))
      }
      try campaign(
        Campaign(title: "writes of an unpacking", words: ["archive", "unpack", "row.segbench", "unpacked"], sample: 1) {
          try digests(below: $0.appendingPathComponent("unpacked")) { $0.contains(".") && !$0.hasSuffix("predictions") }
        } prepare: {
          try withArchive($0)
        })
      try campaign(
        Campaign(title: "writes of a verification", words: ["archive", "verify", "row.segbench"], sample: 1) {
          try digests(below: $0) { $0 == "row.segbench" || $0.hasPrefix("tmp/") && !$0.hasSuffix("lock") }
        } prepare: {
          try withArchive($0)
        })
      try fullTemporaryFolder(withArchive)
    }
  }

  /// No room in the temporary folder is the machine's failure.
  private func fullTemporaryFolder(_ prepare: (URL) throws -> Void) throws {
    try withInjector { library in
      for call in ["open", "mkdir", "write", "pwrite"] {
        try withTemporaryHome { home in
          try prepare(home)
          let result = try inject(
            Trial(call: call, position: 1, error: ENOSPC), ["archive", "verify", "row.segbench"], home, library,
            below: "tmp/",
            settings: ["INJECT_ON": "1"])
          #expect(
            result.code == 1 && result.errors.contains("segbench: "), "\(call): \(result.code) \(result.errors)")
        }
      }
    }
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

  private struct Campaign: Sendable {
    let title: String
    let words: [String]
    /// How many positions of each call are tried where not all are.
    let sample: Int
    /// All that the command's bits are, by name.
    let results: @Sendable (URL) throws -> [String: String]
    /// Puts into the home what the command starts from.
    var prepare: @Sendable (URL) throws -> Void = { _ in }
  }

  private struct Trial {
    let call: String
    let position: Int
    let error: Int32
  }

  /// What came of a trial.
  private enum Outcome {
    case unharmed, noticed
    case lost(String)
  }

  private func campaign(_ campaign: Campaign) throws {
    let started = Date()
    try withInjector { library in
      let counts = library.deletingLastPathComponent().appendingPathComponent("counts")
      let reference = try withTemporaryHome { home in
        try campaign.prepare(home)
        let undisturbed = try inject(nil, campaign.words, home, library, counts: counts)
        try #require(undisturbed.code == 0, "\(undisturbed.errors)")
        return try campaign.results(home)
      }
      try #require(!reference.isEmpty)
      var trials: [Trial] = []
      var positions: [(call: String, count: Int)] = []
      for line in try String(contentsOf: counts, encoding: .utf8).split(separator: "\n") {
        let parts = line.split(separator: " ")
        let (call, count) = (String(parts[0]), try #require(Int(parts[1])))
        positions.append((call, count))
        if let stride = Self.stride {
          for position in Swift.stride(from: 1, through: count, by: stride) {
            trials += [EIO, ENOSPC].map { Trial(call: call, position: position, error: $0) }
          }
        } else {
          let sample = min(campaign.sample, count)
          for place in 0..<sample {
            let position = 1 + (2 * place + 1) * count / (2 * sample)
            trials.append(Trial(call: call, position: min(count, position), error: place % 2 == 0 ? EIO : ENOSPC))
          }
        }
      }
      try #require(trials.count >= 5)
      let outcomes = try attempt(trials, campaign, library, reference)
      let lost = zip(trials, outcomes).compactMap { trial, outcome -> String? in
        guard case .lost(let problem) = outcome else { return nil }
        return "\(trial.call) \(trial.position) \(String(cString: strerror(trial.error))): \(problem)"
      }
      #expect(lost.isEmpty, "\(lost.count) of \(trials.count) lost:\n\(lost.joined(separator: "\n"))")
      guard let stride = Self.stride else { return }
      // Of each call: its positions, the trials, and what came of them.
      let parts = positions.map { call, count in
        let own = zip(trials, outcomes).filter { $0.0.call == call }.map(\.1)
        let unharmed = own.count { if case .unharmed = $0 { true } else { false } }
        let noticed = own.count { if case .noticed = $0 { true } else { false } }
        return "\(call) at \(count) positions: \(unharmed) unharmed, \(noticed) noticed, "
          + "\(own.count - unharmed - noticed) lost"
      }
      let share = stride == 1 ? "every position" : "one position of \(stride)"
      let remark = "\(share) fails with EIO and with ENOSPC; \(parts.joined(separator: "; "))"
      let rows = repository.appendingPathComponent(".build/faults")
      try makeFolder(rows)
      let seconds = Int(Date().timeIntervalSince(started))
      try Data("\(campaign.title)|\(trials.count)|\(lost.count)|\(seconds)|\(remark)\n".utf8)
        .write(to: rows.appendingPathComponent(campaign.title.replacing(" ", with: "-")))
    }
  }

  /// What came of every trial. A command has one thread, so that a whole campaign keeps every core busy with trials.
  private func attempt(_ trials: [Trial], _ campaign: Campaign, _ library: URL, _ reference: [String: String]) throws
    -> [Outcome]
  {
    guard Self.stride != nil else { return try trials.map { try attempt($0, campaign, library, reference) } }
    let results = Mutex([Result<Outcome, any Error>?](repeating: nil, count: trials.count))
    DispatchQueue.concurrentPerform(iterations: trials.count) { index in
      let result = Result { try attempt(trials[index], campaign, library, reference) }
      let done = results.withLock { results in
        results[index] = result
        return results.count { $0 != nil }
      }
      if done % 100 == 0 {
        FileHandle.standardError.write(Data("\(campaign.title): \(done) of \(trials.count)\n".utf8))
      }
    }
    return try results.withLock { try $0.map { try $0!.get() } }
  }

  private func attempt(_ trial: Trial, _ campaign: Campaign, _ library: URL, _ reference: [String: String]) throws
    -> Outcome
  {
    try withTemporaryHome { home in
      try campaign.prepare(home)
      let disturbed = try inject(trial, campaign.words, home, library)
      if disturbed.code == 0 {
        return try campaign.results(home) == reference ? .unharmed : .lost("other bits under exit code 0")
      }
      let sentence = disturbed.errors.split(separator: "\n").last.map(String.init) ?? ""
      guard disturbed.code == 1, disturbed.errors.contains("segbench: ") else {
        return .lost("exit code \(disturbed.code): \(sentence)")
      }
      let again = try inject(nil, campaign.words, home, library)
      guard again.code == 0 else {
        return .lost("the same command afterwards: \(again.code), \(again.errors.suffix(300))")
      }
      return try campaign.results(home) == reference
        ? .noticed : .lost("other bits by the same command afterwards (after: \(sentence))")
    }
  }

  /// Runs `body` with the library that lets calls fail, built anew.
  private func withInjector(_ body: (URL) throws -> Void) throws {
    try withTemporaryFolder { folder in
      let library = folder.appendingPathComponent("inject.so")
      let compiler = Process()
      compiler.executableURL = URL(fileURLWithPath: "/usr/bin/env")
      let source = repository.appendingPathComponent("Tests/faults/inject.c").path
      compiler.arguments = ["cc", "-O1", "-shared", "-fPIC", "-o", library.path, source, "-ldl"]
      try compiler.run()
      compiler.waitUntilExit()
      try #require(compiler.terminationStatus == 0)
      try body(library)
    }
  }

  private func inject(
    _ trial: Trial?, _ words: [String], _ home: URL, _ library: URL, counts: URL? = nil, below part: String = "",
    settings more: [String: String] = [:]
  ) throws -> (code: Int32, output: String, errors: String) {
    // The system's own name of the folder: calls are told apart by it.
    let root = try #require(realpath(home.path, nil).map { String(cString: $0) })
    var settings = ["LD_PRELOAD": library.path, "INJECT_BELOW": "\(root)/\(part)", "OMP_NUM_THREADS": "1"]
    let temporary = "\(root)/tmp"
    if FileManager.default.fileExists(atPath: temporary) { settings["TMPDIR"] = temporary }
    settings["INJECT_CALL"] = trial?.call
    settings["INJECT_AT"] = trial.map { "\($0.position)" }
    settings["INJECT_ERRNO"] = trial.map { "\($0.error)" }
    settings["INJECT_COUNT"] = counts?.path
    return try spawn(words, home: root, settings: settings.merging(more) { $1 })
  }

  /// Runs the built command, from any number of threads at a time: Foundation's `Process` waits for ever where two of them start one.
  private func spawn(_ words: [String], home: String, settings: [String: String]) throws -> (
    code: Int32, output: String, errors: String
  ) {
    try withTemporaryFolder { folder in
      let (output, errors) = (folder.appendingPathComponent("output"), folder.appendingPathComponent("errors"))
      var actions = posix_spawn_file_actions_t()
      posix_spawn_file_actions_init(&actions)
      defer { posix_spawn_file_actions_destroy(&actions) }
      posix_spawn_file_actions_addopen(&actions, 1, output.path, O_WRONLY | O_CREAT, 0o600)
      posix_spawn_file_actions_addopen(&actions, 2, errors.path, O_WRONLY | O_CREAT, 0o600)
      let environment = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("SEGBENCH_") }
        .merging(settings) { $1 }.map { strdup("\($0.key)=\($0.value)") }
      let program = repository.appendingPathComponent(".build/release/segbench").path
      let arguments = (["env", "-C", home, program] + words).map { strdup($0) }
      defer { for text in environment + arguments { free(text) } }
      var child: pid_t = 0
      try #require(posix_spawn(&child, "/usr/bin/env", &actions, nil, arguments + [nil], environment + [nil]) == 0)
      var status: Int32 = 0
      while waitpid(child, &status, 0) < 0 { try #require(errno == EINTR) }
      // A process that was killed has no exit code.
      let code = status & 0x7f == 0 ? status >> 8 & 0xff : -1
      return (
        code, String(decoding: try Data(contentsOf: output), as: UTF8.self),
        String(decoding: try Data(contentsOf: errors), as: UTF8.self)
      )
    }
  }

  /// All that a run's bits are, by name; times and places are not among them.
  private func runResults(_ home: URL) throws -> [String: String] {
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
      let curves = record.curves.columns.filter { $0.name != "seconds" }
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
