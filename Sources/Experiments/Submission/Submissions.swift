import Files
import Foundation

/// What became of a workspace's submissions: of each job the last thing that is known.
public struct Submissions {
  enum JobState: Equatable {
    case done, running
    /// Why it waits, or how its queue calls it.
    case queued(String)
    /// A signal stopped it; the same job goes on from there.
    case stopped
    case failed(String)
    /// The job that it needs, which was not done.
    case blocked(String)
    /// Nobody has it on a list any more.
    case notBegun

    var isActive: Bool {
      switch self {
      case .running, .queued: true
      case .done, .stopped, .failed, .blocked, .notBegun: false
      }
    }
  }

  struct Submission {
    let folder: SubmissionFolder
    let record: SubmissionRecord
    let states: [JobState]
  }

  /// The oldest first.
  let all: [Submission]

  /// Looks at every submission of the workspace, and asks Slurm about those that have not ended.
  /// - Throws: `DiskFailure`.
  public init(of workspace: Workspace) throws {
    let names = try FolderListing.ifReadable(workspace.jobs)?.names ?? []
    let found = names.sorted().compactMap { name -> (SubmissionFolder, SubmissionRecord)? in
      let folder = SubmissionFolder(workspace.jobs.appendingPathComponent(name, isDirectory: true))
      return SubmissionRecord.read(folder).map { (folder, $0) }
    }
    let codes = found.map { folder, record in record.jobs.map { folder.code(of: $0.name) } }
    let numbers = zip(found, codes).filter { $0.0.1.engine == .slurm && $0.1.contains(nil) }.flatMap {
      $0.0.1.numbers.values
    }
    let queue = numbers.isEmpty ? [:] : Slurm.queue(numbers.sorted())
    all = zip(found, codes).map { found, codes in
      Submission(
        folder: found.0, record: found.1, states: Self.states(of: found.1, in: found.0, codes, queue))
    }
  }

  private static func states(
    of record: SubmissionRecord, in folder: SubmissionFolder, _ codes: [Int?], _ queue: [String: Slurm.Queued]?
  ) -> [JobState] {
    let isAtWork = record.engine == .local && FolderLock.holder(of: folder.url) != nil
    var states: [JobState] = []
    for (job, code) in zip(record.jobs, codes) {
      let hasBegun = exists(folder.log(job.name))
      if let code {
        states.append(ended(job, code, in: folder))
      } else if record.engine == .local, isAtWork {
        states.append(hasBegun ? .running : .queued("its turn"))
      } else if record.engine == .slurm, queue == nil {
        states.append(.queued("Slurm cannot be asked here"))
      } else if record.engine == .slurm,
        let queued = queue?["\(record.numbers[job.array] ?? "")_\(job.task)"]
      {
        states.append(queued.state == "PENDING" ? .queued(queued.reason) : .running)
      } else if let lost = lost(job, record, states) {
        states.append(.blocked(lost))
      } else {
        states.append(
          hasBegun
            ? .failed("it ended without a word: killed, or its machine failed (\(folder.name)/logs/\(job.name).txt)")
            : .notBegun)
      }
    }
    return states
  }

  private static func ended(_ job: SubmissionRecord.Job, _ code: Int, in folder: SubmissionFolder) -> JobState {
    switch code {
    case 0: .done
    case 128 + Int(SIGINT), 128 + Int(SIGTERM), 128 + Int(SIGUSR1): .stopped
    default: .failed(folder.lastWords(of: job.name) ?? "exit code \(code)")
    }
  }

  /// The title of a job that this one needs and that was not done.
  private static func lost(_ job: SubmissionRecord.Job, _ record: SubmissionRecord, _ states: [JobState]) -> String? {
    guard !job.startsAnyway else { return nil }
    return job.needs.first { need in
      guard states.indices.contains(need) else { return false }
      return states[need] != .done && !states[need].isActive
    }.map { record.jobs[$0].title }
  }

  /// What the newest submission that has a run knows of it.
  struct Known {
    /// The submission's folder and the job, for people.
    let name: String
    let state: JobState
    /// When the job's end was written down, or the submission.
    let date: Date
  }

  func latest(_ key: String) -> Known? {
    for submission in all.reversed() {
      guard let place = submission.record.jobs.firstIndex(where: { $0.key == key }) else { continue }
      let (job, folder) = (submission.record.jobs[place], submission.folder)
      return Known(
        name: "\(folder.name)/\(job.name)", state: submission.states[place],
        date: folder.date(of: job.name) ?? .distantPast)
    }
    return nil
  }

  /// The submissions that have not done everything and are the newest of their kind: how many of their jobs are in which
  /// state, and of the others than runs why they failed.
  var lines: [String] {
    all.suffix(Self.shown).flatMap { submission -> [String] in
      let states = submission.states
      guard states.contains(where: { $0 != .done }) else { return [] }
      func text(_ count: Int, _ word: String) -> String? { count == 0 ? nil : "\(count) \(word)" }
      let counts = [
        text(states.count { $0 == .done }, "done"), text(states.count { $0 == .running }, "running"),
        text(states.count { if case .queued = $0 { true } else { false } }, "queued"),
        text(states.count { if case .failed = $0 { true } else { false } }, "failed"),
        text(states.count { $0 == .stopped }, "stopped"),
        text(states.count { if case .blocked = $0 { true } else { $0 == .notBegun } }, "not begun"),
      ].compactMap { $0 }
      let record = submission.record
      let head = "\(submission.folder.name) (\(record.engine.rawValue)), \(states.count) jobs: "
      return [head + counts.joined(separator: ", ")]
        + zip(record.jobs, states).compactMap { job, state in
          if case .failed(let reason) = state, !job.isRun {
            "  \(job.name), \(job.title.visible): \(reason)"
          } else {
            nil
          }
        }
    }
  }

  private static let shown = 8

  /// The submissions that have jobs of a graph and are not over.
  public func active(with graph: RunGraph) -> [String] {
    let keys = Set(graph.jobs.filter { !$0.startsAnyway }.map { RunGraph.digest(of: $0.key) })
    return all.filter { submission in
      zip(submission.record.jobs, submission.states).contains { keys.contains($0.key) && $1.isActive }
    }.map(\.folder.name)
  }
}
