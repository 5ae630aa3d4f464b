import Experiments
import Files
import Foundation

/// What a child has done so far, in a file that outlives it.
struct Tally {
  /// The input at work; below 0 one of the kept inputs (`Reader.kept`).
  var next = 0
  var accepted = 0
  var refused = 0
  /// Errors that are no `InputError`: a user would be told that we failed.
  var failed = 0
  /// KiB.
  var memory = 0

  func write(to descriptor: Int32) {
    withUnsafeBytes(of: self) { _ = pwrite(descriptor, $0.baseAddress, $0.count, 0) }
  }

  static func read(_ path: String) -> Tally? {
    guard let data = FileManager.default.contents(atPath: path), data.count == MemoryLayout<Tally>.size else {
      return nil
    }
    return data.withUnsafeBytes { $0.loadUnaligned(as: Tally.self) }
  }
}

/// Reads many inputs in a process that may die of any of them.
enum Worker {
  /// The exit code of a child whose memory went over the bound.
  static let memoryCode: Int32 = 77
  /// Seconds of computing that one input may take.
  static let patience = 10
  /// Seconds by the clock after which an input that does not compute hangs. Long: a paused campaign (SIGSTOP) is none.
  private static let sleepPatience: UInt32 = 7200

  static func work(_ kind: String, first: Int, count: Int, seed: UInt64, repository: URL, folder: URL) throws {
    let scratch = folder.appendingPathComponent("worker")
    try FileManager.default.createDirectory(at: scratch, withIntermediateDirectories: true)
    let reader = try Reader.named(kind, repository: repository, folder: scratch)
    let inputs = Inputs(reader, seed: seed)
    let input = scratch.appendingPathComponent(reader.fileName)
    let descriptor = open(folder.appendingPathComponent("tally").path, O_WRONLY | O_CREAT, 0o644)
    var tally = Tally()
    var limit = rlimit(rlim_cur: 16 << 30, rlim_max: 16 << 30)
    setrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit)
    for index in first..<(first + count) {
      tally.next = index
      tally.write(to: descriptor)
      try inputs.input(index).write(to: input)
      setPatience(patience)
      do {
        try reader.read(input)
        tally.accepted += 1
      } catch is any InputError {
        tally.refused += 1
      } catch {
        tally.failed += 1
        say("\(kind): input \(index): \(error)")
      }
      setPatience(0)
      var usage = rusage()
      getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
      tally.memory = usage.ru_maxrss
      if tally.memory > reader.memory << 10 {
        tally.write(to: descriptor)
        exit(memoryCode)
      }
    }
    tally.next = first + count
    tally.write(to: descriptor)
  }

  /// Ends this process by SIGPROF after so many seconds of computing, or by SIGALRM after long sleep; 0 for never.
  private static func setPatience(_ seconds: Int) {
    var timer = itimerval()
    timer.it_value.tv_sec = seconds
    setitimer(__itimer_which_t(ITIMER_PROF.rawValue), &timer, nil)
    alarm(seconds == 0 ? 0 : sleepPatience)
  }
}

/// A campaign's inputs by number: those that found something once below 0, the mutated ones from 0.
struct Inputs {
  private let reader: Reader
  private let mutator: Mutator

  init(_ reader: Reader, seed: UInt64) {
    self.reader = reader
    mutator = Mutator(seed: seed, kind: reader.kind, corpus: reader.corpus, dictionary: reader.dictionary)
  }

  func input(_ index: Int) -> Data {
    index < 0 ? reader.kept[-1 - index] : reader.finish(mutator.input(index))
  }
}
