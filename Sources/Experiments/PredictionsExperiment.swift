import Datasets
import Files
import Foundation
import Imaging
import Recipes

/// A row of a table on one dataset whose predictions another tool made: scores them as every other row is scored, and keeps
/// copies of them.
struct PredictionsExperiment {
  let runner: Runner
  let recipe: ResolvedRecipe
  let settings: PredictionsRecipe
  let seed: UInt64
  let identity: String
  let folder: URL
  let dataset: IdentifiedDataset
  /// The user's folds; nil for nnU-Net's.
  let splits: Splits?
  let fold: Splits.Fold
  let predicted: PredictedFolder

  /// - Throws: `EvaluationError` for files that are no label maps on their references' grids, `PredictedFolderError.changed`.
  func run() throws -> RunRecord {
    var seconds: [String: Double] = [:]
    try AtomicFile.write(
      Data(dataset.raw.description.json.text().utf8), to: folder.appendingPathComponent("dataset.json"))
    if let splits { try splits.write(to: folder.appendingPathComponent("splits_final.json")) }
    let evaluation = RunEvaluation(dataset: dataset.raw, settings: settings.scoring)
    let metrics = try timed("evaluate", &seconds) {
      let report = try evaluation.report(
        cases: fold.validation, predictions: predicted.folder, progress: runner.progress("evaluating"))
      for warning in FileWarning.grouped(report.warnings) { runner.say("warning: \(warning)") }
      let copies = folder.appendingPathComponent("predictions", isDirectory: true)
      try copy(to: copies)
      return try evaluation.metrics(report, learnedFrom: fold.train, predictions: copies)
    }
    var record = RunRecord(
      description: RunRecord.Description(
        identity: identity, title: recipe.recipe.title, kind: recipe.recipe.kind.rawValue,
        profile: recipe.profile ?? "", seed: Int(seed), dataDigest: dataset.digest, initialWeightsDigest: "",
        dependencies: [], weightsDigest: "", seconds: seconds),
      recipe: recipe.yamlText, provenance: .current(root: runner.workspace.root), curves: [], metrics: metrics)
    record.description.splitsDigest = splits?.digest
    record.description.recipePath = recipe.path
    record.description.extent = RunExtent(dataset, settings.dataset, fold)
    record.description.predictionsDigest = predicted.digest
    return record
  }

  /// Copies the files byte by byte; `.nii` is written anew as `.nii.gz`.
  private func copy(to copies: URL) throws {
    try FileManager.default.createDirectory(at: copies, withIntermediateDirectories: true)
    for file in predicted.files {
      let target = copies.appendingPathComponent(file.name + ".nii.gz")
      if file.url.lastPathComponent.hasSuffix(".nii.gz") {
        try AtomicFile.write(Data(contentsOf: file.url), to: target)
      } else {
        try NIfTI.write(NIfTI.readLabels(file.url), to: target)
      }
      guard try Digest.sha256(ofFileAt: file.url) == file.digest else {
        throw PredictedFolderError.changed(file.url.path)
      }
    }
  }
}
