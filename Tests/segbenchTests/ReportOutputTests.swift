import Files
import Foundation
import TestSupport
import Testing

/// Everything below a folder, by path.
private func contents(_ folder: URL) throws -> [String: String] {
  guard FileManager.default.fileExists(atPath: folder.path) else { return [:] }
  return try digests(below: folder) { path in
    var isFolder: ObjCBool = false
    return FileManager.default.fileExists(atPath: folder.appendingPathComponent(path).path, isDirectory: &isFolder)
      && !isFolder.boolValue
  }
}

@Suite("Where reports go, against the built command") struct ReportOutputTests {
  @Test func nothingIsWrittenUnlessAsked() throws {
    try withTemporaryHome { home in
      let committed = home.appendingPathComponent("Results/phantom/meddinov3")
      try makeFolder(committed.deletingLastPathComponent())
      try FileManager.default.copyItem(
        at: repository.appendingPathComponent("Results/phantom/meddinov3"), to: committed)
      let before = try contents(home)
      for words in [["report", "table1"], ["report", "claims"], ["report", "deviations"], ["report", "real-ct"]] {
        let printed = try segbench(words, home: home)
        #expect(printed.code == 0 && printed.output.hasPrefix("# "), "\(printed.errors)")
      }
      // Nothing has run here: writing would take every result away, and is refused with a list of them.
      for name in ["table1", "meddinov3/table2", "claims"] {
        let refused = try segbench(["report", name, "--output", committed.path], home: home)
        #expect(refused.code == 1 && refused.output.isEmpty)
        #expect(refused.errors.contains("nothing was written") && refused.errors.contains("--allow-missing"))
        #expect(refused.errors.contains("csv, "), "\(refused.errors)")
        let checked = try segbench(["report", name, "--check"], home: home)
        #expect(checked.code == 1 && checked.output.contains("\(name.split(separator: "/").last!).md, "))
        #expect(checked.output.contains("now missing") || checked.output.contains("now not run"))
      }
      #expect(try contents(home) == before)
      let allowed = try segbench(
        ["report", "table1", "--output", "Results/phantom/meddinov3", "--allow-missing"], home: home)
      #expect(allowed.code == 0 && allowed.errors.contains("written: "), "\(allowed.errors)")
      let after = try contents(home)
      let changed = Set(after.keys).union(before.keys).filter { after[$0] != before[$0] }
      #expect(changed == Set(["csv", "json", "md"].map { "Results/phantom/meddinov3/table1.\($0)" }))
    }
  }

  @Test func aCheckFindsWhatWasAltered() throws {
    try withTemporaryHome { home in
      for name in ["table1", "claims", "deviations"] {
        #expect(try segbench(["report", name, "--output", "results", "--profile", "quick"], home: home).code == 0)
        let equal = try segbench(["report", name, "--check", "results", "--profile", "quick"], home: home)
        #expect(equal.code == 0 && equal.output.contains("has what the report says now"), "\(equal.output)")
      }
      let table = home.appendingPathComponent("results/table1.md")
      let text = try String(contentsOf: table, encoding: .utf8)
      try Data(text.replacingOccurrences(of: "81.35", with: "81.36").utf8).write(to: table)
      let differs = try segbench(["report", "table1", "--check=results", "--profile", "quick"], home: home)
      #expect(differs.code == 1)
      #expect(differs.output == "table1.md, row 2, Paper DSC: committed 81.36, now 81.35\n", "\(differs.output)")
      let nowhere = try segbench(["report", "table1", "--check", "--profile", "quick"], home: home)
      #expect(nowhere.code == 2 && nowhere.errors.contains("Results/quick/meddinov3"), "\(nowhere.errors)")
    }
  }

  @Test(arguments: [
    (["report", "table1", "--output", "x", "--check"], "leave --output out"),
    (["report", "table1", "--check", "--allow-missing"], "leave --allow-missing out"),
    (["report", "table1", "--allow-missing"], "beside --output"), (["report", "table1", "--output="], "--output DIR"),
    (["report", "table1", "--output"], "--output needs a value"), (["report", "--check"], "usage: segbench report"),
    (["report", "table1", "--check", "/nonexistent"], "there is no folder /nonexistent"),
    (["figure", "1", "--profile", "quick", "--check"], "Results/quick/meddinov3 to compare with"),
    (["probe", "table3", "--check", "/nonexistent"], "there is no folder /nonexistent"),
    (["figure", "7"], "there is meddinov3/figure1, meddinov3/figure3, meddinov3/figure4"),
    (["figure", "other/1"], "there is no figure \"other/1\""),
    (["probe", "table3", "--output", "a", "--check"], "leave --output out"),
    (["figure", "1", "--check", "--allow-missing"], "leave --allow-missing out"),
  ])
  func wrongOptionsAreRefused(words: [String], mention: String) throws {
    let result = try segbench(words)
    #expect(result.code == 2 && result.output.isEmpty)
    #expect(result.errors.contains(mention), "\(result.errors)")
  }

