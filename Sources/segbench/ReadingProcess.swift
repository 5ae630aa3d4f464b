import Files
import Foundation
import Networks

/// A process of this program's own in which libhdf5 reads a file from elsewhere. A seal shows damage, not ill will: a file
/// made to harm may kill that process, and nothing else.
enum ReadingProcess {
  /// Runs a command of this program on a file and returns what it printed.
  /// - Throws: `UsageError` with the command's own sentence, or saying that the file killed it.
  static func run(_ arguments: [String], on file: URL) throws -> String {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
    process.arguments = arguments
    let output = Pipe()
    process.standardOutput = output
    // Into a file: a pipe that nobody empties while the other is read would stop a process that complains at length.
    let complaints = FileManager.default.temporaryDirectory.appendingPathComponent("segbench-\(UUID().uuidString)")
    try AtomicFile.write(Data(), to: complaints)
    defer { try? FileManager.default.removeItem(at: complaints) }
    let errors = try FileHandle(forWritingTo: complaints)
    process.standardError = errors
    try process.run()
    let words = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    try errors.close()
    let complaint = String(decoding: try Data(contentsOf: complaints), as: UTF8.self)
    guard process.terminationReason == .exit else {
      throw UsageError(
        "\(file.path): reading it killed the process that did (signal \(process.terminationStatus)): it is damaged or "
          + "made to harm; nothing of it was used")
    }
    guard process.terminationStatus == 0 else {
      let sentence = complaint.trimmingCharacters(in: .whitespacesAndNewlines)
      throw UsageError(sentence.hasPrefix("segbench: ") ? String(sentence.dropFirst(10)) : sentence)
    }
    return words
  }

  /// Bounds this process, which is such a one: computing time and memory by the file's size.
  static func limit(for file: URL) {
    let size = rlim_t((try? fileSize(file)) ?? 0)
    // A minute and a second for each MiB; 16 GiB of addresses, most of them never used, and eight times the file.
    for (resource, bound) in [(RLIMIT_CPU, 60 + size >> 20), (RLIMIT_AS, 16 << 30 + 8 * size)] {
      var limit = rlimit(rlim_cur: bound, rlim_max: bound)
      setrlimit(__rlimit_resource_t(resource.rawValue), &limit)
    }
  }

  /// Has HDF5 files of weights read by `weights unpack` from now on.
  static func readWeights() {
    WeightFile.hdf5Reader.withLock { reader in
      reader = { url in
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
          "segbench-weights-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        try makeFolder(folder)
        let copy = folder.appendingPathComponent("weights.safetensors")
        _ = try run(["weights", "unpack", url.path, copy.path], on: url)
        return (try Safetensors.read(copy), try Safetensors.readMetadata(copy))
      }
    }
  }
}

/// What `readWeights` starts: in this process libhdf5 reads the file itself.
let weightsUnpackCommand = Command(
  name: "weights unpack", summary: "Write what an HDF5 file of weights holds as safetensors, names and all",
  operands: "FILE OUTPUT", example: "segbench weights unpack encoder.h5 encoder.safetensors",
  positionalCount: 2...2, options: []
) { arguments in
  let file = URL(fileURLWithPath: arguments.positionals[0])
  ReadingProcess.limit(for: file)
  let weights = try WeightFile(contentsOf: file, inThisProcess: true)
  try Safetensors.write(weights.tensors, metadata: weights.scalars, to: URL(fileURLWithPath: arguments.positionals[1]))
}
