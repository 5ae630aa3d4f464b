import Experiments
import Foundation
import Reporting
import Testing

@Suite("Tables as Markdown, CSV and JSON")
struct TableReportTests {
  static func scores(_ first: Double, _ second: Double) -> ScoreTable {
    ScoreTable(
      classes: ["liver", "spleen"],
      cases: [
        CaseScores(name: "case_1", dsc: [first, first], nsd: [first / 2, first / 2]),
        CaseScores(name: "case_2", dsc: [second, nil], nsd: [second / 2, nil]),
      ])
  }

  /// Three rows of the paper's Table 1: two seeds, one seed, and one not run.
  static func report(scale: PaperScale? = nil) throws -> TableReport {
    let baseline = BaselineScores(name: "label prior", scores: scores(0.25, 0.125))
    func run(_ name: Character, _ seed: UInt64, _ table: ScoreTable, _ notes: [String] = []) -> RunSummary {
      RunSummary(
        identity: String(repeating: name, count: 64), seed: seed, scores: table, wallSeconds: 100.4, footnotes: notes)
    }
    func labels(_ encoder: String, _ multiScale: String) -> [TableLabel] {
      [
        TableLabel("Encoder init.", encoder), TableLabel("Multi-scale features", multiScale),
        TableLabel("Resolution", "640 × 640", ours: "96 × 96"),
      ]
    }
    func row(_ number: Int, _ labels: [TableLabel], _ published: Double, _ runs: [RunSummary]) throws -> TableRow {
      TableRow(
        number: number, labels: labels,
        results: [
          try TableResult(
            dataset: "AMOS22", publishedDSC: published, runs: runs,
            command: "segbench run Recipes/meddinov3/table1/row\(number).yaml --profile phantom", baselines: [baseline],
            scale: scale)
        ])
    }
    return TableReport(
      identifier: "table1", title: "Table 1: adapting a ViT | AMOS22", source: "Li et al., MedDINOv3, 2025",
      profile: "phantom", rowsAreSteps: true,
      rows: [
        try row(1, labels("randinit.", "×"), 78.39, [run("a", 0, scores(0.5, 0.5)), run("b", 1, scores(0.75, 0.75))]),
        try row(2, labels("DINOv3", "×"), 81.35, [run("c", 0, scores(0.75, 0.5), ["Pretrained here on dead leaves."])]),
        try row(3, labels("DINOv3", "✓"), 83.45, []),
      ], notes: ["Fold 0 only."])
  }

