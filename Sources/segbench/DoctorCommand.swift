import Experiments
import Foundation

let doctorCommand = Command(
  name: "doctor", summary: "Show libraries, instruction set, threads, memory, and the data found",
  operands: "", example: "segbench doctor", positionalCount: 0...0,
  options: [OptionSpecification("--json", help: "Print JSON")]
) { arguments in
  let report = try Doctor.examine()
  if arguments.flag("--json") { return try printJSON(report) }
  for (name, value) in report.lines { print("\(name.padding(toLength: 16, withPad: " ", startingAt: 0))\(value)") }
  for line in report.data.lines { print(line) }
  for warning in report.warnings { print("warning: \(warning)") }
}

/// Prints a value as JSON, its keys sorted.
func printJSON(_ value: some Encodable) throws {
  let encoder = JSONEncoder()
  encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
  print(String(decoding: try encoder.encode(value), as: UTF8.self))
}
