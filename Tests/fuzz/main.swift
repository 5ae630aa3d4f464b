import Files
import Foundation

// Feeds mutated inputs to the readers of untrusted files. The work is done in child processes: one that dies is counted and
// its input kept.
//
//     fuzz KIND...|all [--count N] [--seed S] [--keep FOLDER]
//     fuzz --worker KIND FIRST COUNT SEED FOLDER          (what it starts itself)

/// What a child has done so far, in a file that outlives it.
struct Tally {
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

/// The exit code of a child whose memory went over the bound.
let memoryCode: Int32 = 77
/// Seconds that one input may take.
let patience: UInt32 = 10

let repository = URL(
  fileURLWithPath: ProcessInfo.processInfo.environment["SEGBENCH_HOME"] ?? FileManager.default.currentDirectoryPath)

func work(_ kind: String, first: Int, count: Int, seed: UInt64, folder: URL) throws {
  let scratch = folder.appendingPathComponent("worker")
  try FileManager.default.createDirectory(at: scratch, withIntermediateDirectories: true)
  let reader = try Reader.named(kind, repository: repository, folder: scratch)
  let mutator = Mutator(seed: seed, kind: kind, corpus: reader.corpus, dictionary: reader.dictionary)
  let input = scratch.appendingPathComponent(reader.fileName)
  let descriptor = open(folder.appendingPathComponent("tally").path, O_WRONLY | O_CREAT, 0o644)
  var tally = Tally()
  var limit = rlimit(rlim_cur: 16 << 30, rlim_max: 16 << 30)
  setrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit)
  for index in first..<(first + count) {
    tally.next = index
    tally.write(to: descriptor)
    let data = mutator.input(index)
    try data.write(to: input)
    alarm(patience)
    do {
      try reader.read(input)
      tally.accepted += 1
    } catch is any InputError {
      tally.refused += 1
    } catch {
      tally.failed += 1
      print("input \(index): \(error)")
    }
    alarm(0)
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

/// Runs one reader's campaign and returns how many inputs killed, hung or bloated it.
func campaign(_ kind: String, count: Int, seed: UInt64, keep: URL) throws -> Int {
  let shared = URL(fileURLWithPath: FileManager.default.fileExists(atPath: "/dev/shm") ? "/dev/shm" : "/tmp")
  let folder = shared.appendingPathComponent("segbench-fuzz-\(getpid())-\(kind)")
  try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(at: folder) }
  let start = ContinuousClock.now
  var total = Tally()
  var (crashes, hangs, bloats) = (0, 0, 0)
  let batch = 5000
  while total.next < count {
    let child = Process()
    child.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
    child.arguments = [
      "--worker", kind, "\(total.next)", "\(min(batch, count - total.next))", "\(seed)", folder.path,
    ]
    let tallyFile = folder.appendingPathComponent("tally").path
    try? FileManager.default.removeItem(atPath: tallyFile)
    try child.run()
    child.waitUntilExit()
    guard let tally = Tally.read(tallyFile) else { throw Usage("the worker for \(kind) did not start") }
    total.accepted += tally.accepted
    total.refused += tally.refused
    total.failed += tally.failed
    total.memory = max(total.memory, tally.memory)
    total.next = tally.next
    if child.terminationReason == .exit && child.terminationStatus == 0 { continue }
    let signal = child.terminationReason == .uncaughtSignal ? child.terminationStatus : 0
    let what = signal == SIGALRM ? "hang" : signal == 0 && child.terminationStatus == memoryCode ? "memory" : "crash"
    switch what {
    case "hang": hangs += 1
    case "memory": bloats += 1
    default: crashes += 1
    }
    let reader = try Reader.named(kind, repository: repository, folder: folder)
    let data = Mutator(seed: seed, kind: kind, corpus: reader.corpus, dictionary: reader.dictionary).input(total.next)
    try FileManager.default.createDirectory(at: keep, withIntermediateDirectories: true)
    let kept = keep.appendingPathComponent("\(kind)-\(what)-\(seed)-\(total.next)-\(reader.fileName)")
    try data.write(to: kept)
    print("\(kind): input \(total.next): \(what), kept as \(kept.path)")
    total.next += 1
  }
  let seconds = (ContinuousClock.now - start) / .seconds(1)
  print(
    "\(kind): \(count) inputs, \(total.accepted) accepted, \(total.refused) refused, \(total.failed) failed otherwise; "
      + "\(crashes) crashes, \(hangs) hangs, \(bloats) over the memory bound; at most \(total.memory >> 10) MiB, "
      + String(format: "%.0f s", seconds))
  return crashes + hangs + bloats + total.failed
}

func main() throws {
  var words = Array(CommandLine.arguments.dropFirst())
  if words.first == "--worker", words.count == 6, let first = Int(words[2]), let count = Int(words[3]),
    let seed = UInt64(words[4])
  {
    return try work(words[1], first: first, count: count, seed: seed, folder: URL(fileURLWithPath: words[5]))
  }
  var (count, seed, keep) = (100_000, UInt64(1), "fuzz-findings")
  func value(_ option: String) throws -> String? {
    guard let index = words.firstIndex(of: option) else { return nil }
    guard index + 1 < words.count else { throw Usage("\(option) wants a value") }
    defer { words.removeSubrange(index...(index + 1)) }
    return words[index + 1]
  }
  if let text = try value("--count") { count = Int(text) ?? count }
  if let text = try value("--seed") { seed = UInt64(text) ?? seed }
  if let text = try value("--keep") { keep = text }
  guard !words.isEmpty else { throw Usage("fuzz KIND...|all [--count N] [--seed S] [--keep FOLDER]") }
  var lost = 0
  for kind in words == ["all"] ? Reader.kinds : words {
    lost += try campaign(kind, count: count, seed: seed, keep: URL(fileURLWithPath: keep))
  }
  print("lost: \(lost)")
  if lost > 0 { exit(1) }
}

do { try main() } catch {
  print("fuzz: \(error)")
  exit(2)
}
