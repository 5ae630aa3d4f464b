import Foundation

/// One reader's campaign: the inputs that found something once, and so many mutated ones.
struct Campaign {
  let kind: String
  let count: Int
  let seed: UInt64
  let repository: URL
  /// Where inputs go that killed, hung or bloated a reader.
  let keep: URL

  /// Inputs that one child is given.
  private static let batch = 5000
  /// Inputs kept of one campaign, at most.
  private static let greatestKept = 20

  /// What came of it.
  struct Outcome {
    let kind: String
    let isContained: Bool
    var inputs = 0
    var total = Tally()
    var crashes = 0
    var hangs = 0
    var bloats = 0
    var seconds = 0.0
    /// What a user would have lost: a process of theirs, or a sentence that says what is wrong.
    var lost: Int { (isContained ? 0 : crashes + hangs + bloats) + total.failed }
    var remark: String {
      let ends = isContained ? "children died, as they may: \(crashes + hangs + bloats)" : "crashes: \(crashes)"
      return "\(total.accepted) accepted, \(total.refused) refused, \(total.failed) failed otherwise; \(ends), "
        + "hangs: \(hangs), over the memory bound: \(bloats); at most \(total.memory >> 10) MiB"
    }
  }

  func run() throws -> Outcome {
    let shared = URL(fileURLWithPath: FileManager.default.fileExists(atPath: "/dev/shm") ? "/dev/shm" : "/tmp")
    let folder = shared.appendingPathComponent("segbench-fuzz-\(getpid())-\(kind)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let start = ContinuousClock.now
    let reader = try Reader.named(kind, repository: repository, folder: folder)
    let inputs = Inputs(reader, seed: seed)
    let count = count * reader.inputsPerHundred / 100
    var outcome = Outcome(kind: kind, isContained: reader.isContained)
    var next = -reader.kept.count
    outcome.inputs = count - next
    while next < count {
      let (tally, end) = try child(first: next, count: min(Self.batch, count - next), folder)
      outcome.total.accepted += tally.accepted
      outcome.total.refused += tally.refused
      outcome.total.failed += tally.failed
      outcome.total.memory = max(outcome.total.memory, tally.memory)
      next = tally.next
      guard let end else { continue }
      switch end {
      case "hang": outcome.hangs += 1
      case "memory": outcome.bloats += 1
      default: outcome.crashes += 1
      }
      if outcome.crashes + outcome.hangs + outcome.bloats <= Self.greatestKept {
        try FileManager.default.createDirectory(at: keep, withIntermediateDirectories: true)
        let kept = keep.appendingPathComponent("\(kind)-\(end)-\(seed)-\(next)-\(reader.fileName)")
        try inputs.input(next).write(to: kept)
        say("\(kind): input \(next): \(end), kept as \(kept.path)")
      }
      next += 1
    }
    outcome.seconds = (ContinuousClock.now - start) / .seconds(1)
    return outcome
  }

  /// Has a child read some inputs; `end` says how it died, if it did.
  private func child(first: Int, count: Int, _ folder: URL) throws -> (tally: Tally, end: String?) {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
    process.arguments = ["--worker", kind, "\(first)", "\(count)", "\(seed)", folder.path]
    // New memory is filled with rubbish, so that who reads it before writing it is found out. A child that dies is counted,
    // not explained.
    process.environment = ProcessInfo.processInfo.environment.merging(
      ["MALLOC_PERTURB_": "165", "SWIFT_BACKTRACE": "enable=no"]) { $1 }
    let tallyFile = folder.appendingPathComponent("tally").path
    try? FileManager.default.removeItem(atPath: tallyFile)
    try process.run()
    process.waitUntilExit()
    guard let tally = Tally.read(tallyFile) else { throw Usage("the worker for \(kind) did not start") }
    if process.terminationReason == .exit {
      if process.terminationStatus == 0 { return (tally, nil) }
      return (tally, process.terminationStatus == Worker.memoryCode ? "memory" : "crash")
    }
    return (tally, [SIGPROF, SIGALRM].contains(process.terminationStatus) ? "hang" : "crash")
  }
}
