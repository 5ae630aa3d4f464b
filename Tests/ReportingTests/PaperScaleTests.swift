import Datasets
import Experiments
import Files
import Foundation
import Phantoms
import Recipes
import Reporting
import TestSupport
import Testing

/// A copy of the shipped recipes, whose files a test may change, with a folder of the user's.
private final class Copy {
  let root: URL
  var recipes: URL { root.appendingPathComponent("Recipes") }
  var userData: URL { root.appendingPathComponent("user") }
  var library: RecipeLibrary { RecipeLibrary(root: recipes) }
  var runner: Runner { Runner(workspace: Workspace(root: root, userData: userData)) }

  init() throws {
    root = FileManager.default.temporaryDirectory.appendingPathComponent("segbench-\(UUID().uuidString)")
    let shipped = shippedRecipes
    try makeFolder(root.appendingPathComponent("user"))
    try FileManager.default.copyItem(at: shipped, to: root.appendingPathComponent("Recipes"))
  }

  deinit { try? FileManager.default.removeItem(at: root) }

  func write(_ text: String, _ path: String) throws {
    let url = recipes.appendingPathComponent(path)
    try makeFolder(url.deletingLastPathComponent())
    try Data(text.utf8).write(to: url)
  }

  func replace(_ text: String, by other: String, in path: String) throws {
    let url = recipes.appendingPathComponent(path)
    let old = try String(contentsOf: url, encoding: .utf8)
    try #require(old.contains(text), "\(path) has no \(text)")
    try write(old.replacing(text, with: other), path)
  }

  /// How a run of `recipe` on that many cases stands to Table 1's second row.
  func scale(
    _ path: String = "meddinov3/table1/2-dinov3-640.yaml", profile: String = "paper", fidelity: Recipe.Fidelity? = nil,
    set overrides: [String] = [], cases: Int = 360, row number: Int = 1
  ) throws -> PaperScale {
    let recipe = try library.resolve(path, profile: profile, fidelity: fidelity, overrides: overrides)
    let table = try library.table("meddinov3/table1.yaml")
    let row = try library.paperRow(
      table.rows[number], dataset: "amos22", of: table, fidelity: recipe.recipe.fidelity)
    return try library.scale(of: recipe, row: row, record: record(recipe, cases: cases))
  }

  func record(_ recipe: ResolvedRecipe, cases: Int) throws -> RunRecord {
    var record = RunRecord(
      description: .init(
        identity: "a", title: recipe.recipe.title, kind: "segmentation", profile: recipe.profile ?? "", seed: 0,
        dataDigest: "d", initialWeightsDigest: "", dependencies: [], weightsDigest: "", seconds: [:]),
      recipe: recipe.yamlText, provenance: .current(root: root), curves: .none, metrics: nil)
    record.description.recipePath = recipe.path
    record.description.extent = RunExtent(cases: cases, expectedCases: nil, trainingCases: 6, validationCases: 2)
    return record
  }
}

