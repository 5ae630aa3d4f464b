import Datasets
import Experiments
import Files
import Foundation
import Phantoms
import Recipes
import Reporting
import TestSupport
import Testing

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

  private func study() throws -> RecipesCopy {
    let copy = try RecipesCopy()
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
    #expect(try column("device", whole) == ["CPU", "CPU"])
    #expect(try rows(whole).map { $0["paper_scale"] as? Bool } == [true, true])
    let cell = try #require((try rows(whole)[0]["cells"] as? [[String: Any]])?.first)
    let run = try #require((cell["runs"] as? [[String: Any]])?.first)
    #expect(run["engine"] as? String == engineVersion && run["device"] as? String == "CPU")
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
