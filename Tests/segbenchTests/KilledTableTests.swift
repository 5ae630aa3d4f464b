import Foundation
import Testing

/// Table 1 with four trainings as short as they can be.
private let settings =
  ["--profile", "quick"]
  + ["training.steps_per_epoch=3", "training.epochs=2", "dataset.phantom.size=[48, 48, 8]"].flatMap { ["--set", $0] }

/// What was left of a making: the table without its wall times, and the digests of weights and predictions.
private func essence(_ home: URL) throws -> [String: String] {
  let report = try segbench(["report", "table1"] + settings, home: home)
  #expect(report.code == 0, "\(report.errors)")
  // Longer times make wider columns.
  let table = report.output.replacing(#/[0-9]+ (s|min [0-9]+ s|h [0-9]+ min) +\|/#, with: "TIME |")
    .replacing(#/ +/#, with: " ").replacing(#/-+/#, with: "-")
  return try digests(below: home) { $0.hasSuffix("weights.safetensors") || $0.contains("/predictions/") }
    .merging(["table": table]) { $1 }
}

/// The short form of Tests/faults/crashes.sh: killed by signal 9 at several moments, a table's making goes on from what is
/// on disk and ends in the same table, weights and predictions.
@Test func aTableWhoseMakingWasKilledIsTheSame() throws {
  func start(in home: URL) throws -> Process {
    let process = command(["run", "Recipes/meddinov3/table1.yaml"] + settings, home: home)
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    try process.run()
    return process
  }
  try withTemporaryHome { whole in
    try withTemporaryHome { killed in
      try kill(at: [0.15, 0.3, 0.45], of: start, in: killed, beside: whole)
      let expected = try essence(whole)
      // Four rows and the two pretrainings they start from, with predictions, and the table.
      #expect(expected.count > 8)
      try #expect(essence(killed) == expected)
      // The command's own comparison says so too, wall times aside, with curves and cases' sheets; and of an altered cell not.
      let results = whole.appendingPathComponent("results")
      let written = try segbench(["report", "table1", "--output", results.path] + settings, home: whole)
      #expect(written.code == 0, "\(written.errors)")
      #expect(
        try FileManager.default.contentsOfDirectory(atPath: results.appendingPathComponent("table1").path).count == 4)
      let check = ["report", "table1", "--check", results.path] + settings
      let equal = try segbench(check, home: killed)
      #expect(equal.code == 0, "\(equal.output)\(equal.errors)")
      let table = results.appendingPathComponent("table1.md")
      let text = try String(contentsOf: table, encoding: .utf8)
      try Data(text.replacing("| spleen", with: "| spline").utf8).write(to: table)
      let altered = try segbench(check, home: killed)
      #expect(altered.code == 1 && altered.output.contains("table1.md, DSC of each class, spline"), "\(altered.output)")
      // A published number of one study, and of two that have a table of the name.
      func compare(_ cell: String) throws -> (code: Int32, output: String, errors: String) {
        try segbench(
          ["compare", "Recipes/meddinov3/table1/2-dinov3-640.yaml", "published:\(cell)"] + settings, home: whole)
      }
      #expect(try compare("table1/dinov3-640/amos22-dsc").output.contains("published 81.35"))
      let recipes = whole.appendingPathComponent("Recipes")
      try FileManager.default.copyItem(
        at: recipes.appendingPathComponent("meddinov3"), to: recipes.appendingPathComponent("copy"))
      let both = try compare("table1/dinov3-640/amos22-dsc")
      #expect(
        both.code == 2 && both.errors.contains("say which of `copy/table1`, `meddinov3/table1`"), "\(both.errors)")
      #expect(try compare("copy/table1/dinov3-640/amos22-dsc").output.contains("published 81.35"))
      #expect(try compare("none/table1/dinov3-640/amos22-dsc").errors.contains("there is no study \"none\""))
      let leftovers = try digests(below: killed) { $0.contains(".partial-") }
      #expect(leftovers.isEmpty)
    }
  }
}
