import Evaluation
import Experiments
import Files
import Foundation
import Reporting
import Testing

/// A folder of results: what goes into it, and what is found to differ from it.
@Suite("Writing and checking results") struct ReportFilesTests {
  /// A table of three rows on one data set, of which those not among `finished` are missing.
  private func files(
    _ finished: Set<Int> = [1, 2, 3], shift: Double = 0, seconds: Double = 90, notes: [String] = ["A note."],
    rows: ClosedRange<Int> = 1...3, picture: UInt8? = nil
  ) throws -> ReportFiles {
    let report = TableReport(
      identifier: "t", title: "T", source: "S", profile: "quick", rowsAreSteps: true,
      rows: try rows.map { number in
        let table = ScoreTable(
          classes: ["liver", "spleen"],
          cases: ["a", "b"].map { name in
            let value = 0.5 + 0.1 * Double(number) + (name == "a" ? 0 : 0.05) + (number == 2 ? shift : 0)
            return CaseScores(name: name, dsc: [value, 0.25], nsd: [value / 2, nil])
          })
        let run = RunSummary(
          identity: String(repeating: "\(number)", count: 40), seed: 0, scores: table, wallSeconds: seconds)
        return TableRow(
          number: number, labels: [TableLabel("Method", "m|\(number), of \"ours\"")],
          results: [
            try TableResult(
              dataset: "lits", publishedDSC: 70.25, runs: finished.contains(number) ? [run] : [],
              command: "run \(number)")
          ])
      }, notes: notes)
    var files = ReportFiles(report)
    if let picture {
      files.add(
        PNGImage(width: 2, height: 1, channels: 3, pixels: Array(repeating: picture, count: 6)), at: "t/row.png")
    }
    return files
  }

  private func withFolder(_ body: (URL) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("results-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    try body(folder)
  }

  private func contents(_ folder: URL) throws -> [String: Data] {
    Dictionary(
      uniqueKeysWithValues: try FileManager.default.subpathsOfDirectory(atPath: folder.path).compactMap { path in
        (try? Data(contentsOf: folder.appendingPathComponent(path))).map { (path, $0) }
      })
  }

  @Test func whatIsWrittenIsEqualWallTimesAside() throws {
    try withFolder { folder in
      let files = try files(picture: 7)
      #expect(throws: FileError.self) { try files.differences(from: folder) }
      let written = try files.write(to: folder)
      #expect(written.map(\.lastPathComponent) == ["t.md", "t.csv", "t.json", "row.png"])
      #expect(try files.differences(from: folder).isEmpty)
      #expect(try self.files(seconds: 86_400, picture: 7).differences(from: folder).isEmpty)
    }
  }

  /// Every cell of every file, changed alone, is found and named; so are lines, missing files and pictures.
  @Test(arguments: ["t.md", "t.csv", "t.json"]) func anAlteredCellIsFound(name: String) throws {
    try withFolder { folder in
      let files = try files()
      _ = try files.write(to: folder)
      let url = folder.appendingPathComponent(name)
      let text = try String(contentsOf: url, encoding: .utf8)
      // Each number with decimals, in turn; the middle digits alone would also occur in others.
      let numbers = text.matches(of: #/-?[0-9]+\.[0-9]+/#).map(\.range)
      #expect(numbers.count > 10)
      for range in numbers {
        let altered = text.replacingCharacters(in: range, with: "12.375")
        try Data(altered.utf8).write(to: url)
        let found = try files.differences(from: folder)
        if altered.contains("wall_seconds\": 12.375") || text[range] == "90.0" {
          #expect(found.isEmpty)
        } else {
          #expect(found.count == 1 || found.count == 2, "\(text[range]): \(found)")
          #expect(found.allSatisfy { $0.file == name } && found.contains { $0.committed?.contains("12.375") == true })
        }
      }
      try Data(text.utf8).write(to: url)
      #expect(try files.differences(from: folder).isEmpty)
    }
  }

  @Test func differencesSayWhereTheyAre() throws {
    try withFolder { folder in
      _ = try files().write(to: folder)
      let found = try files(shift: 0.01).differences(from: folder).map(\.description)
      #expect(found.contains("t.md, row 2, Our DSC: committed 48.75 ± 1.77, now 49.25 ± 1.77"), "\(found)")
      #expect(found.contains { $0.hasPrefix("t.csv, row 2, lits, our_dsc: committed 48.75") })
      #expect(found.contains { $0.hasPrefix("t.json, row 2, lits DSC, cells.mean: committed 48.75") })
      #expect(found.contains("t.md, DSC of each class, liver, Row 2: committed 72.50, now 73.50"))
      // Row 3's step is from row 2.
      #expect(found.contains { $0.hasPrefix("t.md, row 3, Our step") } && !found.contains { $0.contains("row 1,") })
      let gone = try files([1, 2]).differences(from: folder).map(\.description)
      #expect(gone.contains("t.md, row 3, Our DSC: committed 53.75 ± 1.77, now missing"))
      #expect(
        gone.contains { $0.hasPrefix("t.csv, row 3, lits, our_dsc: committed 53.75") && $0.hasSuffix("now nothing") })
      let notes = try files(notes: ["Another note."]).differences(from: folder).map(\.description)
      #expect(notes == ["t.md, text: committed - A note., now - Another note."])
      // Of a long line the part that differs is shown.
      let long = String(repeating: "word ", count: 100)
      _ = try files(notes: [long + "end"]).write(to: folder)
      let changed = try files(notes: [long + "other end"]).differences(from: folder).map(\.description)
      #expect(
        changed.count == 1 && changed[0].count < 400 && changed[0].contains("word end")
          && changed[0].contains("word other end"))
    }
  }