@Suite("Whether a run is at the paper's scale") struct PaperScaleTests {
  @Test("the shipped recipes are those that the study records")
  func recorded() throws {
    let copy = try Copy()
    let text = try String(contentsOf: copy.library.paperRowsURL(of: "meddinov3"), encoding: .utf8)
    #expect(
      try copy.library.paperRowsText(of: "meddinov3") == text,
      "the study's recipes changed: segbench study-rows meddinov3 records them anew")
    // Independent of the text: every cell's recipe is at the paper's scale, with either fidelity.
    for path in try copy.library.tables() where path.hasPrefix("meddinov3/") {
      let table = try copy.library.table(path)
      for row in table.rows {
        for (dataset, recipePath) in row.recipes {
          for fidelity in Recipe.Fidelity.allCases {
            let recipe = try copy.library.resolve(recipePath, profile: "paper", fidelity: fidelity)
            let paperRow = try #require(
              try copy.library.paperRow(row, dataset: dataset, of: table, fidelity: fidelity))
            #expect(paperRow.name == "\(table.published.id)/\(row.published.id)/\(dataset)")
            #expect(try copy.library.scale(of: recipe, row: paperRow, record: nil).changes == [], "\(recipePath)")
          }
        }
      }
    }
  }

  @Test("the shipped row on all cases is, and seeds or what no result depends on change nothing")
  func shipped() throws {
    let copy = try Copy()
    let same = [
      [], ["seeds=[1, 2]"], ["title=Another"], ["training.recompute=true"], ["dataset.folder=elsewhere/amos22"],
      ["training.epochs=1000"], ["network.decoder.blocks=[0]"],
    ]
    for overrides in same {
      let scale = try copy.scale(set: overrides)
      #expect(scale.isPaper && scale.text == "at the paper's scale" && scale.shortText == "paper", "\(overrides)")
    }
  }

  @Test("options, fewer cases and other folds are not, each named")
  func overridden() throws {
    let copy = try Copy()
    let issue = try copy.scale(
      set: ["network.vit.width=96", "plan.configuration=2d_80", "training.epochs=1"], cases: 8)
    #expect(!issue.isPaper)
    #expect(
      issue.text
        == "8 of 360 cases; network.vit.width: 768 -> 96; plan.configuration: 2d_640 -> 2d_80; training.epochs: 1000 -> 1"
    )
    #expect(issue.shortText == "8 of 360 cases, 3 values changed")
    #expect(try copy.scale(cases: 359).text == "359 of 360 cases")
    #expect(try copy.scale(cases: 361).text == "361 of 360 cases")
    // What is expected is the row's to say, not the command line's.
    #expect(try copy.scale(set: ["dataset.expected_cases=8"], cases: 8).text == "8 of 360 cases")
    let folds = try copy.scale(set: ["evaluation.splits=folds/mine.json"])
    #expect(!folds.isPaper && folds.text == "evaluation.splits: none -> folds/mine.json")
    #expect(try copy.scale(set: ["evaluation.fold=3"]).text == "evaluation.fold: 0 -> 3")
    let before = try copy.library.scale(
      of: copy.library.resolve("meddinov3/table1/2-dinov3-640.yaml", profile: "paper"), row: nil, record: nil)
    #expect(!before.isPaper && !before.hasRun)
  }

  @Test("a shipped fidelity is at the paper's scale and named; so is one that --set chooses")
  func fidelity() throws {
    let copy = try Copy()
    for scale in [try copy.scale(fidelity: .paper), try copy.scale(set: ["fidelity=paper"])] {
      #expect(scale.isPaper && scale.text == "at the paper's scale; --fidelity paper")
      #expect(scale.shortText == "paper, --fidelity paper")
    }
    #expect(try copy.scale(fidelity: .code).text == "at the paper's scale")
  }

  @Test("a changed file of the study, of its methods, data or profile is noticed")
  func changedFiles() throws {
    let changes = [
      ("epochs: 1000", "epochs: 2", "meddinov3/protocol.yaml", "training.epochs: 1000 -> 2"),
      ("2d_640", "2d_64", "meddinov3/table1/2-dinov3-640.yaml", "plan.configuration: 2d_640 -> 2d_64"),
      ("expected_cases: 360", "expected_cases: 8", "datasets/amos22.yaml", "8 of 360 cases"),
      ("description:", "training: {epochs: 3}\ndescription:", "profiles/paper.yaml", "training.epochs: 1000 -> 3"),
    ]
    for (old, new, path, expected) in changes {
      let copy = try Copy()
      try copy.replace(old, by: new, in: path)
      let scale = try copy.scale(cases: path.hasPrefix("datasets") ? 8 : 360)
      #expect(!scale.isPaper && scale.text == expected, "\(path): \(scale.text)")
    }
    // A table that names another recipe for the paper's row.
    let copy = try Copy()
    try copy.replace("table1/2-dinov3-640.yaml", by: "table1/1-random-init-640.yaml", in: "meddinov3/table1.yaml")
    let scale = try copy.scale("meddinov3/table1/1-random-init-640.yaml")
    #expect(!scale.isPaper && scale.text.contains("initial_weights.from: file -> random"), "\(scale.text)")
  }

  @Test("a profile of another name that equals the paper's is; the phantom profile is not")
  func profiles() throws {
    let copy = try Copy()
    try copy.write("description: The paper's, under a name of ours.\n", "profiles/mine.yaml")
    try copy.write("inherits: [paper.yaml]\ntraining: {epochs: 7}\n", "profiles/short.yaml")
    #expect(try copy.scale(profile: "mine").isPaper)
    let short = try copy.scale(profile: "short")
    #expect(!short.isPaper && short.text == "the short profile: training.epochs: 1000 -> 7")
    let phantom = try copy.scale(profile: "phantom", set: ["training.epochs=3"], cases: 20)
    #expect(!phantom.isPaper && phantom.text.hasPrefix("the phantom profile, with "), "\(phantom.text)")
    #expect(phantom.text.contains("20 phantoms in place of 360 cases; training.epochs: 1000 -> 3"), "\(phantom.text)")
    #expect(phantom.changes.contains { $0.key == "network.vit.width" && $0.here == "96" && $0.isProfiles })
  }

  @Test("a recipe of the user's is held against the row that it is reported under")
  func ownRecipes() throws {
    let copy = try Copy()
    try copy.write("inherits: [meddinov3/table1/2-dinov3-640.yaml]\ntraining: {epochs: 5}\n", "mine.yaml")
    try copy.write("inherits: [meddinov3/table1/2-dinov3-640.yaml]\ntitle: The same\n", "same.yaml")
    #expect(try copy.scale("mine.yaml").text == "training.epochs: 1000 -> 5")
    #expect(try copy.scale("same.yaml").isPaper)
    // Under another row than the one it inherits.
    #expect(try copy.scale("same.yaml", row: 3).text.contains("plan.configuration: 2d_896 -> 2d_640"))
    // By itself it is no row of the paper's.
    let alone = try copy.library.scale(
      of: copy.record(copy.library.resolve("same.yaml", profile: "paper", overrides: ["training.epochs=9"]), cases: 360)
    )
    #expect(!alone.isPaper && alone.text.hasPrefix("a row that the paper does not have; "), "\(alone.text)")
    #expect(alone.text.hasSuffix("training.epochs: 1000 -> 9"))
    // Another tool's predictions are not the paper's training.
    try copy.write(
      "kind: predictions\ntitle: T\ninherits: [meddinov3/protocol.yaml, datasets/amos22.yaml]\n"
        + "predictions: {folder: theirs}\n", "theirs.yaml")
    #expect(try copy.scale("theirs.yaml").text == "kind: segmentation -> predictions")
  }

  @Test("a record alone says the same, whatever its machine had")
  func records() throws {
    let copy = try Copy()
    let path = "meddinov3/table1/2-dinov3-640.yaml"
    func scale(_ overrides: [String], cases: Int, path other: String? = nil) throws -> PaperScale {
      var record = try copy.record(copy.library.resolve(path, profile: "paper", overrides: overrides), cases: cases)
      if let other { record.description.recipePath = other }
      return try copy.library.scale(of: record)
    }
    #expect(try scale([], cases: 360).isPaper)
    #expect(try scale(["training.epochs=2"], cases: 9).text == "9 of 360 cases; training.epochs: 1000 -> 2")
    // Beside the number of another row it is not that row.
    let second = try copy.record(copy.library.resolve(path, profile: "paper"), cases: 360)
    func beside(_ row: String) throws -> PaperScale {
      try copy.library.scale(
        of: second, beside: ("table1", row, "amos22"), published: "meddinov3/published.yaml",
        in: Workspace(root: copy.root, userData: nil))
    }
    #expect(try beside("dinov3-640").isPaper)
    #expect(try !beside("dinov3-multi-scale-896").isPaper && !beside("no-such-row").isPaper)
    #expect(try beside("dinov3-multi-scale-896").text.contains("plan.configuration: 2d_896 -> 2d_640"))
    for other in ["", "no/such.yaml", "../../etc/passwd", "meddinov3/table1.yaml"] {
      #expect(try !scale([], cases: 360, path: other).isPaper, "\(other)")
    }
  }

  @Test("a pretraining on fewer slices than the collection has is named, and one with other values")
  func pretraining() throws {
    let copy = try Copy()
    let path = "meddinov3/table3/2-stage-1.yaml"
    let recipe = try copy.library.resolve(path, profile: "paper")
    func scale(_ images: Int) throws -> PaperScale {
      var record = try copy.record(recipe, cases: 360)
      record.description.startingRuns = [
        StartingRun(
          identity: "0123456789abcdef", title: "Stage 1",
          basis: ComputeBasis(engineVersion: "1", instructionSet: "avx512", threads: 4),
          extent: RunExtent(images: images, expectedImages: images))
      ]
      return try copy.library.scale(of: record, recipe: recipe)
    }
    #expect(try scale(3_868_833).isPaper)
    #expect(try scale(1000).text == "1000 of 3868833 slices in the pretraining 0123456789")
    try copy.replace("\n  iterations: 100000", by: "\n  iterations: 110000", in: "meddinov3/pretraining/stage-1.yaml")
    let changed = try copy.library.resolve(path, profile: "paper")
    let table = try copy.library.table("meddinov3/table3.yaml")
    let row = try copy.library.paperRow(table.rows[1], dataset: "amos22", of: table, fidelity: .code)
    let text = try copy.library.scale(of: changed, row: row, record: copy.record(changed, cases: 360)).text
    #expect(text.contains("initial_weights.recipe/self_distillation.iterations: 100000 -> 110000"), "\(text)")
  }
}

