import Confinement
import Files
import Foundation
import Networks
import Synchronization

/// A process of this program's own in which libhdf5 reads a file from elsewhere. A seal shows damage, not ill will: a file
/// made to harm may kill that process, and nothing else.
enum ReadingProcess {
  /// Runs a command of this program on a file and returns what it printed.
  /// - Throws: `UsageError` with the command's own sentence, or saying that the file killed it; `MachineFailure` when the
  ///   machine and not the file was at fault.
  static func run(_ arguments: [String], on file: URL) throws -> String {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
    process.arguments = arguments
    let output = Pipe()
    process.standardOutput = output
    // Into a file: a pipe that nobody empties while the other is read would stop a process that complains at length. It has
    // no name any more, so that nothing is left of it.
    let name = FileManager.default.temporaryDirectory.appendingPathComponent("segbench-\(UUID().uuidString)")
    let descriptor = open(name.path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw FileError.ofWriting(name) }
    unlink(name.path)
    let complaints = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
    process.standardError = complaints
    try Cancellation.check()
    try process.run()
    Cancellation.child.store(process.processIdentifier, ordering: .relaxed)
    // Asked for between the two.
    if Cancellation.isRequested { kill(process.processIdentifier, SIGKILL) }
    // Its own limits are the file's to lift, should the file have taken it over.
    let isLate = Atomic(false)
    let patience = DispatchWorkItem { [identifier = process.processIdentifier] in
      isLate.store(true, ordering: .relaxed)
      kill(identifier, SIGKILL)
    }
    DispatchQueue(label: "limit of time", qos: .userInteractive).asyncAfter(
      deadline: .now() + .seconds(2 * secondsOfComputing(for: file) + 15), execute: patience)
    let answer = try output.fileHandleForReading.read(upToCount: longestAnswer + 1) ?? Data()
    if answer.count > longestAnswer { kill(process.processIdentifier, SIGKILL) }
    process.waitUntilExit()
    patience.cancel()
    Cancellation.child.store(0, ordering: .relaxed)
    try Cancellation.check()
    guard answer.count <= longestAnswer else {
      throw UsageError("\(file.path): the process that read it answered at length: it is made to harm")
    }
    let words = String(decoding: answer, as: UTF8.self)
    try complaints.seek(toOffset: 0)
    let complaint = String(decoding: try complaints.read(upToCount: 1 << 16) ?? Data(), as: UTF8.self)
      .trimmingCharacters(in: .whitespacesAndNewlines)
    let sentence = complaint.hasPrefix("segbench: ") ? String(complaint.dropFirst(10)) : complaint
    guard process.terminationReason == .exit else {
      let signal = process.terminationStatus
      throw UsageError(
        isLate.load(ordering: .relaxed) || [SIGALRM, SIGXCPU].contains(signal)
          ? "\(file.path): reading it took longer than a file of its length can take: it is made to harm; nothing of it was used"
          : "\(file.path): reading it killed the process that did (signal \(signal)): it is damaged or made to harm; "
            + "nothing of it was used")
    }
    switch process.terminationStatus {
    case 0: return words
    case 1: throw MachineFailure(description: sentence)
    default: throw UsageError(sentence)
    }
  }

  /// A minute, and a second for each MiB.
  private static func secondsOfComputing(for file: URL) -> Int { 60 + ((try? fileSize(file)) ?? 0) >> 20 }

  /// Bytes of what it prints: a few names.
  private static let longestAnswer = 1 << 20

  /// What the machine could not do for a file that may be sound: exit code 1.
  struct MachineFailure: Error, CustomStringConvertible {
    let description: String
  }

  /// Bounds this process, which is such a one: time and memory by the file's size, the files that it may reach, and what it
  /// may ask of the kernel.
  /// - Parameter folder: the one below which it writes; it must be there.
  static func limit(for file: URL, writingBelow folder: URL) {
    let size = rlim_t((try? fileSize(file)) ?? 0)
    let seconds = rlim_t(secondsOfComputing(for: file))
    // By the processor's clock, and twice that by the wall's; 16 GiB of addresses, most of them never
    // used, and eight times the file.
    for (resource, bound) in [
      (RLIMIT_CPU, seconds), (RLIMIT_AS, 16 << 30 + 8 * size), (RLIMIT_FSIZE, 64 << 20 + 4 * size), (RLIMIT_NOFILE, 64),
      (RLIMIT_CORE, 0),
    ] {
      var limit = rlimit(rlim_cur: bound, rlim_max: bound)
      setrlimit(__rlimit_resource_t(resource.rawValue), &limit)
    }
    signal(SIGALRM, SIG_DFL)
    alarm(UInt32(clamping: 2 * seconds))
    confinement_enter(file.path, folder.path)
  }

  /// Has HDF5 files of weights read by `weights unpack`.
  static let weights = HDF5WeightReader { url in
    let scratch = try ScratchFolder()
    let copy = scratch.url.appendingPathComponent("weights.safetensors")
    _ = try run(["weights", "unpack", url.path, copy.path], on: url)
    // The copy is mapped, and stays readable when its name is gone.
    return try withExtendedLifetime(scratch) { (try Safetensors.read(copy), try Safetensors.readMetadata(copy)) }
  }
}

/// What `ReadingProcess.weights` starts: in this process libhdf5 reads the file itself.
let weightsUnpackCommand = Command(
  name: "weights unpack", summary: "Write what an HDF5 file of weights holds as safetensors, names and all",
  operands: "FILE OUTPUT", example: "segbench weights unpack encoder.h5 encoder.safetensors",
  positionalCount: 2...2, options: []
) { arguments in
  let file = URL(fileURLWithPath: arguments.positionals[0])
  let output = URL(fileURLWithPath: arguments.positionals[1])
  ReadingProcess.limit(for: file, writingBelow: output.deletingLastPathComponent())
  let weights = try WeightFile(contentsOf: file, hdf5: .inThisProcess)
  try Safetensors.write(weights.tensors, metadata: weights.scalars, to: output)
}
