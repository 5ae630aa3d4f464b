import Experiments
import Files
import Foundation
import TestSupport
import Testing

/// The built command as a process that is yet to be started, in a folder, without the user's settings.
func command(
  _ arguments: [String], program: String = "segbench", home: URL = repository, settings: [String: String] = [:]
) -> Process {
  let process = Process()
  process.executableURL = repository.appendingPathComponent(".build/release/\(program)")
  process.arguments = arguments
  process.currentDirectoryURL = home
  process.environment = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("SEGBENCH_") }
    .merging(settings) { $1 }
  return process
}

/// Runs the built command in a folder.
func segbench(_ arguments: [String], home: URL = repository, settings: [String: String] = [:]) throws -> (
  code: Int32, output: String, errors: String
) {
  let process = command(arguments, home: home, settings: settings)
  let (output, errors) = (Pipe(), Pipe())
  process.standardOutput = output
  process.standardError = errors
  try process.run()
  let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
  let complaint = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
  process.waitUntilExit()
  // A process that was killed has no exit code.
  return (process.terminationReason == .exit ? process.terminationStatus : -1, text, complaint)
}

/// As above, in the repository's folder.
func segbench(_ arguments: String...) throws -> (code: Int32, output: String, errors: String) {
  try segbench(arguments)
}

/// As above, with the shipped recipes in the folder.
func withTemporaryHome<Result>(_ body: (URL) throws -> Result) throws -> Result {
  try withTemporaryFolder { home in
    try FileManager.default.copyItem(
      at: repository.appendingPathComponent("Recipes"), to: home.appendingPathComponent("Recipes"))
    return try body(home)
  }
}

/// The SHA-256 of the files below a folder whose paths are wanted, by path.
func digests(below folder: URL, where isWanted: (String) -> Bool) throws -> [String: String] {
  let paths = try #require(FileManager.default.enumerator(atPath: folder.path)).compactMap { $0 as? String }
  return Dictionary(
    uniqueKeysWithValues: try paths.filter(isWanted).map {
      ($0, try Digest.sha256(ofFileAt: folder.appendingPathComponent($0)))
    })
}

/// Lets a command end in one folder; in another kills it by signal 9 at parts of the time that took, each time going on from
/// what is on disk, and then lets it end.
func kill(at parts: [Double], of start: (URL) throws -> Process, in killed: URL, beside whole: URL) throws {
  let begin = ContinuousClock.now
  let undisturbed = try start(whole)
  undisturbed.waitUntilExit()
  try #require(undisturbed.terminationStatus == 0)
  let seconds = (ContinuousClock.now - begin) / .seconds(1)
  var kills = 0
  for part in parts {
    let process = try start(killed)
    Thread.sleep(forTimeInterval: seconds * part)
    if process.isRunning { kills += 1 }
    kill(process.processIdentifier, SIGKILL)
    process.waitUntilExit()
  }
  let last = try start(killed)
  last.waitUntilExit()
  #expect(last.terminationStatus == 0 && kills > 0)
}
