import Experiments
import Files
import Foundation
import Imaging
import TestSupport
import Testing

/// Limits of the process and the machine, and places that are no files: a sentence and an exit code, within seconds.
struct LimitsTests {
  static let row = "Recipes/meddinov3/table1/1-random-init-640.yaml"

  /// Runs the command below a shell's settings, such as `ulimit -n 16`; ends it after a minute.
  private func shell(
    _ before: String, _ words: [String], redirections: String = "", home: URL = repository,
    settings: [String: String] = [:]
  ) throws -> (code: Int32, output: String, errors: String) {
    let program = repository.appendingPathComponent(".build/release/segbench").path
    let process = command([], home: home, settings: settings)
    process.executableURL = URL(fileURLWithPath: "/bin/bash")
    process.arguments = [
      "-c",
      "\(before); exec timeout -k 1 60 \(program) \(words.map(RunCommand.quoted).joined(separator: " ")) \(redirections)",
    ]
    let (output, errors) = (Pipe(), Pipe())
    process.standardOutput = output
    process.standardError = errors
    try process.run()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    let complaint = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    return (process.terminationReason == .exit ? process.terminationStatus : -1, text, complaint)
  }

  private func lastLine(_ text: String) -> String { text.split(separator: "\n").last.map(String.init) ?? "" }

  // MARK: - Limits

  @Test(arguments: [
    ("ulimit -n 16", "ulimit -n"), ("ulimit -n 40", "ulimit -n"), ("ulimit -s 512", "ulimit -s"),
    ("ulimit -v 700000", "ulimit -v"), ("ulimit -v 1000000", "ulimit -v"),
  ])
  func aLimitTooLowIsNamedAtTheStart(limit: String, word: String) throws {
    try withTemporaryHome { home in
      let found = try shell(limit, ["run", Self.row, "--profile", "quick"], home: home)
      #expect(found.code == 1 && found.errors.hasPrefix("segbench: ") && found.errors.contains(word), "\(found)")
      #expect(!FileManager.default.fileExists(atPath: home.appendingPathComponent("runs").path))
    }
  }

  /// Memory that runs out within a limit that the start lets pass, of an array of Swift's or of a tensor: the sentence names
  /// what makes less of the work that was being done.
  @Test(arguments: [
    (["run", row, "--profile", "quick", "--set", "dataset.phantom.size=[1024, 1024, 500]"], "dataset.phantom.size"),
    (["run", row, "--profile", "quick", "--set", "plan.batch_size=1024"], "plan.batch_size"),
    (["dataset", "phantom", "lits", "phantoms", "--size", "1024,1024,500"], "--size"),
  ])
  func memoryThatIsNotToBeHadEndsInASentence(words: [String], key: String) throws {
    try withTemporaryHome { home in
      let found = try shell("ulimit -v 2000000", words, home: home)
      let last = lastLine(found.errors)
      #expect(found.code == 1 && last.hasPrefix("segbench: out of memory") && last.contains(key), "\(found)")
    }
  }

  /// As `clone3` says EAGAIN where the container may have no more processes.
  @Test func threadsThatTheSystemRefusesAreNamed() throws {
    try withTemporaryHome { home in
      let library = try refusals(in: home)
      for few in ["0", "3"] {
        let found = try segbench(
          ["run", Self.row, "--profile", "quick"], home: home,
          settings: ["LD_PRELOAD": library.path, "REFUSE_THREADS_FROM": few])
        #expect(found.code == 1 && found.errors.contains("the system gave \(few) threads"), "\(found)")
      }
    }
  }

  @Test(arguments: [
    ("OMP_NUM_THREADS", "abc"), ("OMP_NUM_THREADS", "0"), ("OMP_NUM_THREADS", "-1"), ("OMP_NUM_THREADS", "1000000000"),
    ("OMP_NUM_THREADS", "2,"), ("OMP_THREAD_LIMIT", "none"), ("OPENBLAS_NUM_THREADS", "1.5"),
    ("OMP_WAIT_POLICY", "asleep"), ("GOMP_SPINCOUNT", "-3"), ("OMP_STACKSIZE", "big"),
  ])
  func nonsenseInTheEnvironmentIsNamed(name: String, value: String) throws {
    let found = try segbench(["run", Self.row, "--profile", "quick"], settings: [name: value])
    #expect(found.code == 2 && lastLine(found.errors).contains("\(name) is \"\(value)\""), "\(found)")
  }

  // MARK: - Memory

  @Test(arguments: [
    (["network.vit.width=8192", "network.vit.heads=64"], "network.vit.width"),
    (["plan.batch_size=4096", "plan.configuration=2d_640"], "plan.batch_size"),
  ])
  func aTrainingThatCannotFitIsNotBegun(values: [String], key: String) throws {
    try withTemporaryHome { home in
      let found = try shell(
        "ulimit -v 12000000", ["run", Self.row, "--profile", "phantom"] + values.flatMap { ["--set", $0] },
        home: home)
      #expect(found.code == 1 && found.errors.contains(key) && found.errors.contains("GiB"), "\(found)")
      #expect(!FileManager.default.fileExists(atPath: home.appendingPathComponent("data").path))
    }
  }

