import Foundation

// Feeds mutated inputs to the readers of untrusted files, after those that once found something. The work is done in child
// processes: one that dies is counted and its input kept.
//
//     fuzz KIND...|all [--count N] [--seed S] [--keep FOLDER] [--rows FOLDER]
//     fuzz --worker KIND FIRST COUNT SEED FOLDER          (what it starts itself)
//
// --rows: where the row of each campaign goes for Tests/faults/report.sh.

let repository = URL(
  fileURLWithPath: ProcessInfo.processInfo.environment["SEGBENCH_HOME"] ?? FileManager.default.currentDirectoryPath)

/// Prints a line that is there at once, whoever reads it.
func say(_ line: String) { FileHandle.standardOutput.write(Data((line + "\n").utf8)) }

func main() throws {
  var words = Array(CommandLine.arguments.dropFirst())
  if words.first == "--worker", words.count == 6, let first = Int(words[2]), let count = Int(words[3]),
    let seed = UInt64(words[4])
  {
    return try Worker.work(
      words[1], first: first, count: count, seed: seed, repository: repository, folder: URL(fileURLWithPath: words[5]))
  }
  func value(_ option: String) throws -> String? {
    guard let index = words.firstIndex(of: option) else { return nil }
    guard index + 1 < words.count else { throw Usage("\(option) needs a value") }
    defer { words.removeSubrange(index...(index + 1)) }
    return words[index + 1]
  }
  func number<Number: FixedWidthInteger>(_ option: String, _ standard: Number) throws -> Number {
    guard let text = try value(option) else { return standard }
    guard let number = Number(text), number >= 0 else { throw Usage("\(option) needs a whole number, not \(text)") }
    return number
  }
  let count = try number("--count", 100_000)
  let seed = try number("--seed", UInt64(1))
  let keep = URL(fileURLWithPath: try value("--keep") ?? "fuzz-findings")
  let rows = try value("--rows").map { URL(fileURLWithPath: $0) }
  guard !words.isEmpty else { throw Usage("fuzz KIND...|all [--count N] [--seed S] [--keep FOLDER] [--rows FOLDER]") }
  var lost = 0
  for kind in words == ["all"] ? Reader.kinds : words {
    let outcome = try Campaign(kind: kind, count: count, seed: seed, repository: repository, keep: keep).run()
    say("\(kind): \(outcome.inputs) inputs: \(outcome.remark), \(Int(outcome.seconds)) s")
    lost += outcome.lost
    guard let rows else { continue }
    try FileManager.default.createDirectory(at: rows, withIntermediateDirectories: true)
    let row = "fuzz \(kind)|\(outcome.inputs)|\(outcome.lost)|\(Int(outcome.seconds))|\(outcome.remark)\n"
    try Data(row.utf8).write(to: rows.appendingPathComponent("fuzz-\(kind)"))
  }
  say("lost: \(lost)")
  if lost > 0 { exit(1) }
}

do { try main() } catch {
  say("fuzz: \(error)")
  exit(2)
}
