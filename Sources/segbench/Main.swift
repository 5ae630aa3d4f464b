import Files
import Foundation

@main
struct SegBench {
  static func main() {
    StandardDescriptors.open()
    WaitingThreads.keepShort()
    // A closed pipe and a file that may not grow are errors of the call that met them, not the end of the process.
    signal(SIGPIPE, SIG_IGN)
    signal(SIGXFSZ, SIG_IGN)
    let words = Array(CommandLine.arguments.dropFirst())
    Interruption.install()
    do {
      try requireText()
      try run(words)
      try StandardOutput.flush()
    } catch let error as InputError {
      write("segbench: \(onOneLine(words, in: error.description).visibleLines)\n")
      exit(2)
    } catch is CancellationError {
      write("\(Interruption.farewell)")
      exit(Interruption.exitCode)
    } catch {
      write("segbench: \(onOneLine(words, in: describe(error)).visibleLines)\n")
      exit(1)
    }
  }

  private static func run(_ words: [String]) throws {
    guard let first = words.first, first != "help" || words.count > 1, first != "--help", first != "-h" else {
      print(overview)
      return
    }
    let (name, rest) =
      first == "help" ? (words[1...].joined(separator: " "), ["--help"]) : (first, Array(words.dropFirst()))
    // Commands of two words, such as "dataset phantom", come before those of one.
    let candidates = rest.first.map { ["\(name) \($0)", name] } ?? [name]
    for candidate in candidates {
      guard let command = commands.first(where: { $0.name == candidate }) else { continue }
      let words = candidate == name ? rest : Array(rest.dropFirst())
      if words.contains("--help") || words.contains("-h") {
        print(command.help)
      } else {
        let arguments = try Arguments(words, for: command)
        try ProcessLimits.require(for: command.name)
        try command.run(arguments)
      }
      return
    }
    let family = commands.filter { $0.name.hasPrefix(name + " ") }
    if !family.isEmpty {
      throw UsageError(
        "segbench \(name) wants one of: \(family.map { $0.name.dropFirst(name.count + 1) }.joined(separator: ", "))")
    }
    let nearest = nearestName(to: name, among: commands.map(\.name))
    throw UsageError(
      "there is no command \"\(name)\"" + (nearest.map { "; did you mean \($0)?" } ?? "")
        + " (segbench help lists them)")
  }

  /// - Throws: `UsageError` for words, settings and a folder at work that are not UTF-8: as texts they would name other files.
  private static func requireText() throws {
    func require(_ what: String, _ bytes: [UInt8]) throws {
      guard String(validating: bytes, as: UTF8.self) == nil else { return }
      throw UsageError(
        "\(what) \"\(String(visible: bytes))\" (other bytes than ASCII's are written \\xNN) is not UTF-8; "
          + "rename the file or folder so that its name is")
    }
    func bytes(_ text: UnsafePointer<CChar>) -> [UInt8] { (0..<strlen(text)).map { UInt8(bitPattern: text[$0]) } }
    for case let word? in UnsafeBufferPointer(start: CommandLine.unsafeArgv, count: Int(CommandLine.argc)) {
      try require("the word", bytes(word))
    }
    for name in ["SEGBENCH_DATA", "SEGBENCH_HOME", "TMPDIR"] {
      if let value = getenv(name) { try require("\(name)'s value", bytes(value)) }
    }
    if let folder = getcwd(nil, 0) {
      defer { free(folder) }
      try require("the folder at work", bytes(folder))
    }
  }

  /// A message in which names from the command line keep to one line.
  private static func onOneLine(_ words: [String], in message: String) -> String {
    words.reduce(message) { message, word in
      let visible = word.visible
      return visible == word ? message : message.replacingOccurrences(of: word, with: visible)
    }
  }

  private static var overview: String {
    let width = commands.map(\.name.count).max()!
    let lines = commands.map { "  " + $0.name.padding(toLength: width + 2, withPad: " ", startingAt: 0) + $0.summary }
    return """
      SegBench: a reproducible benchmark harness for 2D medical image segmentation.

      usage: segbench COMMAND ...      segbench help COMMAND

      \(lines.joined(separator: "\n"))

      Datasets and weights that cannot be shipped are looked for under SEGBENCH_DATA.
      """
  }
}

/// Every command, in the order of the help.
let commands: [Command] = [
  runCommand, reportCommand, compareCommand, figureCommand, explainCommand, statusCommand, pretrainCommand,
  probeCommand, datasetPhantomCommand, datasetImportCommand, datasetVerifyCommand, datasetRealCTCommand,
  datasetCurateCommand, planCommand, preprocessCommand, predictCommand, evaluateCommand, featuresCommand,
  weightsInspectCommand, weightsConvertCommand, weightsUnpackCommand, archivePackCommand, archiveVerifyCommand,
  archiveReplayCommand, studyRowsCommand,
  archiveUnpackCommand, doctorCommand,
]

/// An unexpected error in words: system errors say which file they were about.
private func describe(_ error: any Error) -> String {
  guard error is CocoaError || error is POSIXError else { return "\(error)" }
  let system = error as NSError
  let path = (system.userInfo[NSFilePathErrorKey] as? String) ?? (system.userInfo[NSURLErrorKey] as? URL)?.path
  return (path.map { $0 + ": " } ?? "") + system.localizedDescription
}
