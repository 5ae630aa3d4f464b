import Experiments
import Foundation
import Recipes
import TestSupport
import Testing

@Suite("Studies") struct StudyTests {
  private static let study = """
    title: S
    tables: [table1.yaml, more/table2.yaml]
    figures: [figures/figure1.yaml]
    published: published.yaml
    claims: words.yaml
    deviations: ledger.yaml

    """

  /// Two studies with a `table1` each, and files of the user's own.
  private func library(_ first: String = study, _ others: [String: String] = [:]) throws -> TemporaryLibrary {
    let table = "title: T\nrows: [{labels: [A], recipes: {lits: row.yaml}}]\n"
    var files = [
      "s/study.yaml": first, "s/published.yaml": "x: 1\n", "s/words.yaml": "x: 1\n", "s/ledger.yaml": "x: 1\n",
      "s/figures/figure1.yaml": "x: 1\n", "s/more/table2.yaml": table, "s/table9.yaml": table,
      "other/study.yaml": "title: O\ntables: [table1.yaml]\n", "mine/baselines.yaml": table, "loose.yaml": table,
      "mine/deep/baselines.yaml": table, "row.yaml": "title: x\n",
    ]
    for folder in ["s", "other", "mine", "mine/deep", "s/more"] { files["\(folder)/row.yaml"] = "title: x\n" }
    for folder in ["s", "other"] { files["\(folder)/table1.yaml"] = table }
    return try TemporaryLibrary(files.merging(others) { $1 })
  }