  // MARK: - Locks and outputs

  @Test func aFileSystemWithoutLocksIsNamed() throws {
    try withTemporaryHome { home in
      let library = try refusals(in: home)
      for error in [ENOLCK, EOPNOTSUPP, ENOSYS] {
        let found = try segbench(
          ["run", Self.row, "--profile", "quick"], home: home,
          settings: ["LD_PRELOAD": library.path, "REFUSE_LOCKS": "\(error)"])
        #expect(found.code == 1 && lastLine(found.errors).contains("cannot be locked"), "\(found)")
      }
    }
  }

  @Test func noLinkIsFollowedForAnOutput() throws {
    try withTemporaryFolder { folder in
      let precious = folder.appendingPathComponent("precious")
      try Data("precious".utf8).write(to: precious)
      let link = folder.appendingPathComponent("link.json")
      try FileManager.default.createSymbolicLink(at: link, withDestinationURL: precious)
      let found = try evaluate(folder, json: link.path)
      #expect(found.code == 2 && found.errors.contains("symbolic link"), "\(found)")
      #expect(try Data(contentsOf: precious) == Data("precious".utf8))
      #expect(try FileManager.default.destinationOfSymbolicLink(atPath: link.path) == precious.path)
    }
  }

  @Test func whatIsNoFileIsNotReplacedByOne() throws {
    try withTemporaryFolder { folder in
      let pipe = folder.appendingPathComponent("pipe")
      try #require(mkfifo(pipe.path, 0o600) == 0)
      for (place, word) in [(pipe.path, "a pipe"), (folder.path, "a folder"), ("/dev/full", "a device")] {
        let found = try evaluate(folder, json: place)
        #expect(found.code == 2 && found.errors.contains(word), "\(found)")
      }
      var status = stat()
      #expect(lstat(pipe.path, &status) == 0 && status.st_mode & S_IFMT == S_IFIFO)
      #expect(try evaluate(folder, json: "/dev/null").code == 0)
      let printed = try evaluate(folder, json: "/dev/stdout")
      #expect(printed.code == 0 && printed.output.contains("{"), "\(printed)")
      #expect(lstat("/dev/null", &status) == 0 && status.st_mode & S_IFMT == S_IFCHR)
    }
  }

  private func writeLabels(to folder: URL) throws {
    try makeFolder(folder)
    let labels = Volume<Int16>(
      shape: [2, 8, 8], voxels: (0..<128).map { $0 % 5 == 0 ? 1 : 0 },
      header: NIfTIHeader(shape: [2, 8, 8], spacing: [1, 1, 1]))
    try NIfTI.write(labels, to: folder.appendingPathComponent("case.nii.gz"))
  }

  /// Scores a label map against itself.
  private func evaluate(_ folder: URL, json: String) throws -> (code: Int32, output: String, errors: String) {
    let (reference, prediction) = (folder.appendingPathComponent("a"), folder.appendingPathComponent("b"))
    if !FileManager.default.fileExists(atPath: reference.path) {
      try writeLabels(to: reference)
      try FileManager.default.copyItem(at: reference, to: prediction)
    }
    return try segbench([
      "evaluate", "--reference", reference.path, "--prediction", prediction.path, "--json", json,
    ])
  }

  /// Files that are opened do not take the numbers of descriptors that were closed: nothing is printed into them.
  @Test(arguments: ["0<&-", "1>&-", "2>&-", "0<&- 1>&- 2>&-"])
  func closedDescriptorsAreOpenedFirst(closed: String) throws {
    try withTemporaryFolder { folder in
      let json = folder.appendingPathComponent("report.json")
      let reference = folder.appendingPathComponent("a")
      try writeLabels(to: reference)
      let words = ["evaluate", "--reference", reference.path, "--prediction", reference.path, "--json", json.path]
      let found = try shell(":", words, redirections: closed)
      #expect(found.code == 0, "\(found)")
      #expect(try JSONSerialization.jsonObject(with: Data(contentsOf: json)) is [String: Any])
    }
  }

  /// A library that refuses what a system may: locks, threads.
  private func refusals(in folder: URL) throws -> URL {
    let library = folder.appendingPathComponent("refuse.so")
    let compiler = Process()
    compiler.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    let source = repository.appendingPathComponent("Tests/faults/refuse.c").path
    compiler.arguments = ["cc", "-O1", "-shared", "-fPIC", "-o", library.path, source, "-ldl"]
    try compiler.run()
    compiler.waitUntilExit()
    try #require(compiler.terminationStatus == 0)
    return library
  }
}
