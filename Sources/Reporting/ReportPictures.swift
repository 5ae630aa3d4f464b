import Experiments
import Files
import Foundation
import Imaging
import Recipes

/// The pictures beside a table.
public enum ReportPictures {
  /// Draws the pseudo-Dice of every row's first run over its epochs as `<identifier>-curves.png`, and returns the file; nil
  /// when nothing has run.
  public static func learningCurves(of report: TableReport, to folder: URL) throws -> URL? {
    let runs = report.rows.compactMap { row in
      row.results.first?.runs.first { !$0.curve.isEmpty }.map { run in
        let setting = row.labels.map { $0.ours ?? $0.paper }.joined(separator: ", ")
        return (name: "row \(row.number): \(setting)", curve: run.curve)
      }
    }
    guard !runs.isEmpty else { return nil }
    let url = folder.appendingPathComponent("\(report.identifier)-curves.png")
    try LearningCurves.comparison(
      runs, title: "\(report.identifier), \(report.profile) profile", value: \.smoothedPseudoDice,
      named: "pseudo-Dice, moving average"
    ).write(to: url)
    return url
  }

  /// Draws the best, the median and the worst case of every row's first run on each data set, as
  /// `<identifier>/<row>-<dataset>.png`, and returns the files.
  /// - Parameter path: the table's file, such as `meddinov3/table2.yaml`.
  public static func caseSheets(study path: String, runs: ChosenRuns, to folder: URL) throws -> [URL] {
    let table = try runs.library.table(path)
    var written: [URL] = []
    for (place, row) in table.rows.enumerated() {
      for (dataset, recipePath) in row.recipes {
        let (recipe, records) = try runs.of(recipePath)
        guard let record = records.first, let summary = record.summary(), let metrics = record.metrics,
          let raw = try runs.runner.existingDataset(of: recipe)
        else { continue }
        let labels = metrics.classes.map { PictureLabel(value: Int16($0.label), name: $0.name) }
        let name = table.published.columns.first { $0.dataset == dataset }?.datasetTitle ?? dataset
        guard
          let sheet = try CaseSheet.picture(
            of: summary, in: runs.runner.folder(record.description.identity), labels: labels, dataset: raw,
            title: "Row \(place + 1), \(name)")
        else { continue }
        let pictures = folder.appendingPathComponent(table.name, isDirectory: true)
        try makeFolder(pictures)
        let url = pictures.appendingPathComponent("\(row.published.id)-\(dataset).png")
        try sheet.write(to: url)
        written.append(url)
      }
    }
    return written
  }

  /// Draws a run's prediction over its image, beside the reference, on the slice with the most classes.
  /// - Parameters:
  ///   - run: the run's folder.
  ///   - name: the case.
  ///   - dataset: its dataset in nnU-Net's raw layout, of one channel.
  public static func overlay(run: URL, case name: String, dataset: URL, title: String, to url: URL) throws {
    let image = try NIfTI.readImage(dataset.appendingPathComponent("imagesTr/\(name)_0000.nii.gz"))
    let reference = try NIfTI.readLabels(dataset.appendingPathComponent("labelsTr/\(name).nii.gz"))
    let prediction = try NIfTI.readLabels(run.appendingPathComponent("predictions/\(name).nii.gz"))
    let classes = try RunRecord.read(run.appendingPathComponent("run.h5")).metrics?.classes ?? []
    let shown = Set(reference.voxels).union(prediction.voxels)
    let labels = classes.filter { shown.contains(Int16($0.label)) }.map {
      PictureLabel(value: Int16($0.label), name: $0.name)
    }
    try Overlay.picture(
      image: image, reference: reference, prediction: prediction, slice: Overlay.fullestSlice(of: reference),
      labels: labels, title: title
    ).write(to: url)
  }
}
