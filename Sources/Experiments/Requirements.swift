import Files
import Foundation
import Recipes

/// Something under `SEGBENCH_DATA` that a recipe needs and that is not there.
public struct MissingInput: Sendable, Equatable, Hashable {
  /// The path below `SEGBENCH_DATA`.
  public let path: String
  /// What it should be.
  public let meaning: String
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
    let list = inputs.map { "\($0.path) (\($0.meaning))" }.joined(separator: "; ")
    let place: String = userData.map { "below SEGBENCH_DATA, \($0.path)" } ?? "because SEGBENCH_DATA is not set"
    return "missing \(place): \(list)"
  }
}

extension Workspace {
  /// What the recipe needs from the user that is not there.
  public func missingInputs(of recipe: ResolvedRecipe) -> [MissingInput] {
    guard let segmentation = recipe.recipe.segmentation else { return [] }
    var missing: [MissingInput] = []
    if case .folder(let path, let cases) = segmentation.dataset.source,
      !(userData.map { exists($0.appendingPathComponent(path).appendingPathComponent("dataset.json")) } ?? false)
    {
      missing.append(
        MissingInput(
          path: "\(path)/dataset.json",
          meaning: "\(segmentation.dataset.name) in nnU-Net's raw layout"
            + (cases.map { ", \($0) labelled cases" } ?? "")))
    }
    if let path = segmentation.evaluation.splits, !(userData.map { exists($0.appendingPathComponent(path)) } ?? false) {
      missing.append(
        MissingInput(path: path, meaning: "the folds that evaluation.splits names, as a splits_final.json"))
    }
    if case .file(let path, let layout) = segmentation.initialWeights,
      !(userData.map { exists($0.appendingPathComponent(path)) } ?? false)
    {
      missing.append(MissingInput(path: path, meaning: "weights in \(layout.rawValue)'s layout"))
    }
    return missing
  }
}