  @Test func picturesAreComparedByTheirPixels() throws {
    try withFolder { folder in
      _ = try files(picture: 7).write(to: folder)
      #expect(try files(picture: 8).differences(from: folder).map(\.file) == ["t/row.png"])
      // One that is there and not made now, one that is no picture, and one that is not there.
      #expect(
        try files().differences(from: folder).map(\.description) == ["t/row.png: committed a picture, now nothing"])
      try Data("x".utf8).write(to: folder.appendingPathComponent("t/row.png"))
      #expect(try files(picture: 7).differences(from: folder).count == 1)
      try FileManager.default.removeItem(at: folder.appendingPathComponent("t/row.png"))
      #expect(
        try files(picture: 7).differences(from: folder).map(\.description)
          == ["t/row.png: committed nothing, now a picture"])
    }
  }

  @Test func aResultNeverGivesWayToAMissingOne() throws {
    try withFolder { folder in
      _ = try files([1, 2]).write(to: folder)
      let before = try contents(folder)
      for fewer: Set<Int> in [[], [1], [2], [1, 3]] {
        do {
          _ = try files(fewer).write(to: folder)
          Issue.record("\(fewer) was written")
        } catch let error as LostResults {
          let rows = Set(error.cells.map(\.row))
          #expect(rows.isSuperset(of: Set([1, 2]).subtracting(fewer).map { "row \($0), lits" }), "\(error)")
          #expect(error.cells.contains { $0.column == "our_dsc" } && error.description.contains("--allow-missing"))
          #expect(error.cells.allSatisfy { !$0.column.contains("wall") })
        }
        #expect(try contents(folder) == before)
      }
      // A row of the table that is gone took its result along.
      #expect(throws: LostResults.self) { try files([1], rows: 1...1).write(to: folder) }
      #expect(try contents(folder) == before)
      // More results, other results and fewer on demand.
      _ = try files([1, 2, 3]).write(to: folder)
      _ = try files([1, 2, 3], shift: 0.1).write(to: folder)
      _ = try files([], notes: []).write(to: folder, allowMissing: true)
      #expect(try files([], notes: []).differences(from: folder).isEmpty)
    }
  }

  /// What stands in the folder counts in whichever form it is there, and what cannot be read loses nothing.
  @Test(arguments: ["csv", "md", "json"]) func oneFormIsEnoughToProtect(form: String) throws {
    try withFolder { folder in
      _ = try files([1, 2]).write(to: folder)
      for other in ["csv", "md", "json"] where other != form {
        try FileManager.default.removeItem(at: folder.appendingPathComponent("t.\(other)"))
      }
      #expect(throws: LostResults.self) { try files([1]).write(to: folder) }
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["t.\(form)"])
      #expect(try files([1, 2]).differences(from: folder).count == 2)
      for text in ["", "\"", "{", "|", "\0\u{1}", "row\n", "| a |\n|||||\n", "[[[[", "row,row\n1,1,1\n"] {
        try Data(text.utf8).write(to: folder.appendingPathComponent("t.\(form)"))
        #expect(try !files([1]).differences(from: folder).isEmpty)
      }
      _ = try files([1]).write(to: folder)
    }
  }
}
