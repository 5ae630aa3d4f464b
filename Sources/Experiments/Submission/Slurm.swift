import Files
import Foundation

/// Slurm's commands, as far as submitting and looking after jobs takes them.
public enum Slurm {
  /// Runs a submission's `submit.sh`.
  /// - Returns: Slurm's number of each array.
  /// - Throws: `SlurmRefusal` for what Slurm will not take, `SlurmFailure` where it cannot be asked.
  public static func submit(_ folder: SubmissionFolder) throws -> [String: String] {
    guard isInstalled("sbatch") else {
      throw SlurmRefusal("there is no sbatch here: submit from a machine of the cluster, or take --engine local")
    }
    let result = try run(["bash", SlurmScripts.submitName], in: folder.url)
    guard result.code == 0 else {
      let lines = result.errors.split(separator: "\n").filter { $0.contains("error: ") || $0.contains("fatal: ") }
      let told = lines.map { $0.components(separatedBy: ": ").dropFirst(2).joined(separator: ": ") }
        .joined(separator: "; ")
      let text = "Slurm does not take the jobs: \((told.isEmpty ? result.errors : told).visible)"
      // The rest is about the cluster and not about what was asked for.
      let isAsked = ["invalid", "requested", "not available", "not permitted", "unrecognized"].contains {
        told.lowercased().contains($0)
      }
      throw isAsked ? SlurmRefusal(text) : SlurmFailure(description: text)
    }
    let pairs = result.output.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
    return Dictionary(pairs.filter { $0.count == 2 }.map { ($0[0], $0[1]) }) { $1 }
  }

  /// A job in the queue.
  struct Queued {
    /// Such as PENDING or RUNNING.
    let state: String
    /// Why it waits.
    let reason: String
  }

  /// The queue's jobs of some arrays, by number and task, such as `12_3`; nil where Slurm cannot be asked.
  static func queue(_ numbers: [String]) -> [String: Queued]? {
    let numbers = numbers.filter { !$0.isEmpty && $0.utf8.allSatisfy { (0x30...0x39).contains($0) } }
    guard !numbers.isEmpty, isInstalled("squeue"),
      let result = try? run(
        ["squeue", "--noheader", "--array", "--format=%F_%K|%T|%r", "--jobs=" + numbers.joined(separator: ",")],
        in: URL(fileURLWithPath: "/"))
    else { return nil }
    // One number that it has forgotten is an error to it.
    guard result.code == 0 || result.errors.contains("Invalid job id") else { return nil }
    var jobs: [String: Queued] = [:]
    for line in result.output.split(separator: "\n") {
      let parts = line.trimmingCharacters(in: .whitespaces).split(separator: "|").map(String.init)
      if parts.count == 3 { jobs[parts[0]] = Queued(state: parts[1], reason: parts[2].visible) }
    }
    return jobs
  }

  private static func isInstalled(_ name: String) -> Bool {
    (getenv("PATH").map { String(cString: $0) } ?? "").split(separator: ":").contains {
      access("\($0)/\(name)", X_OK) == 0
    }
  }

  private static func run(_ words: [String], in folder: URL) throws -> (code: Int32, output: String, errors: String) {
    let scratch = try ScratchFolder()
    defer { withExtendedLifetime(scratch) {} }
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = words
    process.currentDirectoryURL = folder
    process.standardInput = FileHandle.nullDevice
    // Files, because two pipes would have to be read at once.
    let files = ["output", "errors"].map { scratch.url.appendingPathComponent($0) }
    for file in files { try Data().write(to: file) }
    process.standardOutput = try FileHandle(forWritingTo: files[0])
    process.standardError = try FileHandle(forWritingTo: files[1])
    try process.run()
    process.waitUntilExit()
    func text(_ file: URL) throws -> String { String(decoding: try Data(contentsOf: file), as: UTF8.self) }
    return (process.terminationStatus, try text(files[0]), try text(files[1]))
  }
}

/// What was asked of Slurm and it will not take.
public struct SlurmRefusal: InputError {
  public let description: String

  init(_ description: String) { self.description = description }
}

/// A cluster that cannot be asked. Exit code 1.
public struct SlurmFailure: Error, CustomStringConvertible {
  public let description: String
}