/// A study of two rows so small that they run at the profile `paper`, and every report of them.
@Suite(.serialized) struct PaperScaleReportTests {
  private static let table = """
    title: Two rows
    published: published.yaml
    table: tiny
    rows:
      - {published: a, recipes: {amos22: a.yaml}}
      - {published: b, recipes: {amos22: b.yaml}}

    """

  private static let published = """
    paper: {title: A paper, authors: [A]}
    tables:
      tiny:
        number: Table 1
        caption: c
        place: p
        row_headings: [Method, Resolution]
        columns:
          - {id: amos22-dsc, heading: DSC (%), dataset: amos22, metric: dsc}
        rows:
          - {id: a, labels: [A, 32 × 32], values: {amos22-dsc: 70}}
          - {id: b, labels: [B, 32 × 32], values: {amos22-dsc: 80}}

    """

  private static let row = """
    kind: segmentation
    title: A row
    inherits: [../meddinov3/protocol.yaml, ../datasets/amos22.yaml, ../methods/primus.yaml, ../meddinov3/weights/random.yaml]
    dataset: {expected_cases: 6}
    plan: {configuration: 2d_32, batch_size: 2}
    network: {vit: {width: 48, depth: 4, heads: 3, patch_size: 8, drop_path: 0.0}, decoder: {blocks: [3]}}
    training: {epochs: 1, steps_per_epoch: 1, validation_steps: 1}

    """

