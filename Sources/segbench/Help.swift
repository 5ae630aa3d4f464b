import Files
import Recipes

/// What `segbench help` says, from the commands' declarations.
enum Help {
  /// Every command with its summary.
  static var overview: String {
    """
    SegBench: a reproducible benchmark harness for 2D medical image segmentation.

    usage: segbench COMMAND ...      segbench help COMMAND|GROUP|environment      segbench --version

    \(list(commands))

    Every command takes --quiet or --verbose. Datasets and weights that cannot be shipped are looked for under SEGBENCH_DATA.
    """
  }

  /// The help of a command, of a group of commands such as "dataset", or of the environment's settings.
  /// - Throws: `UsageError` for other words.
  static func text(of name: String) throws -> String {
    if let command = commands.first(where: { $0.name == name }) { return command.help }
    if name == "environment" { return environment }
    let family = group(name)
    guard !family.isEmpty else { throw unknown(name) }
    return "usage: segbench \(name) COMMAND ...      segbench help \(name) COMMAND\n\n" + list(family)
  }

  /// The commands whose first word it is.
  static func group(_ name: String) -> [Command] { commands.filter { $0.name.hasPrefix(name + " ") } }

  static func unknown(_ name: String) -> UsageError {
    let nearest = nearestName(to: name, among: commands.map(\.name))
    return UsageError(
      "there is no command \"\(name)\"" + (nearest.map { "; did you mean \($0)?" } ?? "")
        + " (segbench help lists them)")
  }

  private static var environment: String {
    let width = EnvironmentSetting.all.map(\.name.count).max()!
    let lines = EnvironmentSetting.all.map { setting in
      "  " + setting.name.padding(toLength: width + 2, withPad: " ", startingAt: 0) + setting.meaning
    }
    return "What segbench reads from the environment:\n\n" + lines.joined(separator: "\n")
  }

  private static func list(_ commands: [Command]) -> String {
    let width = commands.map(\.name.count).max()!
    return commands.map { "  " + $0.name.padding(toLength: width + 2, withPad: " ", startingAt: 0) + $0.summary }
      .joined(separator: "\n")
  }
}

/// A variable of the environment that changes what the program does.
struct EnvironmentSetting {
  let name: String
  let meaning: String

  static let all = [
    EnvironmentSetting(
      name: "SEGBENCH_HOME",
      meaning: "The folder with Recipes, where runs, prepared data and phantoms are kept (the working directory)"),
    EnvironmentSetting(
      name: "SEGBENCH_DATA",
      meaning: "The folder of your datasets and weights, which recipes name by paths below it (none)"),
    EnvironmentSetting(
      name: "SEGBENCH_DEVICE", meaning: "Where to compute: cpu, torch, cuda or cuda:N, as --device says it (cpu)"),
    EnvironmentSetting(
      name: "SEGBENCH_TORCH_PLUGIN",
      meaning: "The folder of PyTorch's plugin that make torch-plugin printed (the newest in the user's cache)"),
    EnvironmentSetting(
      name: "OMP_NUM_THREADS", meaning: "How many threads compute; results don't depend on it (one a core)"),
    EnvironmentSetting(name: "TMPDIR", meaning: "Where archives and predictions are unpacked for a while (/tmp)"),
    EnvironmentSetting(name: "NO_COLOR", meaning: "Set to anything: no colour on terminals"),
  ]
}
