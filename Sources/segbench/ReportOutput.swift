import Files
import Foundation
import Reporting

/// What becomes of a report: it is printed, and written where `--output` says, or compared with what is there (`--check`).
/// Every command that makes what `Results/` keeps has these options, and nothing else writes there.
enum ReportOutput {
  case print
  case write(URL, allowMissing: Bool)
  /// nil: the folder that results of the study and profile are committed in.
  case check(URL?)

  static let specifications = [
    OptionSpecification(
      "--output", "DIR", help: "Write the files into this folder (make's targets: Results/<profile>/<study>)"),
    OptionSpecification("--allow-missing", help: "With --output: write also where a result there is missing now"),
    OptionSpecification(
      "--check", "[DIR]", help: "Write nothing: compare with the files in a folder (Results/<profile>/<study>)"),
  ]

  /// What the help says of them.
  static let notes = [
    "Without --output nothing is written. A result that the folder has and the report lacks is never replaced unless",
    "--allow-missing is given: exit code 1 with the list of such cells. --check lists every cell, line and picture that",
    "differs, wall times and dates aside: exit code 1, or 0 when none does. Its DIR stands after the report's name.",
  ]

  /// - Throws: `UsageError` for options that contradict each other.
  init(_ arguments: Arguments) throws {
    let output = arguments.value("--output")
    let allowMissing = arguments.flag("--allow-missing")
    if let folder = arguments.value("--check") {
      guard output == nil, !allowMissing else {
        throw UsageError("--check writes nothing: leave \(output == nil ? "--allow-missing" : "--output") out")
      }
      self = .check(folder.isEmpty ? nil : URL(fileURLWithPath: folder, isDirectory: true))
    } else if let output {
      guard !output.isEmpty else { throw UsageError("--output needs a folder: --output DIR") }
      self = .write(URL(fileURLWithPath: output, isDirectory: true), allowMissing: allowMissing)
    } else {
      guard !allowMissing else { throw UsageError("--allow-missing has a meaning beside --output only") }
      self = .print
    }
  }

  /// Refuses a comparison with nothing, before anything is computed for it.
  /// - Parameter standard: where the results are committed.
  /// - Throws: `UsageError` for `--check` and a folder that is not there.
  func requireFolder(standard: URL) throws {
    guard case .check(let given) = self else { return }
    let folder = given ?? standard
    guard FileManager.default.fileExists(atPath: folder.path) else {
      throw UsageError("there is no folder \(folder.path) to compare with; --output writes one")
    }
  }

  /// - Parameters:
  ///   - standard: where the results are committed.
  ///   - files: makes the report's files; not called where they are only printed.
  ///   - printed: prints the report.
  /// - Throws: `LostResults`, `ResultsDiffer`, and what making, reading and writing files throws.
  func finish(standard: URL, files: () throws -> ReportFiles, printed: () -> Void) throws {
    switch self {
    case .print: printed()
    case .write(let folder, let allowMissing):
      let written = try files().write(to: folder, allowMissing: allowMissing)
      printed()
      Console.say("written: \(written.map(\.path).joined(separator: ", "))")
    case .check(let given):
      try requireFolder(standard: standard)
      let folder = given ?? standard
      let made = try files()
      let differences = try made.differences(from: folder)
      guard differences.isEmpty else {
        // The first of each file are enough to see what is wrong.
        let most = 40
        for path in differences.map(\.file).reduce(into: [String](), { if $0.last != $1 { $0.append($1) } }) {
          let own = differences.filter { $0.file == path }
          for difference in own.prefix(most) { Swift.print(difference) }
          if own.count > most { Swift.print("\(path): and \(own.count - most) more") }
        }
        throw ResultsDiffer(folder: folder.path, count: differences.count)
      }
      Swift.print(
        "\(folder.path) has what the report says now, wall times and dates aside: \(made.paths.joined(separator: ", "))"
      )
    }
  }
}

extension ReportOutput {
  /// Prints a page, or writes it into the folder of `--output`.
  /// - Throws: `UsageError` for `--check`: a page holds times and machines.
  func finish(page: () -> String, named name: String) throws {
    switch self {
    case .print: Swift.print(page(), terminator: "")
    case .write(let folder, _):
      try makeFolder(folder)
      let url = folder.appendingPathComponent(name)
      try AtomicFile.write(Data(page().utf8), to: url)
      Console.say("written: \(url.path)")
    case .check: throw UsageError("--check compares tables and figures; a page has nothing of its own to compare")
    }
  }
}

/// Committed results that differ from the report: exit code 1, since nothing was wrong with the command.
private struct ResultsDiffer: Error, CustomStringConvertible {
  let folder: String
  let count: Int
  var description: String {
    "\(count) cell\(count == 1 ? "" : "s") of the report differ\(count == 1 ? "s" : "") from \(folder)"
  }
}