  private func study() throws -> Copy {
    let copy = try Copy()
    try copy.write("title: Tiny\ntables: [table1.yaml]\npublished: published.yaml\n", "tiny/study.yaml")
    try copy.write(Self.table, "tiny/table1.yaml")
    try copy.write(Self.published, "tiny/published.yaml")
    try copy.write(Self.row, "tiny/a.yaml")
    try copy.write("inherits: [a.yaml]\ntitle: B row\ntraining: {optimizer: {learning_rate: 1.0e-4}}\n", "tiny/b.yaml")
    try PhantomGenerator.write(
      kind: .amos22, cases: 6, seed: 1, size: SIMD3(40, 40, 8),
      to: copy.userData.appendingPathComponent("datasets/amos22"))
    return copy
  }

  private func rows(_ report: TableReport) throws -> [[String: Any]] {
    try #require(try JSONSerialization.jsonObject(with: Data(report.json().utf8)) as? [[String: Any]])
  }

  private func column(_ name: String, _ report: TableReport) throws -> [String] {
    let lines = report.csv().split(separator: "\n").map { line in
      // Quoted fields hold commas.
      line.components(separatedBy: "\"").enumerated().map { place, part in
        place % 2 == 0 ? part : part.replacing(",", with: "\u{1}")
      }.joined().components(separatedBy: ",").map { $0.replacing("\u{1}", with: ",") }
    }
    let index = try #require(lines[0].firstIndex(of: name))
    return lines.dropFirst().map { $0[index] }
  }