  @Test func theShippedStudiesListWhatTheyHave() throws {
    let library = RecipeLibrary(root: shippedRecipes)
    #expect(try library.studies().map(\.name) == ["meddinov3", "real-ct"])
    let study = try #require(try library.study("meddinov3"))
    #expect(study.items(.table).map(\.name) == ["table1", "table2", "table3"])
    #expect(study.items(.figure).map(\.name) == ["figure1", "figure3", "figure4"])
    for item in study.items {
      switch item.kind {
      case .table: #expect(try library.table(item.path).name == item.name)
      case .figure: _ = try library.figure(item.path)
      case .published: #expect(try library.publishedTables(item.path).tables.count == 3)
      case .claims: #expect(try !library.claims(item.path).isEmpty)
      case .deviations: #expect(try !library.deviations(item.path).isEmpty)
      }
    }
    // Everything of these kinds that lies there is listed.
    let files = try FileManager.default.contentsOfDirectory(
      atPath: shippedRecipes.appendingPathComponent("meddinov3").path)
    let listed = Set(study.items.map { URL(fileURLWithPath: $0.path).lastPathComponent })
    #expect(
      files.filter { $0.hasSuffix(".yaml") && !["study.yaml", "protocol.yaml", "paper-rows.yaml"].contains($0) }
        .allSatisfy(listed.contains))
    let steps = try study.items(.table).map { try library.table($0.path).rowsAre }
    #expect(steps == [.steps, .methods, .steps])
  }

  @Test func namesMeanOneThing() throws {
    let folder = try library()
    let library = folder.library
    let kinds: [Study.Kind] = [.table, .claims, .deviations]
    #expect(
      folder.complaint { _ = try $0.item("table1", among: kinds) }
        == "`table1` is the name of more than one thing: say which of `other/table1`, `s/table1`")
    for name in ["s/table1", "other/table1"] {
      let item = try #require(try library.item(name, among: kinds))
      #expect(item.path == "\(name).yaml" && item.fullName == name && item.kind == .table)
    }
    // One study has these.
    #expect(try library.item("table2", among: kinds)?.path == "s/more/table2.yaml")
    #expect(try library.item("claims", among: kinds)?.path == "s/words.yaml")
    #expect(try library.item("s/deviations", among: kinds)?.path == "s/ledger.yaml")
    for name in ["1", "figure1", "s/1", "s/figure1"] {
      #expect(try library.item(name, among: [.figure])?.path == "s/figures/figure1.yaml")
    }
    // A path of a listed file is that file; what is not listed is nobody's.
    #expect(try library.item("s/more/table2.yaml", among: kinds)?.fullName == "s/table2")
    for name in ["words", "table9", "s/table9", "figure1", "s/study", "none/table1", "", "/", "s/", "../s"] {
      #expect(try library.item(name, among: kinds) == nil, "\(name)")
    }
    #expect(try library.tables() == ["other/table1.yaml", "s/table1.yaml", "s/more/table2.yaml"])
  }

  @Test func resultsDoNotCollide() throws {
    let folder = try library()
    let library = folder.library
    let own = try ["mine/baselines", "mine/deep/baselines", "loose", "s/table9"].map { try library.ownTable($0) }
    #expect(own.map(\.folder) == ["mine", "mine/deep", "", "s"])
    let all = try library.studies().flatMap(\.items) + own
    #expect(Set(all.map(\.fullName)).count == all.count)
    let workspace = Workspace(root: folder.folder, userData: nil)
    #expect(workspace.results(profile: "quick", study: "s").path.hasSuffix("/Results/quick/s"))
    #expect(workspace.results(profile: "quick", study: "").path.hasSuffix("/Results/quick"))
    // An own table beside a listed one of its name.
    try folder.write("title: T\nrows: [{labels: [A], recipes: {lits: row.yaml}}]\n", to: "s/table2.yaml")
    #expect(
      folder.complaint { _ = try $0.ownTable("s/table2") }
        == "Recipes/s/table2.yaml would make a second `s/table2`, which study.yaml lists as s/more/table2.yaml: rename the file"
    )
    #expect(folder.complaint { _ = try $0.ownTable("row") }.contains("is no table: a table's file has `rows`"))
    #expect(try library.results(of: "s/table1").folder == "s" && library.results(of: "mine/row").name == "row")
  }

  @Test(arguments: [
    ("title: S", "titel: S", "1:1: unknown key `titel`; did you mean `title`?"),
    ("title: S\n", "", "1:1: `title` (what the study is called) is missing; it must be a text"),
    ("table1.yaml", "table8.yaml", "2:10: there is no file table8.yaml (looked at Recipes/s/table8.yaml)"),
    ("table1.yaml", "more", "2:10: there is no file more (looked at Recipes/s/more.yaml)"),
    (
      "table1.yaml", "../other/table1.yaml",
      "2:10: `tables[0]` is the text \"../other/table1.yaml\", but must be a relative path without `..`, such as `weights/model.pth`"
    ),
    (
      "table1.yaml", "/etc/passwd",
      "2:10: `tables[0]` is the text \"/etc/passwd\", but must be a relative path without `..`, such as `weights/model.pth`"
    ),
    (
      "[table1.yaml, more/table2.yaml]", "table1.yaml",
      "2:9: `tables` is the text \"table1.yaml\", but must be a list of 0 to 64"
    ),
    ("table1.yaml", "7", "2:10: `tables[0]` is the whole number 7, but must be a relative path without `..`"),
    (
      "more/table2.yaml", "table1.yaml",
      "2:23: `tables[1]` is a second `table1` of this study, and what both make would have one name: rename one of them"
    ),
    ("more/table2.yaml", "claims.yaml", "2:23: `tables[1]` is a second `claims` of this study"),
    ("figures/figure1.yaml", "more/table1.yaml", "3:11: `figures[0]` is a second `table1` of this study"),
    ("words.yaml", "none.yaml", "5:9: there is no file none.yaml (looked at Recipes/s/none.yaml)"),
    ("published: ", "published: [1]\nx: ", "4:12: `published` is a list of 1"),
    ("title: S", "title: S\ntitle: R", "2:1: the key \"title\" is here a second time; line 1 already has it"),
    (study, "", " is empty, but must hold a mapping of keys to values"),
    (study, "- a\n", " holds a list of 1, but must hold a mapping of keys to values"),
  ])
  func wrongStudiesAreRefused(old: String, new: String, message: String) throws {
    let table = "title: T\nrows: []\n"
    let folder = try library(
      Self.study.replacingOccurrences(of: old, with: new), ["s/claims.yaml": table, "s/more/table1.yaml": table])
    let place = "Recipes/s/study.yaml" + (message.hasPrefix(" ") ? "" : ":")
    // A bare name needs every study, `s/` this one; another study's own name and files outside do not.
    for word in ["claims", "s/table1", "s/table1.yaml"] {
      let complaint = folder.complaint { _ = try $0.item(word, among: [.table, .claims]) }
      #expect(complaint.hasPrefix(place + message), "\(complaint)")
    }
    #expect(try folder.library.item("other/table1", among: [.table]) != nil)
    #expect(try folder.library.isTable("mine/baselines.yaml"))
  }

  @Test func rowsAreStepsOrMethods() throws {
    func kind(_ line: String) throws -> StudyTable.RowKind {
      let folder = try TemporaryLibrary([
        "t.yaml": "title: T\n\(line)rows: [{labels: [A], recipes: {lits: row.yaml}}]\n", "row.yaml": "title: x\n",
      ])
      return try folder.library.table("t").rowsAre
    }
    #expect(try kind("") == .methods)
    #expect(try kind("rows_are: steps\n") == .steps)
    #expect(throws: RecipeError.self) { try kind("rows_are: stairs\n") }
  }

  /// No path of a study, and no table's name, in the program.
  @Test func theProgramKnowsNoStudy() throws {
    let sources = shippedRecipes.deletingLastPathComponent().appendingPathComponent("Sources")
    let files = try #require(FileManager.default.enumerator(atPath: sources.path)).compactMap { $0 as? String }
      .filter { $0.hasSuffix(".swift") }
    #expect(files.count > 100)
    let studies = try RecipeLibrary(root: shippedRecipes).studies()
    for file in files {
      let text = try String(contentsOf: sources.appendingPathComponent(file), encoding: .utf8)
      #expect(!text.contains("meddinov3/"), "\(file)")
      for item in studies.flatMap(\.items) where item.kind == .table || item.kind == .figure {
        #expect(!text.contains("\"\(item.name)\"") && !text.contains("\"\(item.path)"), "\(file): \(item.fullName)")
      }
    }
  }
}
