import Evaluation
import Experiments
import Files

extension TableReport {
  /// The report as Markdown: for each data set the paper's rows with ours beside them, how to read them, their
  /// footnotes, the commands of missing runs, and the classes behind every row.
  public func markdown() -> String {
    var footnotes = Footnotes()
    var text = "# \(title)\n\n" + preamble + methodComparison()
    for index in datasets.indices {
      if datasets.count > 1 { text += "\n## \(datasets[index])\n" }
      text += "\n" + mainTable(index, &footnotes)
      text += missingRuns(index) + blindPredictors(index) + basisList(index)
    }
    text += footnotes.text
    text += "\nHow to read it:\n\n" + explanation.map { "- \($0)\n" }.joined()
    for index in datasets.indices { text += classTable(index) + leftOut(index) }
    return text + changesSection
  }

  var datasets: [String] { rows.first?.results.map(\.datasetTitle) ?? [] }

  private var preamble: String {
    let text = "Profile: \(profile)."
    guard let source else { return text + "\n" }
    return text + disclaimer + " The published numbers are those of \(source).\n"
  }

  // MARK: The table

  private func mainTable(_ index: Int, _ footnotes: inout Footnotes) -> String {
    let results = rows.map { $0.results[index] }
    let published = Score.allCases.filter { score in results.contains { $0.published(score) != nil } }
    var columns: [(String, MarkdownTable.Alignment)] = [("#", .right)]
    columns += rows[0].labels.map { ($0.column, .left) }
    columns += published.map { ("Paper \($0.rawValue)", .right) }
    columns += [("Our DSC", .right), ("Our NSD", .right)]
    if rowsAreSteps { columns += [("Paper step", .right), ("Our step [95 % interval]", .right), ("p", .right)] }
    columns += [("Seeds", .left), ("Wall time", .right), ("Run", .left)]
    let isJudged = source != nil && results.contains { $0.scale != nil }
    if isJudged { columns.append(("Scale", .left)) }

    var table = MarkdownTable(columns)
    for (place, row) in rows.enumerated() {
      let result = results[place]
      var cells = ["\(row.number)"] + row.labels.map(\.text)
      cells += published.map { result.published($0).map { NumberText.decimals($0, 2) } ?? "" }
      let marks = footnotes.marks(for: result.runs.flatMap(\.footnotes))
      cells += [
        result.runs.isEmpty ? "missing" : Self.score(result, .dsc) + marks,
        result.runs.isEmpty ? "missing" : Self.score(result, .nsd),
      ]
      if rowsAreSteps { cells += steps(place, index) }
      cells += [Self.seeds(result), Self.wallTime(result), result.runs.map(\.shortIdentity).joined(separator: ", ")]
      if isJudged { cells.append(result.runs.isEmpty ? "" : result.scale?.shortText ?? "") }
      table.append(cells)
    }
    return table.text
  }

  private static func score(_ result: TableResult, _ score: Score) -> String {
    guard let scores = result.scores, let mean = scores.mean(score) else { return "undefined" }
    return NumberText.percent(mean) + (scores.standardDeviation(score).map { " ± " + NumberText.percent($0) } ?? "")
  }

  private func steps(_ place: Int, _ index: Int) -> [String] {
    let step = step(at: place, dataset: index)
    var ours = step.ours.map(NumberText.points) ?? ""
    if let interval = step.paired?.interval {
      ours += " [\(NumberText.points(interval.lowerBound)), \(NumberText.points(interval.upperBound))]"
    }
    return [
      step.paper.map(NumberText.signed) ?? "", ours, step.paired.map { NumberText.probability($0.pValue) } ?? "",
    ]
  }

  private static func seeds(_ result: TableResult) -> String {
    let list = result.runs.map { "\($0.seed)" }.joined(separator: ", ")
    return list + (result.seedDeviation(.dsc).map { " (DSC sd \(NumberText.percent($0)))" } ?? "")
  }

  private static func wallTime(_ result: TableResult) -> String {
    result.runs.isEmpty ? "" : timeText(result.runs.reduce(0) { $0 + $1.wallSeconds })
  }

