import Evaluation
import Experiments
import Foundation
import Reporting
import TestSupport
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
    let baseline = PredictorScores(name: "label prior", scores: scores(0.25, 0.125))
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

  @Test("rows that ran with another engine or on another device are told apart, pretrainings among them")
  func basis() throws {
    func run(_ engine: String, on device: String? = nil, from start: String? = nil) -> RunSummary {
      RunSummary(
        identity: "aaaaaaaaaaaa", seed: 0, scores: Self.scores(0.5, 0.5), wallSeconds: 1,
        basis: ComputeBasis(engineVersion: engine, device: device),
        extent: RunExtent(cases: 5, expectedCases: nil, trainingCases: 4, validationCases: 1),
        startingRuns: start.map {
          [
            StartingRun(
              identity: "bbbbbbbbbbbbbb", title: "s", basis: ComputeBasis(engineVersion: $0, device: device),
              extent: nil)
          ]
        } ?? [])
    }
    let runs = [run("1"), run("1", from: "1"), run("2"), run("1", on: "PyTorch 2 on the CPU", from: "2")]
    let report = TableReport(
      identifier: "t", title: "T", source: nil, profile: "phantom", rowsAreSteps: false,
      rows: try runs.enumerated().map { index, run in
        TableRow(
          number: index + 1, labels: [],
          results: [try TableResult(dataset: "D", runs: [run], command: "a `b`")])
      })
    let text = report.markdown()
    #expect(text.contains("- rows 1, 2: engine 1; 4 training and 1 validation case\n"), "\(text)")
    #expect(text.contains("- row 3: engine 2; 4 training and 1 validation case\n"))
    #expect(
      text.contains(
        "- row 4: engine 1, PyTorch 2 on the CPU; 4 training and 1 validation case; started from the pretraining "
          + "bbbbbbbbbb, which ran with engine 2, PyTorch 2 on the CPU\n"), "\(text)")
    #expect(report.csv().contains("bbbbbbbbbbbbbb (engine 2, PyTorch 2 on the CPU)"))
  }

  @Test("a probe's table says what its maps and the pretrainings before them rest on")
  func probe() {
    func basis(_ engine: String) -> ComputeBasis { ComputeBasis(engineVersion: engine) }
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
      title: "t", profile: "phantom", seeds: [0], rows: [row("1"), row("2")], basis: basis("1")
    ).markdown()
    #expect(
      text.contains("- row 1: the map: engine 1; 3 training and 2 validation cases\n"), "\(text)")
    #expect(
      text.contains(
        "- row 2: the map: engine 1; 3 training and 2 validation cases; the pretraining cccccccccc ran "
          + "with engine 2\n"), "\(text)")
  }

  @Test("the classes behind every row stand beside the predictors without a network")
  func classes() throws {
    let text = try Self.report().markdown()
    func line(_ start: String) -> String? { text.split(separator: "\n").map(String.init).first { $0.hasPrefix(start) } }
    #expect(line("| Class") == "| Class  | Cases | label prior | Row 1 | Row 2 |")
    #expect(line("| liver") == "| liver  |     2 |       18.75 | 62.50 | 62.50 |")
    #expect(line("| spleen") == "| spleen |     1 |       25.00 | 62.50 | 75.00 |")
    #expect(line("| mean") == "| mean   |     2 |       21.88 | 62.50 | 68.75 |")
    #expect(line("| label prior") == "| label prior                 | 21.88 | 10.94 |")
    #expect(text.contains("No row scores below one of these predictors in DSC."))
  }

  /// Two rows on two cases: the first misses the spleen once and invents it once, the second neither.
  static func evaluated(_ averaging: Averaging, baselines: [[PredictorScores]]) throws -> TableReport {
    func run(_ name: String, _ spleen: [(dsc: Double?, hd95: Double?, reference: Int, prediction: Int)]) -> RunSummary {
      let liver = ClassMetrics(dsc: 0.5, nsd: 0.25, hd95: 4, referenceVoxels: 9, predictionVoxels: 9)
      let report = EvaluationReport(
        classes: [EvaluationClass(name: "liver", labels: [1]), EvaluationClass(name: "spleen", labels: [2])],
        cases: spleen.enumerated().map { index, item in
          CaseMetrics(
            name: "case_\(index)",
            classes: [
              liver,
              ClassMetrics(
                dsc: item.dsc, nsd: item.dsc, hd95: item.hd95, referenceVoxels: item.reference,
                predictionVoxels: item.prediction),
            ], diagonal: 100)
        }, averaging: averaging)
      return RunSummary(identity: name, seed: 0, evaluation: report, wallSeconds: 1)
    }
    let runs = [
      run("aaaaaaaaaaaa", [(1, 2, 5, 5), (0, nil, 5, 0), (0, nil, 0, 7)]),
      run("bbbbbbbbbbbb", [(1, 2, 5, 5), (0.5, 8, 5, 4), (nil, nil, 0, 0)]),
    ]
    return TableReport(
      identifier: "t", title: "T", source: nil, profile: "quick", rowsAreSteps: false,
      rows: try runs.enumerated().map { index, run in
        TableRow(
          number: index + 1, labels: [TableLabel("Method", "m\(index)")],
          results: [try TableResult(dataset: "D", runs: [run], command: "x", baselines: baselines[index])])
      })
  }

  private static func baseline(_ name: String, _ value: Double) -> PredictorScores {
    PredictorScores(
      name: name,
      scores: ScoreTable(
        classes: ["liver", "spleen"],
        cases: ["case_0", "case_1", "case_2"].map { CaseScores(name: $0, dsc: [value, value], nsd: [value, value]) }))
  }

  @Test("a table says what its means leave out, by either rule")
  func leftOut() throws {
    func lines(_ averaging: Averaging) throws -> (text: String, table: [[String]]) {
      let text = try Self.evaluated(averaging, baselines: [[], []]).markdown()
      let lines = text.split(separator: "\n").map(String.init)
      let start = try #require(lines.firstIndex { $0.contains("Absent, yet predicted") })
      return (
        text,
        lines[(start + 2)..<(start + 4)].map { line in
          line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
        }
      )
    }
    let exclude = try lines(Averaging())
    // HD95 of liver 4, of spleen 2: missing it once made the first row's the better.
    #expect(exclude.table == [["1", "1 (spleen 1)", "1 (spleen 1)", "3.00", "1"], ["2", "0", "0", "4.50", "0"]])
    #expect(
      exclude.text.contains("evaluation.absent: exclude") && exclude.text.contains("evaluation.hd95_missing: exclude"))
    #expect(exclude.text.contains("| spleen |     2 |"))
    let zero = try lines(Averaging(absent: .zero, missingDistance: .diagonal))
    // Liver 4; spleen (2 + 100 + 100) / 3.
    #expect(zero.table[0] == ["1", "1 (spleen 1)", "1 (spleen 1)", "35.67", "0"])
    #expect(zero.text.contains("evaluation.absent: zero") && zero.text.contains("**the published code leaves it out**"))
    // Spleen: 1, 0 and 0 of three cases, of two by the other rule.
    #expect(exclude.text.contains("| 50.00 | 75.00 |") && zero.text.contains("| 33.33 | 75.00 |"))

    let report = try Self.evaluated(Averaging(), baselines: [[], []])
    let rows = try #require(try JSONSerialization.jsonObject(with: Data(report.json().utf8)) as? [[String: Any]])
    let left = try #require((rows[0]["cells"] as? [[String: Any]])?.first?["left_out"] as? [String: Any])
    #expect(left["absent"] as? String == "exclude" && (left["counted"] as? [String: Int]) == ["liver": 3, "spleen": 2])
    #expect(
      (left["false_positives"] as? [String: Int])?["spleen"] == 1 && (left["missed"] as? [String: Int])?["spleen"] == 1)
    let csv = report.csv().split(separator: "\n").map { $0.components(separatedBy: ",") }
    let column = try #require(csv[0].firstIndex(of: "false_positives"))
    #expect(csv[1][column..<(column + 4)] == ["1", "1", "3.0", "1"] && csv.allSatisfy { $0.count == csv[0].count })
  }

  @Test("a row below a predictor without a network is named with it, in the Markdown, CSV and JSON")
  func belowBlindPredictors() throws {
    let (high, low) = (Self.baseline("thresholds with height", 0.6), Self.baseline("majority with height", 0.1))
    let report = try Self.evaluated(Averaging(), baselines: [[low, high], [low, high]])
    let text = report.markdown()
    // Row 1: liver 50, spleen 50; row 2: 50 and 75.
    #expect(text.contains("**In DSC:** Row 1 (50.00) scores below thresholds with height (60.00).\n"))
    #expect(text.contains("| thresholds with height") && text.contains("Majority predicts the label"))
    #expect(text.contains("| Class  | Cases | majority with height | thresholds with height | Row 1 | Row 2 |"))
    let csv = report.csv().split(separator: "\n").map { $0.components(separatedBy: ",") }
    let below = try #require(csv[0].firstIndex(of: "below"))
    #expect(csv[1][below] == "thresholds with height" && csv[2][below] == "")
    #expect(csv[1][try #require(csv[0].firstIndex(of: "majority_with_height_dsc"))].hasPrefix("10.0"))
    let rows = try #require(try JSONSerialization.jsonObject(with: Data(report.json().utf8)) as? [[String: Any]])
    let cell = try #require((rows[0]["cells"] as? [[String: Any]])?.first)
    #expect(cell["below"] as? [String] == ["thresholds with height"])
    let classes = try #require((cell["baseline_classes"] as? [String: [String: Double]])?["thresholds with height"])
    #expect(abs(try #require(classes["spleen"]) - 60) < 1e-9)
    // A row on another fold has predictors of its own.
    let other = try Self.evaluated(Averaging(), baselines: [[low], [high]]).markdown()
    #expect(other.contains("| majority with height (row 1)") && other.contains("| thresholds with height (row 2)"))
    #expect(other.contains("No row scores below one of these predictors in DSC."))
  }

  @Test("the README takes the table with the predictors without a network and the sentence under them")
  func readme() throws {
    let root = FileManager.default.temporaryDirectory.appendingPathComponent("segbench-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: root) }
    for folder in ["Docs", "Results/phantom/meddinov3"] {
      try FileManager.default.createDirectory(
        at: root.appendingPathComponent(folder), withIntermediateDirectories: true)
    }
    let script = repository.appendingPathComponent("Docs/update-readme.sh")
    try FileManager.default.copyItem(at: script, to: root.appendingPathComponent("Docs/update-readme.sh"))
    let (high, low) = (Self.baseline("thresholds with height", 0.6), Self.baseline("majority with height", 0.1))
    let report = try Self.evaluated(Averaging(), baselines: [[low, high], [low, high]])
    try Data(report.markdown().utf8).write(to: root.appendingPathComponent("Results/phantom/meddinov3/table1.md"))
    let readme = root.appendingPathComponent("README.md")
    try Data("before\n<!-- table1: x -->\nold\n<!-- /table1 -->\nafter\n".utf8).write(to: readme)
    for _ in 0..<2 {
      let process = Process()
      process.executableURL = URL(fileURLWithPath: "/bin/bash")
      process.arguments = [root.appendingPathComponent("Docs/update-readme.sh").path]
      try process.run()
      process.waitUntilExit()
      #expect(process.terminationStatus == 0)
      let text = try String(contentsOf: readme, encoding: .utf8)
      #expect(text.hasPrefix("before\n<!-- table1: x -->\n\n| ") && text.hasSuffix("\n<!-- /table1 -->\nafter\n"))
      #expect(text.contains("\n\n| Predictor without a network") && text.contains("| thresholds with height"))
      #expect(text.contains("Row 1 (50.00) scores below thresholds with height (60.00)."))
      #expect(!text.contains("\nold\n") && !text.contains("How to read it") && !text.contains("\n\n\n"))
    }
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
