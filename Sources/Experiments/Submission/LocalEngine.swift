import Files
import Foundation
import Synchronization

/// Does a submission's jobs on this machine: a process for each, no more at once than a bound.
public struct LocalEngine {
  let arrays: JobArrays
  let words: JobWords
  let site: SiteSettings
  let workspace: Workspace
  let folder: SubmissionFolder
  let program: String

  public init(
    _ arrays: JobArrays, words: JobWords, site: SiteSettings, workspace: Workspace, folder: SubmissionFolder,
    program: String
  ) {
    self.arrays = arrays
    self.words = words
    self.site = site
    self.workspace = workspace
    self.folder = folder
    self.program = site.program ?? program
  }

  /// How long it sleeps before it looks whether a job has ended.
  private static let pause = 0.05

  /// Does the jobs, and tells how it went. What fails stops only what needs it.
  /// - Throws: `CancellationError` after every job has stopped, when a stop was asked for.
  public func run(say: (String) -> Void, isCancelled: () -> Bool) throws -> GraphWalk {
    let lock = try FolderLock(folder.url, isCancelled: isCancelled) { _ in }
    defer { withExtendedLifetime(lock) {} }
    var walk = GraphWalk(arrays.graph)
    var running: [(job: Int, process: Process)] = []
    var isStopping = false
    while true {
      if isCancelled() && !isStopping {
        isStopping = true
        for (_, process) in running { process.terminate() }
      }
      while !isStopping, running.count < site.arrayLimit ?? 1, let job = walk.start() {
        do {
          running.append((job, try start(job)))
          say("\(name(of: job)): \(arrays.graph.jobs[job].title)")
        } catch {
          walk.finish(job, error)
        }
      }
      if running.isEmpty { break }
      for (job, process) in running where !process.isRunning {
        running.removeAll { $0.job == job }
        let failure = try ended(job, process)
        walk.finish(job, failure)
        say("\(name(of: job)): " + (failure.map { "\($0)" } ?? "done"))
      }
      Thread.sleep(forTimeInterval: Self.pause)
    }
    if isStopping { throw CancellationError() }
    return walk
  }

  private func name(of job: Int) -> String {
    let place = arrays.places[job]!
    return "\(arrays.arrays[place.array].name)-\(place.task)"
  }

  private func start(_ job: Int) throws -> Process {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/bash")
    // A site's own lines come first, as on a cluster.
    process.arguments = ["-c", (site.setup + [#"exec "$@""#]).joined(separator: "\n"), "segbench", program]
    process.arguments! += words.words(of: job, in: arrays.graph)
    process.currentDirectoryURL = folder.url
    var environment = ProcessInfo.processInfo.environment
    environment["SEGBENCH_HOME"] = workspace.root.path
    environment["SEGBENCH_DATA"] = workspace.userData?.path
    let trains = arrays.arrays[arrays.places[job]!.array].trains
    if let cpus = trains ? site.cpusPerRun : site.preparation.cpus ?? site.cpusPerRun {
      environment["OMP_NUM_THREADS"] = "\(cpus)"
    }
    process.environment = environment
    let log = folder.log(name(of: job))
    try AtomicFile.write(Data(), to: log)
    let handle = try FileHandle(forWritingTo: log)
    defer { try? handle.close() }
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = handle
    process.standardError = handle
    try process.run()
    return process
  }

  /// Writes down how a job ended.
  /// - Returns: what to say where it failed.
  private func ended(_ job: Int, _ process: Process) throws -> (any Error)? {
    let code =
      process.terminationReason == .exit ? process.terminationStatus : 128 + process.terminationStatus
    try AtomicFile.write(Data("\(code)\n".utf8), to: folder.outcome(name(of: job)))
    guard code != 0 else { return nil }
    let reason = folder.lastWords(of: name(of: job)) ?? "it ended with exit code \(code)"
    return code == 2 ? JobRefusal(description: reason) : JobFailure(description: reason)
  }
}

/// A job's process that failed, in its own words.
struct JobFailure: Error, CustomStringConvertible {
  let description: String
}

/// A job's process that refused what it was given, in its own words.
struct JobRefusal: InputError {
  let description: String
}