  private func missingRuns(_ index: Int) -> String {
    let missing = rows.filter { $0.results[index].runs.isEmpty || !$0.results[index].missingSeeds.isEmpty }
    if missing.isEmpty { return "" }
    return "\nNot run yet:\n\n"
      + missing.map { row in
        let result = row.results[index]
        let seeds = result.missingSeeds.map(String.init).joined(separator: ", ")
        let name = result.runs.isEmpty ? "" : ", seed\(result.missingSeeds.count == 1 ? "" : "s") \(seeds)"
        return "- row \(row.number)\(name): \(MarkdownTable.code(result.command))\n"
      }.joined()
  }

  private var explanation: [String] {
    let tolerance = NumberText.decimals(
      toleranceMillimetres, toleranceMillimetres.rounded() == toleranceMillimetres ? 0 : 2)
    let results = rows.flatMap(\.results)
    var lines = [
      "DSC and NSD (surfaces within \(tolerance) mm) are percentages: for each class the mean over the cases that "
        + "\(averaging.absent == .zero ? "count" : "have it"), then the mean over the classes. What follows ± is the standard deviation over cases "
        + "of the case's own mean."
    ]
    if rowsAreSteps {
      lines.append(
        "A step is a row's DSC less that of the row above, in percentage points. The interval is the bootstrap's over "
          + "cases (BCa, \(Bootstrap.draws) samples, the same cases drawn for both rows); p is the two-sided Wilcoxon "
          + "signed-rank test's over cases. Both speak of these cases and seeds only: one seed says nothing of what "
          + "another would give.")
      let counts = Set(results.compactMap { $0.scores?.cases.count }).sorted()
      if let fewest = counts.first, fewest >= 2, fewest <= 14 {
        lines.append(
          "With \(fewest) cases p can't fall below \(NumberText.probability(2 / Double(1 << fewest))), "
            + "and the interval tends to be too narrow.")
      }
    }
    if comparesMethods { lines.append(methodComparisonNote) }
    if rowsAreSteps || comparesMethods, let evidence = evidenceNote { lines.append(evidence) }
    if let note = blindPredictorsNote { lines.append(note) }
    lines += averagingNotes
    if results.contains(where: { $0.runs.count > 1 }) {
      lines.append(
        "Rows of several seeds show the mean over the seeds; \"DSC sd\" is the standard deviation between them.")
    }
    return lines + notes
  }

  // MARK: The classes behind it

  private func classTable(_ index: Int) -> String {
    let done = rows.filter { $0.results[index].scores != nil }
    guard let first = done.first?.results[index].scores else { return "" }
    let shown = done.filter { $0.results[index].scores?.classes == first.classes }
    let groups = baselineGroups(index)
    let baselines = groups.flatMap { group in
      group.baselines.filter { $0.scores.classes == first.classes }
        .map { (Self.name($0, of: group.rows, isAlone: groups.count == 1), $0.scores) }
    }
    let columns = baselines.map(\.1) + shown.compactMap { $0.results[index].scores }

    var table = MarkdownTable(
      [("Class", .left), (averaging.absent == .zero ? "Cases with it" : "Cases", .right)]
        + baselines.map { ($0.0, .right) } + shown.map { ("Row \($0.number)", .right) })
    let counts = done[0].results[index].runs[0].evaluation.classCounts.map(\.present)
    let means = columns.map { $0.classMeans(.dsc) }
    for (place, name) in first.classes.enumerated() {
      table.append([name, "\(counts[place])"] + means.map { $0[place].map(NumberText.percent) ?? "" })
    }
    table.append(["mean", "\(first.cases.count)"] + columns.map { $0.mean(.dsc).map(NumberText.percent) ?? "" })
    let place = datasets.count > 1 ? " (\(datasets[index]))" : ""
    return "\n## DSC of each class\(place)\n\n\(table.text)"
  }
}

/// Footnotes in the order of their first mention, each printed once.
private struct Footnotes {
  private var sentences: [String] = []

  /// The marks to put behind a cell; adds the sentences that are new.
  mutating func marks(for notes: [String]) -> String {
    var marks: [Int] = []
    for note in notes {
      let number: Int
      if let known = sentences.firstIndex(of: note) {
        number = known + 1
      } else {
        sentences.append(note)
        number = sentences.count
      }
      if !marks.contains(number) { marks.append(number) }
    }
    return marks.map { " [^\($0)]" }.joined()
  }

  var text: String {
    sentences.isEmpty
      ? "" : "\n" + sentences.enumerated().map { "[^\($0.offset + 1)]: \($0.element)\n" }.joined()
  }
}
