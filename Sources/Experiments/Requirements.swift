import Files
import Foundation
import Recipes

/// Something under `SEGBENCH_DATA` that a recipe needs and that is not there.
public struct MissingInput: Sendable, Equatable, Hashable {
  /// The path below `SEGBENCH_DATA`.
  public let path: String
  /// What it should be.
  public let meaning: String
  /// The recipe's key that names it.
  public let key: String
}

/// Every missing input of a run at once.
public struct MissingInputs: InputError {
  public let inputs: [MissingInput]
  public let userData: URL?

  public init(inputs: [MissingInput], userData: URL?) {
    self.inputs = inputs
    self.userData = userData
  }

  public var description: String {
    let list = inputs.map { "\($0.path) (\($0.meaning); the recipe's `\($0.key)`)" }.joined(separator: "; ")
    let place: String = userData.map { "below SEGBENCH_DATA, \($0.path)" } ?? "because SEGBENCH_DATA is not set"
    return "missing \(place): \(list)"
  }
}

extension Workspace {
  /// What the recipe, and the recipes that it starts from, need from the user that is not there.
  public func missingInputs(of recipe: ResolvedRecipe) -> [MissingInput] {
    var missing =
      recipe.experiment?.missingInputs(in: self) ?? recipe.recipe.images.map { missingInputs(of: $0) } ?? []
    for input in recipe.pretraining.map(missingInputs) ?? [] where !missing.contains(input) { missing.append(input) }
    return missing
  }

  private func has(_ path: String) -> Bool { userData.map { exists($0.appendingPathComponent(path)) } ?? false }

  /// What a dataset needs that is not there.
  func missingInputs(of dataset: DatasetSettings) -> [MissingInput] {
    guard case .folder(let path, let cases) = dataset.source, !has("\(path)/dataset.json") else { return [] }
    let count = cases.map { ", \($0) labelled cases" } ?? ""
    return [
      MissingInput(
        path: "\(path)/dataset.json", meaning: "\(dataset.name) in nnU-Net's raw layout" + count, key: "dataset.folder")
    ]
  }

  func missingInputs(of scoring: ScoringSettings) -> [MissingInput] {
    guard let path = scoring.splits, !has(path) else { return [] }
    return [MissingInput(path: path, meaning: "the folds, as a splits_final.json", key: "evaluation.splits")]
  }

  func missingInputs(of weights: InitialWeights) -> [MissingInput] {
    guard case .file(let path, let layout, _) = weights, !has(path) else { return [] }
    return [
      MissingInput(path: path, meaning: "weights in \(layout.rawValue)'s layout", key: "initial_weights.path")
    ]
  }

  func missingInputs(ofPredictions folder: String) -> [MissingInput] {
    guard !has(folder) else { return [] }
    return [
      MissingInput(
        path: folder, meaning: "the folder of predicted label maps, CASE.nii.gz for each scored case",
        key: "predictions.folder")
    ]
  }

  /// What a pretraining's images need that is not there: of a collection any one source will do.
  public func missingInputs(of images: ImageSettings) -> [MissingInput] {
    guard case .slices(let slices) = images else { return [] }
    var folders: [String] = []
    for source in slices.sources {
      guard case .folder(let path, _, _) = source.place, !has(path) else { return [] }
      folders.append(path)
    }
    return [
      MissingInput(
        path: folders[0],
        meaning: "CT volumes as NIfTI, or any other of the \(folders.count) sources that the recipe names",
        key: "images.sources")
    ]
  }
}