  /// A second study with reports of the same names.
  @Test func twoStudiesAreKeptApart() throws {
    try withTemporaryHome { home in
      let recipes = home.appendingPathComponent("Recipes")
      func write(_ text: String, _ path: String) throws {
        let url = recipes.appendingPathComponent(path)
        try makeFolder(url.deletingLastPathComponent())
        try Data(text.utf8).write(to: url)
      }
      try write(
        "title: Second\ntables: [table1.yaml]\nclaims: claims.yaml\npublished: published.yaml\nfigures: [figure1.yaml]\n",
        "second/study.yaml")
      try write(
        "paper: {title: Second paper, authors: [A]}\ntables:\n  table1:\n    number: Table 1\n    caption: C\n"
          + "    place: P\n    row_headings: [Method]\n"
          + "    columns: [{id: lits-dsc, heading: DSC, dataset: lits, metric: dsc}]\n"
          + "    rows: [{id: theirs, labels: [Theirs], values: {lits-dsc: 12.5}}]\n", "second/published.yaml")
      try write(
        "title: Second's first\npublished: published.yaml\ntable: table1\n"
          + "rows: [{published: theirs, recipes: {lits: ../meddinov3/table2/lits-nnu-net.yaml}}]\n",
        "second/table1.yaml")
      try write(
        "published: published.yaml\nclaims:\n  - text: second's words\n    place: P\n    parts:\n"
          + "      - {cell: table1/theirs/lits-dsc, relation: not-below, than: table1/theirs/lits-dsc}\n",
        "second/claims.yaml")
      try FileManager.default.copyItem(
        at: recipes.appendingPathComponent("meddinov3/figures/figure1.yaml"),
        to: recipes.appendingPathComponent("second/figure1.yaml"))

      // A bare name names neither, whatever the command.
      for words in [
        ["report", "table1"], ["run", "table1"], ["status", "table1"], ["probe", "table1"], ["report", "claims"],
        ["figure", "1"], ["figure", "figure1"],
      ] {
        let refused = try segbench(words + ["--profile", "quick"], home: home)
        let name = words[0] == "figure" ? "figure1" : words[1]
        #expect(refused.code == 2 && refused.output.isEmpty, "\(words): \(refused.output)")
        #expect(
          refused.errors.contains("say which of `meddinov3/\(name)`, `second/\(name)`"), "\(words): \(refused.errors)")
      }
      func report(_ name: String) throws -> String {
        let folder = "Results/quick/\(name.split(separator: "/")[0])"
        let result = try segbench(["report", name, "--profile", "quick", "--output", folder], home: home)
        #expect(result.code == 0, "\(result.errors)")
        return result.output
      }
      #expect(try report("meddinov3/table1").contains("refinements that adapt a ViT"))
      let second = try report("second/table1")
      #expect(
        second.contains("# Second's first") && second.contains("12.50") && second.contains("Second paper Table 1"))
      #expect(try report("second/claims").contains("second's words"))
      #expect(try report("meddinov3/claims").contains("Two key refinements"))
      // One study has these.
      #expect(try segbench(["report", "table2", "--profile", "quick"], home: home).code == 0)
      #expect(try segbench(["report", "deviations"], home: home).code == 0)
      // Neither's results are the other's.
      for name in ["meddinov3/table1", "second/table1", "second/claims", "meddinov3/claims"] {
        let equal = try segbench(["report", name, "--profile", "quick", "--check"], home: home)
        #expect(equal.code == 0, "\(name): \(equal.output)\(equal.errors)")
      }
      let status = try segbench(["status", "second/table1", "--profile", "quick"], home: home)
      #expect(status.code == 0 && status.output.split(separator: "\n").filter { $0.contains(", seed 0") }.count == 1)
    }
  }

  @Test func aBrokenStudyIsPlaced() throws {
    try withTemporaryHome { home in
      let file = home.appendingPathComponent("Recipes/broken/study.yaml")
      try makeFolder(file.deletingLastPathComponent())
      try Data("title: B\ntables: [none.yaml]\n".utf8).write(to: file)
      for words in [["report", "table1"], ["figure", "1"], ["status"], ["report", "broken/table1"]] {
        let result = try segbench(words, home: home)
        #expect(
          result.code == 2 && result.errors.contains("Recipes/broken/study.yaml:2:10: there is no file none.yaml"))
      }
      // What names a study of its own does not mind.
      #expect(try segbench(["report", "meddinov3/table1", "--profile", "quick"], home: home).code == 0)
    }
  }
}