  @Test("Markdown, CSV, JSON, claims, compare and archive verify say the same of each row, and what bits depend on")
  func everyReport() throws {
    let copy = try study()
    func report(_ overrides: [String] = [], fidelity: Recipe.Fidelity? = nil) throws -> TableReport {
      let runs = ChosenRuns(
        library: copy.library, runner: copy.runner, profile: "paper", fidelity: fidelity, overrides: overrides)
      return try TableReport(study: "tiny/table1.yaml", runs: runs)
    }
    for name in ["a", "b"] {
      _ = try copy.runner.run(copy.library.resolve("tiny/\(name).yaml", profile: "paper"), seed: 0)
    }
    let whole = try report()
    let text = whole.markdown()
    #expect(whole.isPaperScale && !text.contains("not the paper's") && !text.contains("(here "), "\(text)")
    #expect(text.contains("- all rows: at the paper's scale\n"))
    // Six cases: nnU-Net's fold 0 takes two of them for validation.
    let basis = Provenance.current(root: copy.root).basis
    #expect(text.contains("- all rows: \(basis.text); 4 training and 2 validation cases\n"), "\(text)")
    #expect(try column("paper_scale", whole) == ["true", "true"] && column("changes", whole) == ["", ""])
    #expect(try column("training_cases", whole) == ["4", "4"] && column("validation_cases", whole) == ["2", "2"])
    #expect(try column("dataset_cases", whole) == ["6", "6"] && column("expected_cases", whole) == ["6", "6"])
    #expect(try column("engine", whole) == [engineVersion, engineVersion])
    #expect(try column("threads", whole) == ["\(basis.threads)", "\(basis.threads)"])
    #expect(try column("instruction_set", whole) == [basis.instructionSet, basis.instructionSet])
    #expect(try rows(whole).map { $0["paper_scale"] as? Bool } == [true, true])
    let cell = try #require((try rows(whole)[0]["cells"] as? [[String: Any]])?.first)
    let run = try #require((cell["runs"] as? [[String: Any]])?.first)
    #expect(run["engine"] as? String == engineVersion && run["threads"] as? Int == basis.threads)
    #expect(run["training_cases"] as? Int == 4 && run["validation_cases"] as? Int == 2)
    #expect(run["patch"] as? [Int] == [32, 32] && cell["paper_scale"] as? Bool == true)

    // One row at the paper's scale and one not: the study records its rows, then one of its files changes.
    try Data(copy.library.paperRowsText(of: "tiny").utf8).write(to: copy.library.paperRowsURL(of: "tiny"))
    try copy.replace("training: {", by: "plan: {configuration: 2d_40}\ntraining: {", in: "tiny/b.yaml")
    let b = try copy.runner.run(copy.library.resolve("tiny/b.yaml", profile: "paper"), seed: 0)
    let mixed = try report()
    let mixedText = mixed.markdown()
    #expect(mixedText.contains("**Our numbers in row 2 are not the paper's"), "\(mixedText)")
    #expect(mixedText.contains("- row 2: plan.configuration: 2d_32 -> 2d_40\n"))
    #expect(mixedText.contains("| B      | 32 × 32 (here 40 × 40) |") && mixedText.contains("| A      | 32 × 32 "))
    #expect(mixedText.contains("| plan.configuration | 2d_32           | 2d_40 | 2    |"))
    #expect(try column("paper_scale", mixed) == ["true", "false"])
    #expect(try column("Resolution (ours)", mixed) == ["32 × 32", "40 × 40"])
    #expect(try column("changes", mixed) == ["", "plan.configuration: 2d_32 -> 2d_40"])
    #expect(try rows(mixed).map { $0["paper_scale"] as? Bool } == [true, false])

    // Compare, claims and archive of the same two runs.
    let a = try #require(try copy.runner.finishedRun(copy.library.resolve("tiny/a.yaml", profile: "paper"), seed: 0))
    func side(_ record: RunRecord) throws -> ComparedRuns {
      try ComparedRuns(
        name: record.description.title, runs: [try #require(record.summary())], scale: copy.library.scale(of: record))
    }
    let comparison = try RunComparison(side(a), side(b))
    #expect(comparison.markdown().contains("- A: at the paper's scale\n- A: \(basis.text); 4 training"))
    #expect(comparison.markdown().contains("- B: plan.configuration: 2d_32 -> 2d_40\n"))
    let sides = try JSONValue.parse(Data(comparison.json().utf8), name: "compare")
    #expect(sides["first"]?["paper_scale"] == .bool(true) && sides["second"]?["paper_scale"] == .bool(false))
    let beside = try #require(PublishedComparison(side(b), place: "p", score: .dsc, published: 0.8))
    #expect(beside.markdown().contains("not the paper's") && beside.json().contains("\"paper_scale\": false"))
    #expect(
      try #require(PublishedComparison(side(a), place: "p", score: .dsc, published: 0.8)).markdown()
        .contains("at the paper's scale"))

    try copy.write(
      "published: published.yaml\nclaims:\n  - text: B is better\n    place: p\n    parts:\n"
        + "      - {cell: tiny/b/amos22-dsc, relation: above, than: tiny/a/amos22-dsc}\n", "tiny/claims.yaml")
    let claims = try ClaimsReport(
      claims: copy.library.claims("tiny/claims.yaml"), profile: "paper", command: { "run \($0.row.id)" }
    ) { try side($0.row.id == "a" ? a : b) }
    #expect(!claims.isPaperScale && claims.markdown().contains("say nothing about the paper"))
    #expect(claims.markdown().contains("- tiny/b/amos22-dsc: plan.configuration: 2d_32 -> 2d_40\n"))
    #expect(claims.markdown().contains("- tiny/a/amos22-dsc: at the paper's scale\n"))
    #expect(claims.csv().contains("tiny/b/amos22-dsc: plan.configuration: 2d_32 -> 2d_40"))
    #expect(try JSONValue.parse(Data(claims.json().utf8), name: "claims")["paper_scale"] == .bool(false))
    let missing = try ClaimsReport(
      claims: copy.library.claims("tiny/claims.yaml"), profile: "paper", command: { "run \($0.row.id)" }
    ) { $0.row.id == "a" ? try side(a) : nil }
    #expect(missing.markdown().contains("Not run yet:\n\n- `run b`\n") && !missing.markdown().contains("say nothing"))

    let archive = copy.root.appendingPathComponent("two.segbench")
    _ = try Archive.pack(
      [a, b].map { copy.runner.folder($0.description.identity) }, of: copy.runner.workspace, to: archive)
    let unpacked = copy.root.appendingPathComponent("unpacked")
    try makeFolder(unpacked)
    let identities = try Archive.unpack(archive, to: unpacked)
    let verification = ArchiveVerification(unpacked: unpacked, runner: copy.runner)
    let verified = VerificationReport(path: "p", digest: "d", runs: try identities.map(verification.verify))
    #expect(verified.isSound, "\(verified.text())")
    #expect(verified.text().contains("  at the paper's scale\n  \(basis.text); 4 training and 2 validation cases\n"))
    #expect(verified.text().contains("  not at the paper's scale: plan.configuration: 2d_32 -> 2d_40\n"))
    let cells = try JSONValue.parse(Data(verified.json().utf8), name: "verify")["cells"]
    guard case .array(let list)? = cells else { throw ReportError.noSuchSlice(0, 0) }
    #expect(list.map { $0["paper_scale"] } == [.bool(true), .bool(false)])
  }

  @Test("options, another number of cases and a row that has not run")
  func options() throws {
    let copy = try study()
    let overrides = ["plan.configuration=2d", "training.steps_per_epoch=2"]
    _ = try copy.runner.run(
      copy.library.resolve("tiny/a.yaml", profile: "paper", overrides: overrides), seed: 0)
    try copy.replace("expected_cases: 6", by: "expected_cases: 7", in: "tiny/a.yaml")
    let runs = ChosenRuns(
      library: copy.library, runner: copy.runner, profile: "paper", overrides: overrides, seeds: [0, 3])
    let report = try TableReport(study: "tiny/table1.yaml", runs: runs)
    let text = report.markdown()
    #expect(text.contains("**Our numbers in this table are not the paper's"), "\(text)")
    #expect(
      text.contains(
        "- row 1: 6 of 7 cases; plan.configuration: 2d_32 -> 2d; training.steps_per_epoch: 1 -> 2\n"), "\(text)")
    // The plan's own patch, from the record.
    let patch = try #require(report.rows[0].results[0].runs.first?.extent?.patch)
    #expect(text.contains("32 × 32 (here \(patch[0]) × \(patch[1]))") && text.contains("(here nnU-Net's own patch)"))
    let options = "--profile paper --set plan.configuration=2d --set training.steps_per_epoch=2 --seeds 0,3"
    #expect(text.contains("- row 1, seed 3: `segbench run tiny/a.yaml \(options)`\n"), "\(text)")
    #expect(text.contains("- row 2: `segbench run tiny/b.yaml \(options)`\n"), "\(text)")
    #expect(try column("paper_scale", report) == ["false", ""] && column("missing_seeds", report) == ["3", "0 3"])
  }
}
