import Datasets
import Files
import Foundation
import Imaging
import Recipes

/// One case of an archived run, predicted again with the archived weights: whether the predictions are those weights'.
public struct RepeatedPrediction: Sendable {
  public let run: String
  public let caseName: String
  public let voxels: Int
  /// Voxels in which the stored prediction and the one made here differ.
  public let differing: Int
  /// In what the two runs differ, of that which the bits depend on.
  public let warnings: [String]
  /// On another device or by another engine the last bits of sums may turn a voxel of a class's rim; more than one of a thousand is
  /// not that.
  public var isEqual: Bool { differing == 0 || !warnings.isEmpty && differing <= voxels / 1000 }

  /// - Parameters:
  ///   - caseName: the case; nil for the first that was scored.
  ///   - unpacked: where `Archive.unpack` wrote a run that `ArchiveVerification` found sound.
  /// - Throws: `ArchiveError` when the run has no weights, or no such case, or its images are not at hand.
  public init(
    _ identity: String, case caseName: String?, unpacked: URL, runner: Runner, library: RecipeLibrary,
    limits: TimeLimits = .none
  ) throws {
    let archived = try ArchivedRun(identity, in: unpacked, library: library)
    let what = "run \(identity.prefix(10))"
    guard archived.recipe.recipe.predictions == nil else {
      throw ArchiveError.nothingToPredict("\(what) holds no weights: another tool made its predictions")
    }
    guard let settings = archived.recipe.recipe.segmentation, let metrics = archived.record.metrics else {
      throw ArchiveError.nothingToPredict("\(what) has no predictions: it is a pretraining")
    }
    let names = metrics.cases
    guard let name = caseName ?? names.first, names.contains(name) else {
      throw ArchiveError.nothingToPredict(
        "\(what) scored no case \"\((caseName ?? "").visible)\"; it scored \(names.prefix(8).joined(separator: ", "))"
          + (names.count > 8 ? ", …" : ""))
    }
    let missing = runner.workspace.missingInputs(of: settings.dataset)
    guard missing.isEmpty else { throw MissingInputs(inputs: missing, userData: runner.workspace.userData) }
    let preparation = DatasetPreparation(context: runner.context, dataset: settings.dataset)
    guard let dataset = try preparation.existingRawDataset(), dataset.digest == archived.record.description.dataDigest,
      let source = dataset.raw.cases.first(where: { $0.name == name })
    else {
      throw ArchiveError.nothingToPredict("the \(settings.dataset.name) at hand is not the one that \(what) used")
    }
    let stored = archived.folder.appendingPathComponent("predictions/\(name).nii.gz")
    let header = try NIfTI.readHeader(source.images[0])
    guard try NIfTI.readHeader(stored).shape == header.shape else {
      throw ArchiveError.unsoundRun(identity, "the prediction of \(name) is on another grid than its image")
    }
    // The plan follows from the dataset: the archived one is not believed.
    let plans = try preparation.plans(dataset, settings.plan)
    let seconds = TimeLimits.seconds(forPredictedVoxels: header.shape.reduce(1, *))
    let again = try limits.within(seconds, "predicting \(name) of \(what)") {
      try FinishedRun(
        folder: archived.folder, library: library, hdf5: runner.hdf5Weights, given: (plans, dataset.raw.description)
      )
      .predict(channels: source.images)
    }
    let before = try NIfTI.readLabels(stored)
    run = identity
    self.caseName = name
    voxels = before.voxels.count
    differing = zip(before.voxels, again.voxels).reduce(0) { $0 + ($1.0 == $1.1 ? 0 : 1) }
    warnings = archived.record.provenance.differences(from: .current(root: runner.workspace.root))
  }

  /// As one line of text.
  public var text: String {
    let place = "\(caseName) of run \(run.prefix(10)), predicted again with the archived weights: "
    if differing == 0 { return place + "all \(voxels) voxels as stored" }
    return place + "\(differing) of \(voxels) voxels differ from what is stored"
      + (warnings.isEmpty ? "" : " (\(warnings.joined(separator: "; ")))")
  }
}
