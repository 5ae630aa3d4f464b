import Experiments
import Files
import Foundation

/// Manual pages from the commands' declarations.
enum ManPages {
  /// Every page by its file's name: `segbench.1` and one a command, `segbench-dataset-import.1`.
  static var all: [(name: String, text: String)] {
    [("segbench.1", overview)] + commands.map { (title($0) + ".1", page($0)) }
  }

  private static func title(_ command: Command) -> String { "segbench-" + command.name.replacing(" ", with: "-") }

  static var overview: String {
    var lines = head("segbench", "check a paper's tables instead of believing them")
    lines += [".SH SYNOPSIS", ".B segbench", escaped("COMMAND ..."), ".SH COMMANDS"]
    for command in commands { lines += [".TP", ".BR \(escaped(title(command))) (1)", escaped(command.summary)] }
    lines += [".SH OPTIONS OF EVERY COMMAND"]
    for option in Command.commonOptions { lines += [".TP", ".B \(escaped(option.title))", escaped(option.help)] }
    lines += [".SH ENVIRONMENT"]
    for setting in EnvironmentSetting.all { lines += [".TP", ".B \(escaped(setting.name))", escaped(setting.meaning)] }
    lines += [
      ".SH EXIT STATUS", ".TP", ".B 0", "done", ".TP", ".B 1", "the machine failed, or results differ", ".TP", ".B 2",
      escaped("what was asked for is wrong: the message says what and where"), ".TP", ".B 130, 143",
      escaped("stopped by Ctrl-C or SIGTERM"),
    ]
    return lines.joined(separator: "\n") + "\n"
  }

  static func page(_ command: Command) -> String {
    var lines = head(title(command), command.summary)
    lines += [".SH SYNOPSIS", ".B segbench \(escaped(command.name))"]
    let words = command.usage.dropFirst(command.name.count)
    if !words.isEmpty { lines.append(escaped(String(words.dropFirst()))) }
    if !command.notes.isEmpty { lines += [".SH DESCRIPTION"] + command.notes.map(escaped) }
    if !command.options.isEmpty { lines.append(".SH OPTIONS") }
    for option in command.options {
      let choices = option.choices.isEmpty ? "" : " (one of \(option.choices.joined(separator: ", ")))"
      lines += [".TP", ".B \(escaped(option.title))", escaped(option.help + choices)]
    }
    lines += [".SH EXAMPLE", ".nf", escaped(command.example), ".fi", ".SH SEE ALSO", ".BR segbench (1)"]
    return lines.joined(separator: "\n") + "\n"
  }

  private static func head(_ title: String, _ summary: String) -> [String] {
    [
      ".TH \(title.uppercased().replacing("-", with: "\\-")) 1 \"\" \"segbench \(engineVersion)\" \"SegBench\"",
      ".SH NAME", "\(escaped(title)) \\- \(escaped(summary))",
    ]
  }

  /// A text that roff takes as it is.
  private static func escaped(_ text: String) -> String {
    let text = text.replacing("\\", with: "\\e").replacing("-", with: "\\-").replacing("'", with: "\\(aq")
    return text.hasPrefix(".") ? "\\&" + text : text
  }
}

let manCommand = Command(
  name: "man", summary: "Print a manual page, or write all of them into a folder",
  operands: "[COMMAND...]", example: "segbench man --output ~/.local/share/man/man1", positionalCount: 0...2,
  options: [OptionSpecification("--output", "DIRECTORY", help: "Write every page there, segbench.1 and one a command")]
) { arguments in
  let name = arguments.positionals.joined(separator: " ")
  guard let output = arguments.value("--output") else {
    guard !name.isEmpty else { return print(ManPages.overview, terminator: "") }
    guard let command = commands.first(where: { $0.name == name }) else { throw Help.unknown(name) }
    return print(ManPages.page(command), terminator: "")
  }
  guard name.isEmpty else { throw UsageError("--output writes every page: leave \"\(name)\" out") }
  let folder = URL(fileURLWithPath: output, isDirectory: true)
  try makeFolder(folder)
  for page in ManPages.all { try AtomicFile.write(Data(page.text.utf8), to: folder.appendingPathComponent(page.name)) }
  print(folder.path)
}
