import Datasets
import Files
import Foundation
import Imaging
import Recipes

/// A row of a table on one dataset whose predictions another tool made: scores them as every other row is scored, and keeps
/// copies of them.
struct PredictionsExperiment: Experiment {
  struct Inputs: ExperimentInputs {
    let data: InputAssembly.ScoredData
    let fold: Splits.Fold
    let predicted: PredictedFolder
    var start: RunRecord? { nil }
    var warnings: [String] { data.warnings }
    var digests: InputDigests {
      InputDigests(data: data.dataset.digest, splits: data.splits?.digest, predictions: predicted.digest)
    }
  }

  let recipe: ResolvedRecipe
  let settings: PredictionsRecipe

  func missingInputs(in workspace: Workspace) -> [MissingInput] {
    workspace.missingInputs(of: settings.dataset) + workspace.missingInputs(of: settings.scoring)
      + workspace.missingInputs(ofPredictions: settings.folder)
  }

  func prepare(_ assembly: InputAssembly) throws { _ = try inputs(assembly) }

  func calibrate(_ assembly: InputAssembly, _ session: RunSession) throws {}

  func inputs(_ assembly: InputAssembly) throws -> Inputs {
    let data = try assembly.data(settings.dataset, settings.scoring, verifies: false)
    let fold = try DatasetPreparation(context: assembly.context, dataset: settings.dataset).fold(
      settings.scoring, of: data.dataset, splits: data.splits)
    do {
      let folder = assembly.context.workspace.userData!.appendingPathComponent(settings.folder)
      return Inputs(data: data, fold: fold, predicted: try PredictedFolder(folder, cases: fold.validation))
    } catch let error as PredictedFolderError {
      // Not whole yet: a run says what it lacks.
      if assembly.makes { throw error }
      throw InputAssembly.Absent()
    }
  }

  /// - Throws: `EvaluationError` for files that are no label maps on their references' grids, `PredictedFolderError.changed`.
  func run(_ inputs: Inputs, _ session: RunSession) throws -> RunRecord {
    var seconds: [String: Double] = [:]
    let (context, folder, dataset) = (session.context, session.folder, inputs.data.dataset)
    try AtomicFile.write(
      Data(dataset.raw.description.json.text().utf8), to: folder.appendingPathComponent("dataset.json"))
    try inputs.data.splits?.write(to: folder.appendingPathComponent("splits_final.json"))
    let evaluation = RunEvaluation(dataset: dataset.raw, settings: settings.scoring)
    let metrics = try timed("evaluate", &seconds) {
      let report = try evaluation.report(
        cases: inputs.fold.validation, predictions: inputs.predicted.folder, progress: context.progress("evaluating"))
      for warning in FileWarning.grouped(report.warnings) { context.say("warning: \(warning)") }
      let copies = folder.appendingPathComponent("predictions", isDirectory: true)
      try copy(inputs.predicted, to: copies)
      return try evaluation.metrics(report, learnedFrom: inputs.fold.train, predictions: copies)
    }
    return session.record(
      of: recipe, inputs, seconds: seconds, metrics: metrics,
      extent: RunExtent(dataset, settings.dataset, inputs.fold))
  }

  /// Copies the files byte by byte; `.nii` is written anew as `.nii.gz`.
  private func copy(_ predicted: PredictedFolder, to copies: URL) throws {
    try FileManager.default.createDirectory(at: copies, withIntermediateDirectories: true)
    for file in predicted.files {
      let target = copies.appendingPathComponent(file.name + ".nii.gz")
      if file.url.lastPathComponent.hasSuffix(".nii.gz") {
        try AtomicFile.write(Data(contentsOf: file.url), to: target)
      } else {
        try NIfTI.write(NIfTI.readLabels(file.url), to: target)
      }
      guard try Digest.sha256(ofContentOf: file.url) == file.digest else {
        throw PredictedFolderError.changed(file.url.path)
      }
    }
  }
}