  /// The cells of the Markdown line that starts with a row's number.
  func cells(_ markdown: String, row: Int) throws -> [String] {
    let line = try #require(
      markdown.split(separator: "\n").first {
        $0.hasPrefix("|") && $0.dropFirst().drop { $0 == " " }.hasPrefix("\(row) ")
      })
    return line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
  }

  @Test("a row shows labels, published and our scores, steps, seeds, time and runs")
  func markdownRows() throws {
    let text = try Self.report().markdown()
    // Row 1: seeds average to 0.625 in both cases.
    #expect(
      try cells(text, row: 1) == [
        "1", "randinit.", "×", "640 × 640 (here 96 × 96)", "78.39", "62.50 ± 0.00", "31.25 ± 0.00", "", "", "",
        "0, 1 (DSC sd 17.68)", "3 min 21 s", "aaaaaaaaaa, bbbbbbbbbb",
      ])
    // Row 2: liver (0.75 + 0.5) / 2, spleen 0.75: 68.75; deviation of 0.75 and 0.5: 0.25 / sqrt 2. A drawn sample of only
    // the second case has no spleen: its difference is 0.5 - 0.625, the lowest; only the first: 0.75 - 0.625, the highest.
    #expect(
      try cells(text, row: 2) == [
        "2", "DINOv3", "×", "640 × 640 (here 96 × 96)", "81.35", "68.75 ± 17.68 [^1]", "34.38 ± 8.84", "+2.96",
        "+6.25 [-12.50, +12.50]", "1.000", "0", "1 min 40 s", "cccccccccc",
      ])
    #expect(
      try cells(text, row: 3) == [
        "3", "DINOv3", "✓", "640 × 640 (here 96 × 96)", "83.45", "missing", "missing", "+2.10", "", "", "", "", "",
      ])
    #expect(text.contains("- row 3: `segbench run Recipes/meddinov3/table1/row3.yaml --profile phantom`"))
    #expect(text.contains("[^1]: Pretrained here on dead leaves.\n"))
    #expect(text.contains("- Fold 0 only.\n"))
  }

  @Test("a table whose runs nobody holds against the paper's rows says that its numbers are not the paper's")
  func disclaimer() throws {
    #expect(try Self.report().markdown().contains("**Our numbers in this table are not the paper's"))
  }

  @Test("rows that ran with another engine, instruction set or thread count are told apart, pretrainings among them")
  func basis() throws {
    func run(_ set: String, threads: Int, from start: String? = nil) -> RunSummary {
      let basis = ComputeBasis(engineVersion: "1", instructionSet: set, threads: threads)
      return RunSummary(
        identity: "aaaaaaaaaaaa", seed: 0, scores: Self.scores(0.5, 0.5), wallSeconds: 1, basis: basis,
        extent: RunExtent(cases: 5, expectedCases: nil, trainingCases: 4, validationCases: 1),
        startingRuns: start.map {
          [
            StartingRun(
              identity: "bbbbbbbbbbbbbb", title: "s",
              basis: ComputeBasis(engineVersion: "1", instructionSet: $0, threads: threads), extent: nil)
          ]
        } ?? [])
    }
    let runs = [
      run("avx2", threads: 2), run("avx2", threads: 2, from: "avx2"), run("avx512", threads: 2),
      run("avx2", threads: 1, from: "avx512"),
    ]
    let report = TableReport(
      identifier: "t", title: "T", source: nil, profile: "phantom", rowsAreSteps: false,
      rows: try runs.enumerated().map { index, run in
        TableRow(
          number: index + 1, labels: [],
          results: [try TableResult(dataset: "D", runs: [run], command: "a `b`")])
      })
    let text = report.markdown()
    #expect(text.contains("- rows 1, 2: engine 1, avx2, 2 threads; 4 training and 1 validation case\n"), "\(text)")
    #expect(text.contains("- row 3: engine 1, avx512, 2 threads; 4 training and 1 validation case\n"))
    #expect(
      text.contains(
        "- row 4: engine 1, avx2, 1 thread; 4 training and 1 validation case; started from the pretraining bbbbbbbbbb, "
          + "which ran with engine 1, avx512, 1 thread\n"), "\(text)")
    #expect(report.csv().contains("bbbbbbbbbbbbbb (engine 1, avx512, 1 thread)"))
  }

  @Test("a probe's table says what its maps and the pretrainings before them rest on")
  func probe() {
    func basis(_ set: String) -> ComputeBasis { ComputeBasis(engineVersion: "1", instructionSet: set, threads: 2) }
    func row(_ set: String) -> ProbeReport.Row {
      ProbeReport.Row(
        title: set,
        scores: [
          EncoderProbe.Scores(
            classes: [("liver", 0.5)],
            extent: RunExtent(cases: 5, expectedCases: nil, trainingCases: 3, validationCases: 2),
            startingRuns: [StartingRun(identity: "cccccccccccc", title: "p", basis: basis(set), extent: nil)])
        ])
    }
    let text = ProbeReport(
      title: "t", profile: "phantom", seeds: [0], rows: [row("avx2"), row("avx512")], basis: basis("avx2")
    ).markdown()
    #expect(
      text.contains("- row 1: the map: engine 1, avx2, 2 threads; 3 training and 2 validation cases\n"), "\(text)")
    #expect(
      text.contains(
        "- row 2: the map: engine 1, avx2, 2 threads; 3 training and 2 validation cases; the pretraining cccccccccc ran "
          + "with engine 1, avx512, 2 threads\n"), "\(text)")
  }

  @Test("the classes behind every row stand beside the predictors that never saw an image")
  func classes() throws {
    let text = try Self.report().markdown()
    func line(_ start: String) -> String? { text.split(separator: "\n").map(String.init).first { $0.hasPrefix(start) } }
    #expect(line("| Class") == "| Class  | Cases | label prior | Row 1 | Row 2 |")
    #expect(line("| liver") == "| liver  |     2 |       18.75 | 62.50 | 62.50 |")
    #expect(line("| spleen") == "| spleen |     1 |       25.00 | 62.50 | 75.00 |")
    #expect(line("| mean") == "| mean   |     2 |       21.88 | 62.50 | 68.75 |")
    #expect(text.contains("(label prior) 21.88; the lowest row 62.50."))
  }

  @Test("the source of every table is aligned, and a bar in a cell doesn't end it")
  func aligned() throws {
    let report = TableReport(
      identifier: "t", title: "T", source: "S", profile: "paper", rowsAreSteps: false,
      rows: [
        TableRow(
          number: 1, labels: [TableLabel("Method", "a|b\nc")],
          results: [try TableResult(dataset: "D", publishedDSC: 1, publishedNSD: 2, runs: [], command: "x")])
      ])
    let lines = report.markdown().split(separator: "\n").filter { $0.hasPrefix("|") }
    #expect(lines.count == 3)
    #expect(Set(lines.map(\.count)).count == 1)
    #expect(lines[2].contains("a\\|b c"))
  }

  @Test("JSON is a list of rows with cells that carry published, mean, deviation, seeds and runs")
  func json() throws {
    let rows = try #require(
      try JSONSerialization.jsonObject(with: Data(try Self.report().json().utf8)) as? [[String: Any]])
    #expect(rows.count == 3)
    let cell = try #require((rows[1]["cells"] as? [[String: Any]])?.first)
    #expect(cell["score"] as? String == "DSC")
    #expect(cell["published"] as? Double == 81.35)
    #expect(cell["mean"] as? Double == 68.75)
    #expect(abs(try #require(cell["sd"] as? Double) - 25 / 2.0.squareRoot()) < 1e-12)
    #expect(cell["published_step"] as? Double == 2.96)
    #expect(cell["step"] as? Double == 6.25)
    let runs = try #require(cell["runs"] as? [[String: Any]])
    #expect(runs.map { $0["identity"] as? String } == [String(repeating: "c", count: 64)])
    let missing = try #require((rows[2]["cells"] as? [[String: Any]])?.first)
    #expect(missing["mean"] is NSNull)
    #expect((missing["runs"] as? [Any])?.isEmpty == true)
    #expect((rows[0]["our_labels"] as? [String: String])?["Resolution"] == "96 × 96")
  }

  @Test("CSV has one line a row, as many fields in each, and empty ones for what is missing")
  func csv() throws {
    let lines = try Self.report().csv().split(separator: "\n").map { $0.components(separatedBy: ",") }
    #expect(lines.count == 4)
    #expect(lines.allSatisfy { $0.count == lines[0].count })
    let mean = try #require(lines[0].firstIndex(of: "our_dsc"))
    #expect(lines.dropFirst().map { $0[mean] } == ["62.5", "68.75", ""])
    let seeds = try #require(lines[0].firstIndex(of: "seeds"))
    #expect(lines[1][seeds] == "0 1")
  }

  @Test("runs of one row must have scored the same cases")
  func differentCases() throws {
    let table = Self.scores(0.5, 0.5)
    let other = ScoreTable(classes: table.classes, cases: [table.cases[0]])
    let runs = [
      RunSummary(identity: "aaaaaaaaaaaa", seed: 0, scores: table, wallSeconds: 1),
      RunSummary(identity: "bbbbbbbbbbbb", seed: 1, scores: other, wallSeconds: 1),
    ]
    #expect(throws: ReportError.differentCases("aaaaaaaaaa", "bbbbbbbbbb")) {
      try TableResult(dataset: "D", runs: runs, command: "x")
    }
  }
}
