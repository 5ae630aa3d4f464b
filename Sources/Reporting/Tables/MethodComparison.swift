import Evaluation
import Experiments

/// Methods side by side over several data sets, as the paper's Table 2 prints them: for each score one table of the published
/// numbers beside ours, and one of each method's difference to the first row's.
extension TableReport {
  /// Whether rows are methods of their own, so that they are set side by side.
  var comparesMethods: Bool { !rowsAreSteps && (datasets.count > 1 || source == nil && rows.count > 1) }

  /// The tables of every published score, of every score where nothing is published; empty for a table of steps, or of a
  /// paper's one data set.
  func methodComparison() -> String {
    guard comparesMethods else { return "" }
    return Score.allCases.filter { hasPublished($0) || source == nil }.map { score in
      "\n## \(score.rawValue) (%)\n\n" + scores(score)
        + "\n### Difference to \(name(of: 0)), in points of \(score.rawValue)\n\n" + differences(score)
    }.joined()
  }

  /// What the differences mean, for the explanation under the tables.
  var methodComparisonNote: String {
    "Bold is the best of the paper's column as it is printed; of ours a score whose difference to every other row is above 0 "
      + "in its whole 95 % intervals over cases and over seeds, with \(RequiredEvidence.rule). A difference is a method's score less that of \(name(of: 0)) on the same data set; in "
      + "brackets the 95 % bootstrap interval over cases (BCa, \(Bootstrap.draws) samples, the same cases drawn for both "
      + "methods), then the p of Wilcoxon's two-sided signed-rank test over cases."
  }

  private func hasPublished(_ score: Score) -> Bool {
    rows.contains { $0.results.contains { $0.published(score) != nil } }
  }

  /// The headings of a table of methods: `ours` behind every data set's name, before it the paper's column if there is one.
  private func columns(_ score: Score, ours: String) -> [(String, MarkdownTable.Alignment)] {
    rows[0].labels.map { ($0.column, .left) }
      + datasets.flatMap { dataset in
        (hasPublished(score) ? [("\(dataset) paper", .right)] : []) + [("\(dataset) \(ours)", .right)]
      }
  }

  private func name(of row: Int) -> String { rows[row].labels.first?.paper ?? "row \(row + 1)" }

  private func scores(_ score: Score) -> String {
    var table = MarkdownTable(columns(score, ours: "ours"))
    let bestPublished = datasets.indices.map { index in rows.compactMap { $0.results[index].published(score) }.max() }
    for (place, row) in rows.enumerated() {
      var cells = row.labels.map(\.text)
      for (index, result) in row.results.enumerated() {
        let published = result.published(score)
        let ours = result.scores?.mean(score)
        if hasPublished(score) {
          cells.append(
            published.map { Self.emphasised(NumberText.decimals($0, 2), published == bestPublished[index]) } ?? "")
        }
        cells.append(
          ours.map { Self.emphasised(NumberText.percent($0), isBest(place, dataset: index, score)) }
            ?? (result.runs.isEmpty ? "missing" : "undefined"))
      }
      table.append(cells)
    }
    return table.text
  }

  /// Whether our runs decide that a row is above every other on a data set.
  private func isBest(_ place: Int, dataset: Int, _ score: Score) -> Bool {
    rows.count > 1
      && rows.indices.allSatisfy { other in
        guard other != place else { return true }
        guard let difference = judged(from: other, to: place, dataset: dataset, score), !difference.intervals.isEmpty
        else { return false }
        return difference.intervals.allSatisfy { $0.lowerBound > 0 }
      }
  }

  private func judged(from first: Int, to second: Int, dataset: Int, _ score: Score) -> JudgedDifference? {
    guard let low = rows[first].results[dataset].seeds, let high = rows[second].results[dataset].seeds
    else { return nil }
    return JudgedDifference(from: low, to: high, score: score)
  }

  /// Why the table's differences decide nothing; nil where they may.
  var evidenceNote: String? {
    let reasons = RequiredEvidence.distinct(
      datasets.indices.flatMap { index in
        rows.indices.dropFirst().flatMap {
          judged(from: rowsAreSteps ? $0 - 1 : 0, to: $0, dataset: index, .dsc)?.shortcomings ?? []
        }
      })
    guard !reasons.isEmpty else { return nil }
    return
      "What rests on \(reasons.joined(separator: " or on ")) is undecided, whatever its interval says: a verdict takes "
      + "\(RequiredEvidence.rule)."
  }

  private func differences(_ score: Score) -> String {
    var table = MarkdownTable(columns(score, ours: "ours [95 %], p"))
    for place in rows.indices.dropFirst() {
      var cells = rows[place].labels.map(\.text)
      for index in datasets.indices {
        let found = difference(from: 0, to: place, dataset: index, score: score)
        if hasPublished(score) { cells.append(found.paper.map(NumberText.signed) ?? "") }
        var ours = found.ours.map(NumberText.points) ?? ""
        if let paired = found.paired {
          ours +=
            " [\(NumberText.points(paired.interval.lowerBound)), \(NumberText.points(paired.interval.upperBound))]"
            + ", \(NumberText.probability(paired.pValue))"
        }
        cells.append(ours)
      }
      table.append(cells)
    }
    return table.text
  }

  private static func emphasised(_ text: String, _ isBest: Bool) -> String { isBest ? "**\(text)**" : text }
}
