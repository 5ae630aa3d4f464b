import Datasets
import Experiments
import Files
import Foundation
import Imaging
import Recipes

/// The pictures beside a table.
public enum ReportPictures {
  /// Draws the pseudo-Dice of every row's first run over its epochs; nil when nothing has run.
  public static func learningCurves(of report: TableReport) -> PNGImage? {
    let runs = report.rows.compactMap { row in
      row.results.first?.runs.first { !$0.curve.isEmpty }.map { run in
        let setting = row.labels.map { $0.ours ?? $0.paper }.joined(separator: ", ")
        return (name: "row \(row.number): \(setting)", curve: run.curve)
      }
    }
    guard !runs.isEmpty else { return nil }
    return LearningCurves.comparison(
      runs, title: "\(report.identifier), \(report.profile) profile", value: \.smoothedPseudoDice,
      named: "pseudo-Dice, moving average")
  }

  /// Draws the best, the median and the worst case of every row's first run on each data set.
  /// - Parameter path: the table's file.
  /// - Returns: each with its path, `<table>/<row>-<dataset>.png`.
  public static func caseSheets(study path: String, runs: ChosenRuns) throws -> [(path: String, picture: PNGImage)] {
    let table = try runs.library.table(path)
    var sheets: [(path: String, picture: PNGImage)] = []
    for (place, row) in table.rows.enumerated() {
      for (dataset, recipePath) in row.recipes {
        let (recipe, records) = try runs.of(recipePath)
        guard let record = records.first, let metrics = record.metrics,
          let summary = record.summary(averaging: recipe.recipe.scored?.scoring.averaging),
          let raw = try runs.runner.existingDataset(of: recipe)
        else { continue }
        let labels = metrics.classes.map { PictureLabel(value: Int16(clamping: $0.label), name: $0.name) }
        let name = table.published.columns.first { $0.dataset == dataset }?.datasetTitle ?? dataset
        guard
          let sheet = try CaseSheet.picture(
            of: summary, in: runs.runner.folder(record.description.identity), labels: labels, dataset: raw,
            title: "Row \(place + 1), \(name)")
        else { continue }
        // Two rows may stand beside one published row.
        let isFirst = table.rows[..<place].allSatisfy { $0.published.id != row.published.id }
        let id = isFirst ? row.published.id : "\(row.published.id)-row-\(place + 1)"
        sheets.append(("\(table.name)/\(id)-\(dataset).png", sheet))
      }
    }
    return sheets
  }
}

extension ReportFiles {
  /// A table's files: its texts, its learning curves, and a sheet of cases for every row and data set.
  /// - Parameter path: the table's file.
  /// - Throws: what reading runs and volumes throws.
  public init(_ report: TableReport, study path: String, runs: ChosenRuns) throws {
    self.init(report)
    if let curves = ReportPictures.learningCurves(of: report) { add(curves, at: Self.curves(report.identifier)) }
    for sheet in try ReportPictures.caseSheets(study: path, runs: runs) { add(sheet.picture, at: sheet.path) }
  }
}
