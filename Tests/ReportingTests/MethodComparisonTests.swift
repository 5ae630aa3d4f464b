import Evaluation
import Experiments
import Foundation
import Reporting
import Testing

@Suite("Methods side by side")
struct MethodComparisonTests {
  /// Two methods on two data sets, each scored on the same two cases.
  static func report() throws -> TableReport {
    func run(_ first: Double, _ second: Double) -> RunSummary {
      RunSummary(
        identity: String(repeating: "a", count: 40), seed: 0, scores: TableReportTests.scores(first, second),
        wallSeconds: 1)
    }
    func row(_ number: Int, _ method: String, _ published: (Double, Double), _ runs: [RunSummary?]) throws -> TableRow {
      TableRow(
        number: number, labels: [TableLabel("Method", method)],
        results: try zip(["amos22", "btcv"], [published.0, published.1]).enumerated().map { index, item in
          try TableResult(
            dataset: item.0, datasetTitle: item.0.uppercased(), publishedDSC: item.1,
            runs: [runs[index]].compactMap { $0 }, command: "segbench run x")
        })
    }
    return TableReport(
      identifier: "table2", title: "Table 2", source: "a paper", profile: "phantom", rowsAreSteps: false,
      rows: [
        try row(1, "nnU-Net", (84.81, 73.30), [run(0.5, 0.5), run(0.75, 0.75)]),
        try row(2, "MedDINOv3", (87.38, 78.79), [run(0.75, 0.75), nil]),
      ])
  }

  @Test(
    "the best of the paper's column is bold, ours only where cases and seeds decide it; what has not run is missing")
  func best() throws {
    let lines = try Self.report().markdown().split(separator: "\n").map(String.init)
    func cells(_ start: String) throws -> [String] {
      try #require(lines.first { $0.hasPrefix(start) }).split(separator: "|").map {
        $0.trimmingCharacters(in: .whitespaces)
      }
    }
    #expect(try cells("| nnU-Net") == ["nnU-Net", "84.81", "50.00", "73.30", "75.00"])
    #expect(try cells("| MedDINOv3") == ["MedDINOv3", "**87.38**", "75.00", "**78.79**", "missing"])
  }

  @Test("of ours a score is bold where every interval against every other row lies above 0", arguments: [1, 2])
  func decidedBest(seeds: Int) throws {
    func row(_ number: Int, _ gain: Double) throws -> TableRow {
      let runs = (0..<seeds).map { seed in
        RunSummary(
          identity: "\(number)\(seed)", seed: UInt64(seed),
          scores: ScoreTable(
            classes: ["liver"],
            cases: (0..<8).map { index in
              let value = 0.5 + 0.01 * Double(index) + 0.001 * Double(seed) + gain * (1 + 0.1 * Double(index % 3))
              return CaseScores(name: "\(index)", dsc: [value], nsd: [0.5])
            }), wallSeconds: 1)
      }
      return TableRow(
        number: number, labels: [TableLabel("Method", "row \(number)")],
        results: [try TableResult(dataset: "D", runs: runs, command: "x")])
    }
    let report = TableReport(
      identifier: "t", title: "T", source: nil, profile: "quick", rowsAreSteps: false,
      rows: [try row(1, 0), try row(2, 0.2), try row(3, 0.1)])
    let text = report.markdown()
    let bold = text.matches(of: /\*\*[0-9.]+\*\*/).map { String($0.output) }
    #expect(
      bold == (seeds == 1 ? [] : ["**\(String(format: "%.2f", 100 * report.rows[1].results[0].scores!.mean(.dsc)!))**"])
    )
    #expect(text.contains("What rests on 1 seed, fewer than 2 is undecided") == (seeds == 1))
  }

  @Test("a difference is the paper's subtraction and ours with its uncertainty over cases")
  func differences() throws {
    let text = try Self.report().markdown()
    // 87.38 - 84.81 and 78.79 - 73.30; every case is 0.25 better.
    #expect(text.contains("+2.57 | +25.00"))
    #expect(text.contains("+5.49 |"))
    #expect(text.contains("### Difference to nnU-Net, in points of DSC"))
  }

  @Test("a sheet shows the best, the median and the worst case, each once")
  func sheetCases() {
    func table(_ values: [Double]) -> ScoreTable {
      ScoreTable(
        classes: ["liver"],
        cases: values.enumerated().map { CaseScores(name: "case_\($0.offset)", dsc: [$0.element], nsd: [nil]) })
    }
    #expect(CaseSheet.cases(of: table([0.25, 0.75, 0.5, 0.125])).map(\.name) == ["case_1", "case_0", "case_3"])
    #expect(CaseSheet.cases(of: table([0.25])).map(\.rank) == ["best"])
    #expect(CaseSheet.cases(of: table([0.25, 0.5])).map(\.name) == ["case_1", "case_0"])
  }
}
