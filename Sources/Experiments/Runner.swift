import Files
import Foundation
import Recipes

/// Runs recipes: each combination of recipe, data, engine and seed once, in a folder named by its identity.
public final class Runner {
  public let workspace: Workspace
  /// Told in words what is being done.
  public let say: (String) -> Void
  /// Makes a receiver of progress for a piece of work with a title.
  public let progress: (String) -> Files.Progress
  /// Asked often; true stops the run after its checkpoint is written.
  public let isCancelled: () -> Bool
  /// Throws away what an earlier run of the same identity left, once for each.
  public let fresh: Bool
  /// The runs that have been thrown away already.
  private var renewed: Set<String> = []

  public init(
    workspace: Workspace, fresh: Bool = false, say: @escaping (String) -> Void = { _ in },
    progress: @escaping (String) -> Files.Progress = { _ in .silent }, isCancelled: @escaping () -> Bool = { false }
  ) {
    self.workspace = workspace
    self.fresh = fresh
    self.say = say
    self.progress = progress
    self.isCancelled = isCancelled
  }

  /// Runs the recipe with one seed, after the pretraining it starts from, and returns its record. A finished run is not
  /// done again; an interrupted one goes on from its last checkpoint.
  /// - Throws: `MissingInputs` at once when data or weights are missing, `CancellationError` when it was stopped.
  public func run(_ recipe: ResolvedRecipe, seed: UInt64) throws -> RunRecord {
    let missing = workspace.missingInputs(of: recipe)
    guard missing.isEmpty else { throw MissingInputs(inputs: missing, userData: workspace.userData) }
    switch recipe.recipe.task {
    case .segmentation(let segmentation):
      let pretraining = try recipe.pretraining.map { try run($0, seed: $0.recipe.seeds[0]) }
      let dataset = try DatasetPreparation(runner: self, dataset: segmentation.dataset).rawDataset()
      let weights = try initialWeights(segmentation.initialWeights, pretraining: pretraining)
      let identity = identity(recipe, seed: seed, inputs: [dataset.digest, weights?.digest ?? ""])
      return try inFolder(identity, recipe) { folder in
        try SegmentationExperiment(
          runner: self, recipe: recipe, settings: segmentation, seed: seed, identity: identity, folder: folder,
          dataset: dataset, weights: weights, pretraining: pretraining
        ).run()
      }
    case .pretraining(let settings):
      let identity = identity(recipe, seed: seed, inputs: [])
      return try inFolder(identity, recipe) { folder in
        try PretrainingExperiment(
          runner: self, recipe: recipe, settings: settings, seed: seed, identity: identity, folder: folder
        ).run()
      }
    }
  }

  /// The record of the recipe's run with one seed, if it has finished; never starts anything.
  public func finishedRun(_ recipe: ResolvedRecipe, seed: UInt64) throws -> RunRecord? {
    guard workspace.missingInputs(of: recipe).isEmpty else { return nil }
    var inputs: [String] = []
    if let segmentation = recipe.recipe.segmentation {
      var pretraining: RunRecord?
      if let needed = recipe.pretraining {
        pretraining = try finishedRun(needed, seed: needed.recipe.seeds[0])
        if pretraining == nil { return nil }
      }
      guard
        let dataset = try DatasetPreparation(runner: self, dataset: segmentation.dataset).existingRawDataset()
      else { return nil }
      let weights = try initialWeights(segmentation.initialWeights, pretraining: pretraining)
      inputs = [dataset.digest, weights?.digest ?? ""]
    }
    let record = folder(identity(recipe, seed: seed, inputs: inputs)).appendingPathComponent("run.h5")
    return exists(record) ? try RunRecord.read(record) : nil
  }

  /// The folder of the run with that identity.
  public func folder(_ identity: String) -> URL {
    workspace.runs.appendingPathComponent(identity, isDirectory: true)
  }

  /// Throws when the user has asked to stop.
  func checkCancellation() throws {
    if isCancelled() { throw CancellationError() }
  }

  /// The hash of all that decides a run's results.
  private func identity(_ recipe: ResolvedRecipe, seed: UInt64, inputs: [String]) -> String {
    let text = ["engine \(engineVersion)", recipe.identityText(seed: seed)] + inputs.map { "input \($0)" }
    return String(Digest.sha256(of: text.joined(separator: "\n")).prefix(40))
  }

  private func initialWeights(_ source: InitialWeights, pretraining: RunRecord?) throws -> InitialWeightsFile? {
    switch source {
    case .random: return nil
    case .file(let path, let layout):
      let url = workspace.userData!.appendingPathComponent(path)
      return InitialWeightsFile(url: url, layout: layout, digest: try Digest.sha256(ofFileAt: url))
    case .recipe:
      let url = folder(pretraining!.description.identity).appendingPathComponent("weights.safetensors")
      return InitialWeightsFile(url: url, layout: .segbench, digest: try Digest.sha256(ofFileAt: url))
    }
  }

  /// Runs `body` alone in a run's folder, unless the run has finished.
  private func inFolder(_ identity: String, _ recipe: ResolvedRecipe, _ body: (URL) throws -> RunRecord) throws
    -> RunRecord
  {
    let folder = folder(identity)
    let lock = try FolderLock(folder) { holder in say("waiting for \(holder), which is at work on this run") }
    defer { withExtendedLifetime(lock) {} }
    let record = folder.appendingPathComponent("run.h5")
    if fresh && renewed.insert(identity).inserted {
      for name in try FileManager.default.contentsOfDirectory(atPath: folder.path) where name != ".lock" {
        try FileManager.default.removeItem(at: folder.appendingPathComponent(name))
      }
    }
    if exists(record) {
      say("\(recipe.recipe.title): done before (run \(identity.prefix(10)))")
      return try RunRecord.read(record)
    }
    say("\(recipe.recipe.title) (run \(identity.prefix(10)))")
    try AtomicFile.write(Data(recipe.yamlText.utf8), to: folder.appendingPathComponent("recipe.yaml"))
    let result = try body(folder)
    try result.write(to: record)
    return result
  }
}
