import Experiments
import Files
import Foundation
import Recipes
import Reporting
import Synchronization

let archivePackCommand = Command(
  name: "archive pack", summary: "Pack finished runs, with their dependencies, into one file",
  operands: "RUN|TABLE|RECIPE...",
  example: "segbench archive pack table1 --output table1.segbench", positionalCount: 1...1000,
  options: [OptionSpecification("--output", "FILE", isRequired: true, help: "The archive")]
    + RecipeOptions.ofRuns
) { arguments in
  let output = arguments.required("--output")
  let options = try RecipeOptions(arguments)
  let folders = try arguments.positionals.flatMap { try options.runFolders($0) }
  let url = URL(fileURLWithPath: output)
  let packed = try Archive.pack(folders, of: options.workspace, to: url, progress: ProgressDisplay("packing").progress)
  print("\(url.path): \(packed.identities.map { String($0.prefix(10)) }.joined(separator: ", "))")
  print("SHA-256 under the seal: \(packed.digest)")
}

let archiveUnpackCommand = Command(
  name: "archive unpack", summary: "Check an archive's bytes and write its runs' folders",
  operands: "FILE FOLDER", example: "segbench archive unpack table1-row4.segbench unpacked",
  positionalCount: 2...2, options: []
) { arguments in
  let folder = URL(fileURLWithPath: arguments.positionals[1], isDirectory: true)
  try makeFolder(folder)
  guard try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty else {
    throw ArchiveError.notEmpty(folder.path)
  }
  let archive = URL(fileURLWithPath: arguments.positionals[0])
  ReadingProcess.limit(for: archive, writingBelow: folder)
  do {
    for identity in try Archive.unpack(archive, to: folder) { print(identity) }
  } catch {
    // A part of an archive is of no use, and would be in the next one's way.
    for name in (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? [] {
      try? FileManager.default.removeItem(at: folder.appendingPathComponent(name))
    }
    throw error
  }
}

let archiveVerifyCommand = Command(
  name: "archive verify", summary: "Check an archive, take its metrics again, and rebuild its table cells",
  operands: "FILE", example: "segbench archive verify table1-row4.segbench",
  positionalCount: 1...1,
  options: [
    OptionSpecification("--json", help: "Print JSON"),
    OptionSpecification(
      "--predict", "[CASE]",
      help: "Also predict a case with the archived weights and compare voxels (the first that was scored)"),
    OptionSpecification(
      "--allow-unchecked", help: "Exit with 0 although something could not be checked, as without the dataset"),
    timeFactorOption, deviceOption,
  ], usesDevice: true
) { arguments in
  let archive = URL(fileURLWithPath: arguments.positionals[0])
  let workspace = try Workspace.fromEnvironment()
  let isJSON = arguments.flag("--json")
  let limits = try timeLimits(arguments, for: archive)
  try withUnpacked(archive, limits) { folder, identities, digest in
    let runner = consoleRunner(workspace)
    let verification = ArchiveVerification(unpacked: folder, runner: runner, limits: limits)
    let report = VerificationReport(
      path: archive.path, digest: digest, runs: try identities.map(verification.verify))
    print(isJSON ? report.json() : report.text(), terminator: "")
    guard report.isSound else { throw UsageError("\(archive.path) is not sound: what is BROKEN above") }
    func requireChecked() throws {
      guard report.isComplete || arguments.flag("--allow-unchecked") else {
        throw IncompleteVerification(path: archive.path)
      }
    }
    guard let wanted = arguments.value("--predict") else { return try requireChecked() }
    let library = RecipeLibrary(root: workspace.recipes)
    // Of a row's seeds each is predicted; the pretrainings before them have nothing to predict.
    let runs = report.runs.filter { $0.record.metrics != nil }
    guard !runs.isEmpty else {
      throw ArchiveError.nothingToPredict("\(archive.path) holds no segmentation, only what one starts from")
    }
    var differs = false
    for run in runs {
      let repeated = try RepeatedPrediction(
        run.record.description.identity, case: wanted.isEmpty ? nil : wanted, unpacked: folder, runner: runner,
        library: library, limits: limits)
      // JSON on the standard output stays alone there.
      if isJSON { Console.say(repeated.text) } else { print("\n" + repeated.text) }
      differs = differs || !repeated.isEqual
    }
    if differs { throw UsageError("\(archive.path) is not sound: its predictions are not those of its weights") }
    try requireChecked()
  }
}

/// An archive of which nothing is wrong as far as it was checked: exit code 1, since nobody may take it for sound.
private struct IncompleteVerification: Error, CustomStringConvertible {
  let path: String
  var description: String {
    "\(path) was not wholly checked: what is unchecked above may be anything (--allow-unchecked takes it as it is)"
  }
}

let archiveReplayCommand = Command(
  name: "archive replay", summary: "Run an archived run again and compare: equal bits or different",
  operands: "FILE",
  example: "segbench archive replay table1-row4.segbench", positionalCount: 1...1,
  options: [
    OptionSpecification("--run", "IDENTITY", help: "Which run, by the beginning of its identity (every segmentation)"),
    OptionSpecification("--tolerance", "POINTS", help: "For a cell's DSC and NSD, where bits can't be expected (2)"),
    OptionSpecification("--output", "FOLDER", help: "Where it runs and is kept (a temporary folder)"),
    timeFactorOption, deviceOption,
  ], usesDevice: true
) { arguments in
  let archive = URL(fileURLWithPath: arguments.positionals[0])
  let workspace = try Workspace.fromEnvironment()
  let tolerance = try arguments.positiveNumber("--tolerance").map { $0 / 100 } ?? Replay.standardTolerance
  let scratch = arguments.value("--output").map { URL(fileURLWithPath: $0, isDirectory: true) }
  // In a temporary folder it starts anew.
  Interruption.goesOn.store(scratch != nil, ordering: .relaxed)
  let limits = try timeLimits(arguments, for: archive)
  try withUnpacked(archive, limits) { folder, identities, _ in
    let library = RecipeLibrary(root: workspace.recipes)
    let own = consoleRunner(workspace)
    // All of them are looked at before the first one runs.
    let chosen = try identities.filter { identity in
      if let prefix = arguments.value("--run") { return identity.hasPrefix(prefix) }
      let record = try RunRecord.read(folder.appendingPathComponent("runs/\(identity)/run.h5"))
      return record.metrics != nil && record.description.predictionsDigest == nil
    }.map { try ReplayableRun($0, unpacked: folder, runner: own, library: library, limits: limits) }
    guard !chosen.isEmpty else {
      throw arguments.value("--run") == nil
        ? ArchiveError.onlyPredictions(archive.path) : ArchiveError.nothingToReplay(archive.path)
    }
    let root = scratch ?? folder.appendingPathComponent("replay", isDirectory: true)
    let runner = consoleRunner(
      Workspace(root: root, userData: workspace.userData, recipes: workspace.recipes))
    var differs = false
    for run in chosen {
      let replay = try Replay(run, runner: runner, tolerance: tolerance)
      print(replay.text(tolerance: tolerance), terminator: "")
      differs = differs || replay.verdict == .different
    }
    if differs { throw ReplayDiffers() }
  }
}

/// A replay that came out otherwise: exit code 1, since nothing was wrong with the command.
private struct ReplayDiffers: Error, CustomStringConvertible {
  let description = "the replay differs from the archive"
}

private func consoleRunner(_ workspace: Workspace) -> Runner {
  Runner(
    workspace: workspace, say: { Console.say($0) }, progress: { ProgressDisplay($0).progress },
    isCancelled: { Cancellation.isRequested }, hdf5Weights: ReadingProcess.weights)
}

private let timeFactorOption = OptionSpecification(
  "--time-factor", "N", help: "Multiply the limits of time for what is done with the archive, on a slow machine (1)")

/// Limits that end the process: work on an archive made to harm may not end by itself.
private func timeLimits(_ arguments: Arguments, for archive: URL) throws -> TimeLimits {
  let isEnding = Mutex(false)
  return TimeLimits(factor: try arguments.positiveNumber("--time-factor") ?? 1) { sentence in
    // The next piece of work may be late, too, before the process is gone.
    let isFirst = isEnding.withLock { isEnding in
      defer { isEnding = true }
      return !isEnding
    }
    guard isFirst else { return }
    Console.say(
      "segbench: \(archive.path.visible): \(sentence.visible): it is made to harm, or this machine is slow "
        + "(--time-factor 10); nothing of it is to be believed")
    UnfinishedFiles.removeAll()
    ScratchFolder.removeAll()
    _exit(2)
  }
}

/// Unpacks an archive into a temporary folder for as long as `body` runs. libhdf5 reads it in a process of its own, which
/// may die of a file made to harm it without taking anything along.
private func withUnpacked<Result>(
  _ archive: URL, _ limits: TimeLimits,
  _ body: (_ folder: URL, _ identities: [String], _ digest: String) throws -> Result
) throws -> Result {
  let digest = try limits.within(TimeLimits.seconds(forBytes: fileSize(archive)), "checking the seal") {
    try Archive.check(archive)
  }
  let scratch = try ScratchFolder()
  let words = try ReadingProcess.run(["archive", "unpack", archive.path, scratch.url.path], on: archive)
  let identities = words.split(separator: "\n").map(String.init)
  guard identities.allSatisfy(Archive.isIdentity) else {
    throw UsageError("\(archive.path): the process that read it answered otherwise than it does: it is made to harm")
  }
  return try withExtendedLifetime(scratch) { try body(scratch.url, identities, digest) }
}
