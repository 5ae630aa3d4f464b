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
    ReadingProcess.readWeights()
    do {
      try run(words)
      try StandardOutput.flush()
    } catch let error as InputError {
      write("segbench: \(error.description.visibleLines)\n")
      exit(2)
    } catch is CancellationError {
      write("segbench: interrupted; the same command goes on from here\n")
      exit(Interruption.exitCode)
    } catch {
      write("segbench: \(describe(error).visibleLines)\n")
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
