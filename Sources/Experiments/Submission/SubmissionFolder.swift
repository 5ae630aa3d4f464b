import Files
import Foundation

/// A submission's folder, `jobs/<time>` in the workspace: which jobs it has, how they ended, what they said, and its reports.
public struct SubmissionFolder: Sendable {
  public let url: URL

  public init(_ url: URL) { self.url = url }

  /// A new folder, which no other submission has.
  /// - Throws: `FileError`, `DiskFailure`.
  public static func make(in workspace: Workspace) throws -> SubmissionFolder {
    try makeFolder(workspace.jobs)
    let time = Date().formatted(.iso8601.timeSeparator(.omitted).dateSeparator(.omitted)).replacing("Z", with: "")
    for attempt in 1... {
      let url = workspace.jobs.appendingPathComponent(attempt == 1 ? time : "\(time)-\(attempt)", isDirectory: true)
      if mkdir(url.path, 0o777) == 0 {
        for name in ["logs", "outcomes"] { try makeFolder(url.appendingPathComponent(name)) }
        return SubmissionFolder(url)
      }
      guard errno == EEXIST else { throw FileError.ofWriting(url) }
    }
    preconditionFailure("a name is found or refused")
  }

  /// Below the workspace's root, for people.
  public var name: String { "jobs/\(url.lastPathComponent)" }

  public var record: URL { url.appendingPathComponent("jobs.json") }
  func log(_ name: String) -> URL { url.appendingPathComponent("logs/\(name).txt") }
  func outcome(_ name: String) -> URL { url.appendingPathComponent("outcomes/\(name)") }

  /// How a job ended: its exit code; nil where it wrote none down.
  func code(of name: String) -> Int? {
    (try? String(contentsOf: outcome(name), encoding: .utf8)).flatMap {
      Int($0.prefix(20).trimmingCharacters(in: .whitespacesAndNewlines))
    }
  }

  /// When a job's end was written down, or the submission where it was not.
  func date(of name: String) -> Date? {
    for file in [outcome(name), record] {
      var status = stat()
      if stat(file.path, &status) == 0 { return Date(timeIntervalSince1970: Double(status.st_mtim.tv_sec)) }
    }
    return nil
  }

  /// The last thing that a job said of why it ended; nil where it said nothing.
  func lastWords(of name: String) -> String? {
    guard let handle = try? FileHandle(forReadingFrom: log(name)) else { return nil }
    defer { try? handle.close() }
    let length = (try? handle.seekToEnd()) ?? 0
    try? handle.seek(toOffset: length > 8192 ? length - 8192 : 0)
    let lines = String(decoding: (try? handle.readToEnd()) ?? Data(), as: UTF8.self).split(separator: "\n")
    let own = lines.last { $0.hasPrefix("segbench: ") }.map { $0.dropFirst("segbench: ".count) }
    return (own ?? lines.last).map { String($0).visible }
  }
}

extension Workspace {
  /// Where submissions lie.
  public var jobs: URL { root.appendingPathComponent("jobs", isDirectory: true) }
}

/// What a submission has on its list, in its `jobs.json`.
public struct SubmissionRecord: Codable, Sendable {
  public enum Engine: String, Codable, Sendable, CaseIterable {
    case slurm, local
  }

  public struct Job: Codable, Sendable {
    /// The array's name and the task's number: the job's own name is `run-2`.
    public let array: String
    public let task: Int
    public let title: String
    /// The digest of what makes equal jobs one.
    public let key: String
    /// The jobs that it needs, by their places in the list.
    public let needs: [Int]
    public let isRun: Bool
    public let startsAnyway: Bool

    public var name: String { "\(array)-\(task)" }
  }

  public let version: Int
  public let engine: Engine
  public let jobs: [Job]
  /// Slurm's numbers of the arrays.
  public var numbers: [String: String] = [:]

  /// Of what a graph's arrays hold.
  public init(_ arrays: JobArrays, engine: Engine) {
    version = 1
    self.engine = engine
    let submitted = arrays.graph.jobs.indices.filter { arrays.places[$0] != nil }
    jobs = submitted.map { index in
      let (job, place) = (arrays.graph.jobs[index], arrays.places[index]!)
      let isRun = if case .run = job.work { true } else { false }
      return Job(
        array: arrays.arrays[place.array].name, task: place.task, title: job.title, key: RunGraph.digest(of: job.key),
        needs: job.needs.compactMap { submitted.firstIndex(of: $0) }, isRun: isRun, startsAnyway: job.startsAnyway)
    }
  }

  public func write(to folder: SubmissionFolder) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    try AtomicFile.write(encoder.encode(self), to: folder.record)
  }

  /// Nil where there is none that can be read: a submission that is being written, or another's file.
  static func read(_ folder: SubmissionFolder) -> SubmissionRecord? {
    guard let data = try? Data(contentsOf: folder.record), data.count < 64 << 20,
      let record = try? JSONDecoder().decode(SubmissionRecord.self, from: data), record.version == 1,
      record.jobs.allSatisfy({ job in
        job.needs.allSatisfy { record.jobs.indices.contains($0) } && !job.array.contains("/")
          && !job.array.hasPrefix(".")
      })
    else { return nil }
    return record
  }
}
