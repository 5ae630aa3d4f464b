import Evaluation
import Testing

@Suite("Differences between two results on the same cases")
struct PairedComparisonTests {
  func table(_ scores: [Double]) -> ScoreTable {
    ScoreTable(
      classes: ["organ"],
      cases: scores.enumerated().map { CaseScores(name: "case\($0.offset)", dsc: [$0.element], nsd: [$0.element]) })
  }

  @Test("with three gains of three, one sign pattern in four is as extreme")
  func exactTest() throws {
    let paired = try #require(PairedComparison(from: table([0.5, 0.6, 0.7]), to: table([0.6, 0.8, 0.75])))
    #expect(abs(paired.difference - 0.35 / 3) < 1e-15)
    // Of the 8 sign patterns, only the two with all signs equal are as extreme.
    #expect(paired.pValue == 0.25)
    #expect(paired.cases == 3)
  }

  @Test("a gain and a loss of the same size say nothing")
  func ties() throws {
    // Both have rank 1.5.
    let paired = try #require(PairedComparison(from: table([0.5, 0.6]), to: table([0.6, 0.5])))
    #expect(paired.pValue == 1)
  }

  @Test("the bootstrap interval of a constant difference is a point; of a binary one, the binomial's quantiles")
  func interval() throws {
    let constant = try #require(PairedComparison(from: table([0.25, 0.5, 0.75]), to: table([0.5, 0.75, 1])))
    #expect(abs(constant.interval.lowerBound - 0.25) < 1e-12 && abs(constant.interval.upperBound - 0.25) < 1e-12)
    // Ten cases gain 0 and ten gain 0.5: the mean gain is 0.025 Binomial(20, 1/2), whose 2.5 % and 97.5 % quantiles are 6 and 14.
    let before = [Double](repeating: 0.25, count: 20)
    let after = (0..<20).map { $0 < 10 ? 0.25 : 0.75 }
    let paired = try #require(PairedComparison(from: table(before), to: table(after)))
    #expect(abs(paired.interval.lowerBound - 0.15) < 1e-12)
    #expect(abs(paired.interval.upperBound - 0.35) < 1e-12)
    // Ten zeros and ten equal gains: z = 27.5 / √((10 · 11 · 21 - 990 / 2) / 24) = √10, as SciPy's 0.0015654022580025.
    #expect(abs(paired.pValue - 0.001_565_402_258_002_5) < 1e-12)
  }

  @Test("classes that a drawn case lacks are left out, as in the table's own mean")
  func missingClasses() throws {
    func table(_ shift: Double) -> ScoreTable {
      ScoreTable(
        classes: ["liver", "bladder"],
        cases: [
          CaseScores(name: "a", dsc: [0.5 + shift, nil], nsd: [nil, nil]),
          CaseScores(name: "b", dsc: [0.25 + shift, 0.125 + shift], nsd: [nil, nil]),
        ])
    }
    let paired = try #require(PairedComparison(from: table(0), to: table(0.25)))
    #expect(abs(paired.interval.lowerBound - 0.25) < 1e-12 && abs(paired.interval.upperBound - 0.25) < 1e-12)
    #expect(PairedComparison(from: table(0), to: table(0.25), score: .nsd) == nil)
  }

  @Test("a class is compared over the cases that have it")
  func oneClass() throws {
    let before = ScoreTable(
      classes: ["liver", "bladder"],
      cases: [
        CaseScores(name: "a", dsc: [0.5, nil], nsd: [nil, nil]),
        CaseScores(name: "b", dsc: [0.5, 0.25], nsd: [nil, nil]),
        CaseScores(name: "c", dsc: [0.5, 0.25], nsd: [nil, nil]),
      ])
    let after = ScoreTable(
      classes: before.classes,
      cases: before.cases.map { CaseScores(name: $0.name, dsc: [0.5, $0.dsc[1].map { $0 + 0.5 }], nsd: $0.nsd) })
    let bladder = try #require(PairedComparison(from: before, to: after, score: .dsc, class: 1))
    #expect(bladder.cases == 2 && bladder.difference == 0.5 && bladder.pValue == 0.5)
    let liver = try #require(PairedComparison(from: before, to: after, score: .dsc, class: 0))
    #expect(liver.cases == 3 && liver.difference == 0 && liver.pValue == 1)
    #expect(PairedComparison(from: before, to: after, score: .nsd, class: 0) == nil)
  }

  @Test("one case, other cases or other classes are not compared")
  func refused() {
    #expect(PairedComparison(from: table([0.5]), to: table([0.6])) == nil)
    #expect(PairedComparison(from: table([0.5, 0.6]), to: table([0.6])) == nil)
  }
}
