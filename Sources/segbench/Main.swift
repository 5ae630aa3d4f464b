import Experiments
import Files
import Foundation
import TorchBackend

@main
struct SegBench {
  static func main() {
    StandardDescriptors.open()
    // A closed pipe and a file that may not grow are errors of the call that met them, not the end of the process.
    signal(SIGPIPE, SIG_IGN)
    signal(SIGXFSZ, SIG_IGN)
    let words = Array(CommandLine.arguments.dropFirst())
    Interruption.install()
    do {
      try requireText()
      Console.speak(of: GivenPaths(words))
      try run(words)
      try StandardOutput.flush()
    } catch let error as InputError {
      Console.fail(onOneLine(words, in: error.description).visibleLines)
      exit(2)
    } catch is CancellationError {
      Console.fail(Interruption.farewellText)
      exit(Interruption.exitCode)
    } catch {
      Console.fail(onOneLine(words, in: errorText(error)).visibleLines)
      exit(1)
    }
  }

  private static func run(_ words: [String]) throws {
    let common = Command.commonOptions.map(\.name)
    // Before the command they mean what they mean behind it.
    let leading = Array(words.prefix { common.contains($0) })
    let words = Array(words.dropFirst(leading.count))
    switch words.first {
    case nil, "--help", "-h": return print(Help.overview)
    case "--version": return print("segbench \(engineVersion)")
    case "help":
      let name = words.dropFirst().joined(separator: " ")
      return print(name.isEmpty ? Help.overview : try Help.text(of: name))
    case let first?: try run(first, Array(words.dropFirst()), leading)
    }
  }

  private static func run(_ name: String, _ rest: [String], _ leading: [String]) throws {
    // Commands of two words, such as "dataset phantom", come before those of one.
    let candidates = rest.first.map { ["\(name) \($0)", name] } ?? [name]
    for candidate in candidates {
      guard let command = commands.first(where: { $0.name == candidate }) else { continue }
      let words = candidate == name ? rest : Array(rest.dropFirst())
      guard !words.contains("--help"), !words.contains("-h") else { return print(command.help) }
      let arguments = try Arguments(leading + words, for: command)
      Console.loudness = try Command.loudness(arguments)
      try ProcessLimits.require(for: command.name)
      guard command.usesDevice else { return try command.run(arguments) }
      return try DeviceChoice(arguments).open()({ try command.run(arguments) })
    }
    let family = Help.group(name)
    if !family.isEmpty {
      guard rest != ["--help"], rest != ["-h"] else { return print(try Help.text(of: name)) }
      throw UsageError(
        "segbench \(name) needs one of: \(family.map { $0.name.dropFirst(name.count + 1) }.joined(separator: ", "))")
    }
    throw Help.unknown(name)
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
}

/// Every command, in the order of the help.
let commands: [Command] = [
  runCommand, prepareCommand, submitCommand, calibrateCommand, reportCommand, compareCommand, figureCommand,
  explainCommand, referenceCommand, statusCommand, newStudyCommand, newRecipeCommand, newNetworkCommand,
  pretrainCommand,
  probeCommand, datasetPhantomCommand, datasetImportCommand, datasetVerifyCommand, datasetRealCTCommand,
  datasetCurateCommand, planCommand, preprocessCommand, predictCommand, evaluateCommand, featuresCommand,
  weightsInspectCommand, weightsConvertCommand, weightsUnpackCommand, archivePackCommand, archiveVerifyCommand,
  archiveReplayCommand, studyRowsCommand,
  archiveUnpackCommand, exportTensorBoardCommand, exportMLflowCommand, exportONNXCommand, exportNNUNetCommand,
  doctorCommand,
  completionsCommand, manCommand,
]
