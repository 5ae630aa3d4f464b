import Experiments
import Files
import Foundation
import Recipes

/// A table with what can be seen of its rows: curves, classes, cases side by side, and pictures.
struct TablePart {
  let report: TableReport
  /// Its name in the page.
  let place: String
  private let sheets: [(path: String, picture: Data)]

  init(_ item: Study.Item, _ runs: ChosenRuns, _ collected: inout RunParts) throws {
    report = try TableReport(study: item.path, runs: runs)
    place = "table-" + HTML.place(item.fullName)
    for row in try runs.library.table(item.path).rows {
      for (_, path) in row.recipes { try collected.add(path) }
    }
    sheets = try ReportPictures.caseSheets(study: item.path, runs: runs).map { ($0.path, try $0.picture.data()) }
  }

  var html: String {
    let renderer = MarkdownHTML(prefix: place, lowering: 2) { target(of: $0) }
    var html = renderer.html(report.markdown())
    html += curves
    for (index, dataset) in report.datasets.enumerated() {
      let name = report.datasets.count > 1 ? " (\(dataset))" : ""
      html += classes(index, name) + pairs(index, name)
    }
    for sheet in sheets {
      html += HTML.details("Cases: \(sheet.path)", HTMLReport.picture(sheet.picture, named: sheet.path))
    }
    return HTML.element("section", [("id", place)], "\n" + html) + "\n"
  }

  // MARK: - Where cells lead

  /// The run behind a cell of ours.
  private func target(of cell: MarkdownHTML.Cell) -> String? {
    if let column = cell.columns.firstIndex(of: "Run") {
      guard cell.title.hasPrefix("Our ") || ["Run", "Seeds", "Wall time", "Scale", "p"].contains(cell.title),
        column < cell.row.count
      else { return nil }
      let identity = cell.row[column].prefix { $0.isHexDigit }
      return identity.isEmpty ? nil : RunPart.place(String(identity))
    }
    if cell.title.hasPrefix("Row "), let number = Int(cell.title.dropFirst(4)), report.rows.indices.contains(number - 1)
    {
      let dataset = report.datasets.firstIndex { cell.section.hasSuffix("(\($0))") } ?? 0
      return run(number - 1, dataset)
    }
    // Methods side by side: a column of ours for each data set.
    guard report.rows.indices.contains(cell.number), !cell.title.hasSuffix(" paper"),
      let dataset = report.datasets.firstIndex(where: { cell.title.hasPrefix($0 + " ") })
    else { return nil }
    return run(cell.number, dataset)
  }

  private func run(_ row: Int, _ dataset: Int) -> String? {
    report.rows[row].results[dataset].runs.first.map { RunPart.place($0.shortIdentity) }
  }

  // MARK: - What can be seen

  private func name(_ row: TableRow) -> String {
    "row \(row.number): " + row.labels.map { $0.ours ?? $0.paper }.joined(separator: ", ")
  }

  /// The learning curves of every row's first run, a chart for each data set.
  private var curves: String {
    report.datasets.enumerated().map { index, dataset in
      let lines = report.rows.map { row in
        LineChart.Line(
          name: name(row),
          points: (row.results[index].runs.first { !$0.curve.isEmpty }?.curve ?? []).map {
            (x: Double($0.epoch + 1), y: $0.smoothedPseudoDice ?? .nan)
          })
      }
      guard lines.contains(where: { !$0.points.isEmpty }) else { return "" }
      let title = "Learning curves on \(dataset), \(report.profile) profile"
      let chart = LineChart(
        title: title, horizontalTitle: "epoch", verticalTitle: "pseudo-Dice on validation patches, moving average",
        lines: lines)
      return HTML.details(title, SVGChart.lines(chart), isOpen: index == 0)
    }.joined()
  }

  private func classes(_ dataset: Int, _ suffix: String) -> String {
    let done = report.rows.filter { $0.results[dataset].scores != nil }
    guard let first = done.first?.results[dataset].scores else { return "" }
    let title = "DSC class by class\(suffix)"
    let series = done.compactMap { row -> (name: String, values: [Double?])? in
      guard let scores = row.results[dataset].scores, scores.classes == first.classes else { return nil }
      return (name(row), scores.classMeans(.dsc).map { $0.map { 100 * $0 } })
    }
    return HTML.details(title, SVGChart.bars(first.classes, series, title: title, valueTitle: "DSC (%)"))
  }

  /// Every two rows against each other, case by case.
  private func pairs(_ dataset: Int, _ suffix: String) -> String {
    var html = ""
    for (first, row) in report.rows.enumerated() {
      for other in report.rows[(first + 1)...] {
        guard let mine = row.results[dataset].scores, let theirs = other.results[dataset].scores,
          mine.cases.map(\.name) == theirs.cases.map(\.name)
        else { continue }
        let values = zip(mine.caseMeans(.dsc), theirs.caseMeans(.dsc))
        let points = zip(mine.cases, values).compactMap { item, values -> (name: String, x: Double, y: Double)? in
          guard let x = values.0, let y = values.1 else { return nil }
          return (item.name, 100 * x, 100 * y)
        }
        guard !points.isEmpty else { continue }
        let title = "Row \(other.number) against row \(row.number), case by case\(suffix)"
        html += HTML.details(
          title,
          SVGChart.scatter(
            points, title: title, horizontalTitle: "DSC of row \(row.number) (%)",
            verticalTitle: "DSC of row \(other.number) (%)"))
      }
    }
    return html
  }
}
