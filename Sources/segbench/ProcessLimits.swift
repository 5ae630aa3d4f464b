// Nothing of it is called: it takes the C library's place.
import Allocation
import Experiments
import Files
import Foundation
import Tensors

/// What the process may have, looked at before a command computes: a limit met in the midst of the work ends in a hang or a
/// trap of some library, hours later perhaps.
enum ProcessLimits {
  /// The commands that compute.
  private static let computing: Set = [
    "run", "prepare", "calibrate", "pretrain", "probe", "figure", "predict", "evaluate", "features", "plan",
    "preprocess", "dataset phantom",
    "dataset import", "dataset verify", "dataset real-ct", "dataset curate", "archive replay",
  ]
  private static let leastStack = 1 << 20
  /// Beside what is mapped when the program starts: the threads' stacks and the smallest work.
  private static let leastAddresses = 1 << 30
  private static let leastFiles = 64
  /// Threads beside those that compute: of libdispatch, batches and checksums.
  private static var otherThreads: Int { 4 + min(64, ProcessInfo.processInfo.activeProcessorCount) }

  /// - Throws: `UsageError` for settings of the environment that are nonsense, `LimitError` for a limit too low to compute
  ///   within.
  static func require(for command: String) throws {
    guard computing.contains(command) else { return }
    try ThreadSettings.require()
    if let stack = limit(RLIMIT_STACK), stack < leastStack {
      throw LimitError(
        "the stack may grow to \(stack >> 10) KiB (ulimit -s), and computing takes \(leastStack >> 10); ulimit -s 8192 is "
          + "usual")
    }
    if let addresses = limit(RLIMIT_AS) {
      let least = MachineMemory.mappedBytes + leastAddresses
      guard addresses >= least else {
        throw LimitError(
          "the process may map \(addresses >> 10) KiB of memory (ulimit -v), and computing takes \(least >> 10) at least; "
            + "ulimit -v unlimited is usual")
      }
    }
    raiseFiles()
    if let files = limit(RLIMIT_NOFILE), files < leastFiles {
      throw LimitError(
        "the process may have \(files) files open (ulimit -n), and computing takes \(leastFiles); ulimit -n 1024 is usual"
      )
    }
    // The engine's own and libgomp's, for OpenBLAS.
    try requireThreads(2 * Compute.threadCount + otherThreads)
    EngineMemory.limit(toBytes: MachineMemory.current().total)
    advice(for: command).give()
  }

  /// Of a command as a whole; the phases of a run give their own.
  private static func advice(for command: String) -> MemoryAdvice {
    switch command {
    case "pretrain": .pretraining
    case "predict": .options("a run with a smaller plan.configuration (2d_N) or network width, or a smaller image,")
    case "features", "figure": .options("a smaller --size or image, or an encoder of fewer parameters")
    case "evaluate", "dataset verify", "dataset import": .options("each scan is held whole: one of fewer voxels")
    case "prepare", "plan", "preprocess":
      .options("whole scans are held: a --configuration of larger voxels, or smaller scans,")
    case "dataset phantom": .options("a smaller --size")
    case "dataset curate": .curating
    default: .training
    }
  }

  /// Nil for a resource without a limit.
  private static func limit(_ resource: __rlimit_resource) -> Int? {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(resource.rawValue), &limit) == 0, limit.rlim_cur != rlim_t.max else {
      return nil
    }
    return Int(clamping: limit.rlim_cur)
  }

  /// Many systems let a process open more files than they do at first.
  private static func raiseFiles() {
    var limit = rlimit()
    let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
    guard getrlimit(resource, &limit) == 0, limit.rlim_cur < leastFiles else { return }
    limit.rlim_cur = min(limit.rlim_max, 1024)
    setrlimit(resource, &limit)
  }

  /// Starts as many threads at once as the work will have, and lets them end: libgomp and libdispatch wait forever for one
  /// that the system refuses.
  private static func requireThreads(_ count: Int) throws {
    let gate = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    defer { gate.deallocate() }
    pthread_mutex_init(gate, nil)
    defer { pthread_mutex_destroy(gate) }
    pthread_mutex_lock(gate)
    var threads: [pthread_t] = []
    var refusal: Int32 = 0
    while threads.count < count && refusal == 0 {
      var thread = pthread_t()
      refusal = pthread_create(
        &thread, nil,
        { context in
          let gate = context!.assumingMemoryBound(to: pthread_mutex_t.self)
          pthread_mutex_lock(gate)
          pthread_mutex_unlock(gate)
          return nil
        }, gate)
      if refusal == 0 { threads.append(thread) }
    }
    pthread_mutex_unlock(gate)
    for thread in threads { pthread_join(thread, nil) }
    guard refusal == 0 else {
      throw LimitError(
        "the system gave \(threads.count) threads (\(String(cString: strerror(refusal)))), and computing takes \(count); "
          + "raise ulimit -u, ulimit -v or the container's limit of processes, or set OMP_NUM_THREADS to fewer")
    }
  }
}

/// A limit of this process that is too low to compute within. The machine's, not a mistake in what was asked: exit code 1.
struct LimitError: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) { self.description = description }
}

/// The environment's settings of threads. The libraries that read them say nothing, or something of their own, and go on with
/// others.
private enum ThreadSettings {
  private static let greatestCount = 4096

  /// - Throws: `UsageError` naming the variable.
  static func require() throws {
    for name in ["OMP_NUM_THREADS", "OMP_THREAD_LIMIT", "OPENBLAS_NUM_THREADS"] {
      // The first of them may be a list, a number for each level of nested teams.
      try require(name, is: "a number of threads from 1 to \(greatestCount)") { text in
        let parts = text.split(separator: ",", omittingEmptySubsequences: false)
        return (parts.count == 1 || name == "OMP_NUM_THREADS")
          && parts.allSatisfy { Int($0.trimmingCharacters(in: .whitespaces)).map { 1...greatestCount ~= $0 } ?? false }
      }
    }
    try require("OMP_WAIT_POLICY", is: "active or passive") { ["active", "passive"].contains($0.lowercased()) }
    try require("GOMP_SPINCOUNT", is: "a number of turns from 0 on, or infinite") { text in
      ["infinite", "infinity"].contains(text.lowercased()) || isNumber(text, units: "kMGT")
    }
    try require("OMP_STACKSIZE", is: "a size such as 8M") { isNumber($0, units: "BKMGbkmg") }
  }

  private static func require(_ name: String, is right: String, _ isRight: (String) -> Bool) throws {
    guard let value = getenv(name) else { return }
    let text = String(cString: value).trimmingCharacters(in: .whitespaces)
    // Set to nothing is not set.
    guard text.isEmpty || isRight(text) else {
      throw UsageError("the environment's \(name) is \(quoted(text)); it must be \(right), or not set")
    }
  }

  private static func isNumber(_ text: String, units: String) -> Bool {
    let digits = text.last.map { units.contains($0) } == true ? text.dropLast() : text[...]
    return UInt64(digits.trimmingCharacters(in: .whitespaces)).map { $0 < 1 << 62 } ?? false
  }

  /// The user's text, short and without control characters.
  private static func quoted(_ text: String) -> String {
    let shown = String(text.unicodeScalars.prefix(40).map { $0.value < 0x20 || $0.value == 0x7F ? "?" : Character($0) })
    return "\"\(shown)\""
  }
}
