import Evaluation
import Testing

@Suite("Averages over cases and classes")
struct ScoreTableTests {
  /// Two classes; the second case lacks the second class.
  let table = ScoreTable(
    classes: ["liver", "spleen"],
    cases: [
      CaseScores(name: "a", dsc: [0.8, 0.6], nsd: [0.5, 0.4]),
      CaseScores(name: "b", dsc: [0.4, nil], nsd: [0.3, nil]),
    ])

  @Test("the mean is per class over the cases that have it, then over classes")
  func mean() throws {
    // Classes: (0.8 + 0.4) / 2 = 0.6 and 0.6; not the mean of the cases' means, (0.7 + 0.4) / 2 = 0.55.
    #expect(abs(try #require(table.mean(.dsc)) - 0.6) < 1e-15)
    #expect(abs(try #require(table.mean(.nsd)) - 0.4) < 1e-15)
  }

  @Test("the deviation is the sample's, over the cases' means")
  func deviation() throws {
    // Case means 0.7 and 0.4: the sample standard deviation is 0.3 / sqrt(2).
    #expect(abs(try #require(table.standardDeviation(.dsc)) - 0.3 / 2.0.squareRoot()) < 1e-15)
    let single = ScoreTable(classes: ["liver"], cases: [CaseScores(name: "a", dsc: [0.5], nsd: [0.5])])
    #expect(single.standardDeviation(.dsc) == nil)
  }

  @Test("a class that no case has is undefined and left out")
  func undefined() {
    let table = ScoreTable(
      classes: ["liver", "uterus"], cases: [CaseScores(name: "a", dsc: [0.5, nil], nsd: [nil, nil])])
    #expect(table.classMeans(.dsc) == [0.5, nil])
    #expect(table.mean(.dsc) == 0.5)
    #expect(table.mean(.nsd) == nil)
  }

  @Test("seeds are averaged value by value, and only over the same cases")
  func seeds() {
    let other = ScoreTable(
      classes: table.classes,
      cases: [
        CaseScores(name: "a", dsc: [0.5, 1.0], nsd: [0.5, 0.5]),
        CaseScores(name: "b", dsc: [0.2, nil], nsd: [0.25, nil]),
      ])
    let average = ScoreTable.average([table, other])
    #expect(average?.cases[0].dsc == [(0.8 + 0.5) / 2, (0.6 + 1.0) / 2])
    #expect(average?.cases[1].dsc[1] == nil)
    let renamed = ScoreTable(classes: table.classes, cases: [table.cases[0]])
    #expect(ScoreTable.average([table, renamed]) == nil)
    #expect(ScoreTable.average([]) == nil)
  }
}
