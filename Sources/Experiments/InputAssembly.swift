import Datasets
import Files
import Foundation
import Recipes

/// Brings an experiment's inputs together: either makes what is not there yet, or finds what is.
struct InputAssembly {
  /// Something is not there, and is not to be made.
  struct Absent: Error {}

  let context: RunContext
  /// Whether datasets are generated and pretrainings run.
  let makes: Bool
  /// Gives the run of a recipe that others start from; nil when it has not finished.
  let pretraining: (ResolvedRecipe) throws -> RunRecord?

  /// A dataset, its folds, and what is odd about it.
  struct ScoredData {
    let dataset: IdentifiedDataset
    /// The user's folds; nil for nnU-Net's.
    let splits: Splits?
    let warnings: [String]
  }

  /// The dataset that a recipe is scored on. Before anything is made of it, it is found fit: a user's file may be wrong, and
  /// a pretraining of hours may come first.
  /// - Parameter verifies: whether every file is looked into.
  func data(_ settings: DatasetSettings, _ scoring: ScoringSettings, verifies: Bool) throws -> ScoredData {
    let preparation = DatasetPreparation(context: context, dataset: settings)
    let dataset = try found(makes ? preparation.rawDataset() : preparation.existingRawDataset())
    var warnings: [String] = []
    if makes {
      try preparation.requireClasses(scoring, of: dataset)
      if verifies {
        warnings = try preparation.verified(dataset)
        context.warn(warnings, of: dataset)
      }
    }
    return ScoredData(dataset: dataset, splits: try preparation.givenSplits(scoring, of: dataset), warnings: warnings)
  }

  func images(_ settings: ImageSettings) throws -> IdentifiedImages {
    let preparation = ImagePreparation(context: context, settings: settings)
    return try found(makes ? preparation.images() : preparation.existingImages())
  }

  /// The run that a recipe starts from; nil when it starts from none.
  func start(of recipe: ResolvedRecipe) throws -> RunRecord? {
    try recipe.pretraining.map { try found(pretraining($0)) }
  }

  /// The file that a run's encoder starts from; nil for random weights.
  /// - Parameter start: what `start(of:)` gave.
  func weights(_ source: InitialWeights, start: RunRecord?) throws -> InitialWeightsFile? {
    switch source {
    case .random: return nil
    case .file, .released:
      let file = context.givenWeights(source, digest: "")!
      return context.givenWeights(source, digest: try Digest.sha256(ofFileAt: file.url))
    case .recipe:
      let description = start!.description
      let url = PretrainingFiles(folder: context.workspace.run(description.identity)).weights
      let digest = try Digest.sha256(ofFileAt: url)
      guard digest == description.weightsDigest else { throw RunError.changedWeights(url.path) }
      return InitialWeightsFile(url: url, layout: .segbench, digest: digest, hdf5: context.hdf5Weights)
    }
  }

  private func found<Value>(_ value: Value?) throws -> Value {
    guard let value else { throw Absent() }
    return value
  }
}

extension RunContext {
  /// The file that the user or the repository gives an encoder to start from; nil where none does.
  func givenWeights(_ source: InitialWeights, digest: String) -> InitialWeightsFile? {
    switch source {
    case .random, .recipe: nil
    case .file(let path, let layout, let model):
      InitialWeightsFile(
        url: workspace.userData!.appendingPathComponent(path), layout: layout, model: model, digest: digest,
        hdf5: hdf5Weights)
    case .released(let path):
      InitialWeightsFile(
        url: workspace.recipes.appendingPathComponent(path), layout: .segbench, digest: digest, hdf5: hdf5Weights)
    }
  }
}
