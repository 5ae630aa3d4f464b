import Datasets
import Files
import Foundation
import Recipes

/// Runs recipes: each combination of recipe, data, engine and seed once, in a folder named by its identity.
public final class Runner {
  public let workspace: Workspace
  /// Told in words what is being done.
  private let speak: (String) -> Void
  /// Makes a receiver of progress for a piece of work with a title.
  private let display: (String) -> Files.Progress
  /// Asked often; true stops the run after its checkpoint is written.
  public let isCancelled: () -> Bool
  /// Throws away what an earlier run of the same identity left, once for each.
  public let fresh: Bool
  /// The runs that have been thrown away already.
  private var renewed: Set<String> = []
  /// The folders whose files have been read again, since what was remembered of them is thrown away, too.
  private var readAgain: Set<String> = []
  /// The datasets whose warnings have been shown.
  private var shownWarnings: Set<String> = []
  /// Of the run at work.
  private var log: RunLog?

  public init(
    workspace: Workspace, fresh: Bool = false, say: @escaping (String) -> Void = { _ in },
    progress: @escaping (String) -> Files.Progress = { _ in .silent }, isCancelled: @escaping () -> Bool = { false }
  ) {
    self.workspace = workspace
    self.fresh = fresh
    speak = say
    display = progress
    self.isCancelled = isCancelled
  }

  /// Says what is being done, to the user and to the log of the run at work.
  func say(_ text: String) {
    speak(text)
    log?.write(text)
  }

  /// Tells the user a dataset's warnings, once.
  private func show(_ warnings: [String], of dataset: IdentifiedDataset) {
    guard shownWarnings.insert(dataset.digest).inserted else { return }
    for warning in warnings { speak("warning: \(warning)") }
  }

  /// A receiver of progress for a piece of work with a title.
  func progress(_ title: String) -> Files.Progress {
    let (shown, log) = (display(title), log)
    return Files.Progress { done, total, note in
      shown(done, of: total, note: note)
      log?.write(title, done, total, note)
    }
  }

  /// Runs the recipe with one seed, after the pretraining it starts from, and returns its record. A finished run is not
  /// done again; an interrupted one goes on from its last checkpoint.
  /// - Throws: `MissingInputs` at once when data or weights are missing, `MemoryShortage` when the machine certainly has too
  ///   little memory, `CancellationError` when it was stopped.
  public func run(_ recipe: ResolvedRecipe, seed: UInt64) throws -> RunRecord {
    let missing = workspace.missingInputs(of: recipe)
    guard missing.isEmpty else { throw MissingInputs(inputs: missing, userData: workspace.userData) }
    // A finished run takes none.
    if let shortage = MemoryNeed(recipe.recipe.task).shortage(of: MachineMemory.current().available),
      try finishedRun(recipe, seed: seed) == nil
    {
      throw shortage
    }
    try requireWeights(of: recipe)
    switch recipe.recipe.task {
    case .segmentation(let segmentation):
      let preparation = DatasetPreparation(runner: self, dataset: segmentation.dataset)
      let dataset = try preparation.rawDataset()
      // Before a pretraining of hours: a user's file may be wrong.
      try preparation.requireClasses(segmentation.evaluation.scoring, of: dataset)
      let warnings = try preparation.verified(dataset)
      show(warnings, of: dataset)
      let splits = try preparation.givenSplits(segmentation.evaluation.scoring, of: dataset)
      let pretraining = try recipe.pretraining.map { try run($0, seed: $0.recipe.seeds[0]) }
      let weights = try initialWeights(segmentation.initialWeights, pretraining: pretraining)
      let identity = Self.identity(
        recipe, seed: seed,
        inputs: Self.inputs(data: dataset.digest, weights: weights?.digest ?? "", splits: splits?.digest))
      return try inFolder(identity, recipe) { folder in
        for warning in warnings { log?.write("warning: \(warning)") }
        return try SegmentationExperiment(
          runner: self, recipe: recipe, settings: segmentation, seed: seed, identity: identity, folder: folder,
          dataset: dataset, weights: weights, splits: splits, pretraining: pretraining
        ).run()
      }
    case .pretraining(let settings):
      let start = try recipe.pretraining.map { try run($0, seed: $0.recipe.seeds[0]) }
      let images = try ImagePreparation(runner: self, settings: settings.images).images()
      let weights = try initialWeights(settings.initialWeights, pretraining: start)
      let identity = Self.identity(
        recipe, seed: seed, inputs: Self.inputs(data: images.digest, weights: weights?.digest ?? "", splits: nil))
      return try inFolder(identity, recipe) { folder in
        try PretrainingExperiment(
          runner: self, recipe: recipe, settings: settings, seed: seed, identity: identity, folder: folder,
          images: images, weights: weights, start: start
        ).run()
      }
    case .predictions(let settings):
      let preparation = DatasetPreparation(runner: self, dataset: settings.dataset)
      let dataset = try preparation.rawDataset()
      try preparation.requireClasses(settings.scoring, of: dataset)
      show(try preparation.verified(dataset), of: dataset)
      let splits = try preparation.givenSplits(settings.scoring, of: dataset)
      let fold = try preparation.fold(settings.scoring, of: dataset, splits: splits)
      let predicted = try PredictedFolder(
        workspace.userData!.appendingPathComponent(settings.folder), cases: fold.validation)
      let identity = Self.identity(
        recipe, seed: seed,
        inputs: Self.inputs(data: dataset.digest, splits: splits?.digest, predictions: predicted.digest))
      return try inFolder(identity, recipe) { folder in
        try PredictionsExperiment(
          runner: self, recipe: recipe, settings: settings, seed: seed, identity: identity, folder: folder,
          dataset: dataset, splits: splits, fold: fold, predicted: predicted
        ).run()
      }
    case .curation: throw RunError.nothingToRun(recipe.path)
    }
  }

  /// Refuses weights that are not the network's, before hours of preparation: of the recipe and of those that it starts from.
  /// - Throws: `WeightFileError`.
  private func requireWeights(of recipe: ResolvedRecipe) throws {
    let form: VisionTransformerSettings?
    let source: InitialWeights
    switch recipe.recipe.task {
    case .segmentation(let recipe): (form, source) = (recipe.network.kind.encoder, recipe.initialWeights)
    case .pretraining(let recipe): (form, source) = (recipe.vit, recipe.initialWeights)
    case .predictions, .curation: return
    }
    if case .file(let path, let layout, let model) = source, let form {
      let url = workspace.userData!.appendingPathComponent(path)
      try InitialWeightsFile(url: url, layout: layout, model: model, digest: "").requireForm(form)
    }
    if let start = recipe.pretraining { try requireWeights(of: start) }
  }

  /// The record of the recipe's run with one seed, if it has finished; never starts anything.
  public func finishedRun(_ recipe: ResolvedRecipe, seed: UInt64) throws -> RunRecord? {
    guard let identity = try identity(of: recipe, seed: seed) else { return nil }
    let record = folder(identity).appendingPathComponent("run.h5")
    return exists(record) ? try RunRecord.read(record) : nil
  }

  /// The name that the recipe's run with one seed has or will have; nil where what it reads is not there yet. Never starts
  /// anything.
  public func identity(of recipe: ResolvedRecipe, seed: UInt64) throws -> String? {
    guard workspace.missingInputs(of: recipe).isEmpty else { return nil }
    var start: RunRecord?
    if let needed = recipe.pretraining {
      start = try finishedRun(needed, seed: needed.recipe.seeds[0])
      if start == nil { return nil }
    }
    let inputs: [String]
    switch recipe.recipe.task {
    case .segmentation(let segmentation):
      let preparation = DatasetPreparation(runner: self, dataset: segmentation.dataset)
      guard let dataset = try preparation.existingRawDataset() else { return nil }
      let weights = try initialWeights(segmentation.initialWeights, pretraining: start)
      let splits = try preparation.givenSplits(segmentation.evaluation.scoring, of: dataset)
      inputs = Self.inputs(data: dataset.digest, weights: weights?.digest ?? "", splits: splits?.digest)
    case .pretraining(let pretraining):
      guard let images = try ImagePreparation(runner: self, settings: pretraining.images).existingImages() else {
        return nil
      }
      let weights = try initialWeights(pretraining.initialWeights, pretraining: start)
      inputs = Self.inputs(data: images.digest, weights: weights?.digest ?? "", splits: nil)
    case .predictions(let settings):
      let preparation = DatasetPreparation(runner: self, dataset: settings.dataset)
      guard let dataset = try preparation.existingRawDataset() else { return nil }
      let splits = try preparation.givenSplits(settings.scoring, of: dataset)
      let fold = try preparation.fold(settings.scoring, of: dataset, splits: splits)
      let folder = workspace.userData!.appendingPathComponent(settings.folder)
      do {
        let predicted = try PredictedFolder(folder, cases: fold.validation)
        inputs = Self.inputs(data: dataset.digest, splits: splits?.digest, predictions: predicted.digest)
      } catch is PredictedFolderError {
        // Not whole yet: `run` says what it lacks.
        return nil
      }
    case .curation: return nil
    }
    return Self.identity(recipe, seed: seed, inputs: inputs)
  }

  /// The raw dataset that a recipe is scored on, if it is there already.
  public func existingDataset(of recipe: ResolvedRecipe) throws -> RawDataset? {
    guard let scored = recipe.recipe.scored, workspace.missingInputs(of: recipe).isEmpty else { return nil }
    return try DatasetPreparation(runner: self, dataset: scored.dataset).existingRawDataset()?.raw
  }

  /// The dataset of a recipe with scores in nnU-Net's raw layout, generated first if it is a phantom.
  /// - Throws: `MissingInputs` when it is a folder that is not there, `RunError` for a recipe of another kind.
  public func dataset(of recipe: ResolvedRecipe) throws -> RawDataset {
    guard let settings = recipe.recipe.scored?.dataset else { throw RunError.notSegmentation(recipe.path) }
    let missing = workspace.missingInputs(of: settings)
    guard missing.isEmpty else { throw MissingInputs(inputs: missing, userData: workspace.userData) }
    return try DatasetPreparation(runner: self, dataset: settings).rawDataset().raw
  }

  /// The folder of the run with that identity.
  public func folder(_ identity: String) -> URL {
    workspace.runs.appendingPathComponent(identity, isDirectory: true)
  }

  /// Whether a folder's files are to be read whatever is remembered of them: once each, when runs are made afresh.
  func readsAgain(_ folder: URL) -> Bool { fresh && readAgain.insert(folder.path).inserted }

  /// Throws when the user has asked to stop.
  func checkCancellation() throws {
    if isCancelled() { throw CancellationError() }
  }

  /// The hash of all that decides a run's results.
  /// - Parameter inputs: what `inputs` gives.
  static func identity(_ recipe: ResolvedRecipe, seed: UInt64, inputs: [String], engine: String = engineVersion)
    -> String
  {
    let text = ["engine \(engine)", recipe.identityText(seed: seed)] + inputs.map { "input \($0)" }
    return String(Digest.sha256(of: text.joined(separator: "\n")).prefix(40))
  }

  /// What a run reads beside its recipe, for its identity.
  /// - Parameters: digests of the dataset or the slices ("" for procedural images), of the initial weights ("" for random
  ///   ones or none), of the user's folds, if any, and of predictions made elsewhere, if any.
  static func inputs(data: String, weights: String = "", splits: String?, predictions: String? = nil) -> [String] {
    [data, weights] + [splits.map { "splits \($0)" }, predictions.map { "predictions \($0)" }].compactMap { $0 }
  }

  /// The file that a run's encoder starts from; nil for random weights.
  func initialWeights(_ source: InitialWeights, pretraining: RunRecord?) throws -> InitialWeightsFile? {
    switch source {
    case .random: return nil
    case .file(let path, let layout, let model):
      let url = workspace.userData!.appendingPathComponent(path)
      return InitialWeightsFile(url: url, layout: layout, model: model, digest: try Digest.sha256(ofFileAt: url))
    case .recipe:
      let url = folder(pretraining!.description.identity).appendingPathComponent("weights.safetensors")
      let digest = try Digest.sha256(ofFileAt: url)
      guard digest == pretraining!.description.weightsDigest else { throw RunError.changedWeights(url.path) }
      return InitialWeightsFile(url: url, layout: .segbench, digest: digest)
    }
  }

  /// Runs `body` alone in a run's folder, unless the run has finished.
  private func inFolder(_ identity: String, _ recipe: ResolvedRecipe, _ body: (URL) throws -> RunRecord) throws
    -> RunRecord
  {
    let folder = folder(identity)
    let lock = try FolderLock(folder, isCancelled: isCancelled) { holder in
      say("waiting for \(holder), which is at work on this run")
    }
    defer { withExtendedLifetime(lock) {} }
    let record = folder.appendingPathComponent("run.h5")
    if fresh && renewed.insert(identity).inserted {
      for name in try FileManager.default.contentsOfDirectory(atPath: folder.path) where name != ".lock" {
        try FileManager.default.removeItem(at: folder.appendingPathComponent(name))
      }
    }
    if exists(record) {
      do {
        let finished = try RunRecord.read(record)
        say("\(recipe.recipe.title): done before (run \(identity.prefix(10)))")
        return finished
      } catch RunRecordError.damaged, HDF5Error.unopenable, HDF5Error.failed, HDF5Error.missing, HDF5Error.changed,
        HDF5Error.unsealed
      {
        let aside = folder.appendingPathComponent("run.damaged.h5")
        guard rename(record.path, aside.path) == 0 else { throw FileError.ofWriting(aside) }
        say("\(record.path) is damaged or cut short: it is set aside, and made again from the last checkpoint")
      }
    }
    AtomicFile.removeLeftovers(below: folder)
    log = RunLog(folder: folder)
    defer { log = nil }
    say("\(recipe.recipe.title) (run \(identity.prefix(10)))")
    try AtomicFile.write(Data(recipe.yamlText.utf8), to: folder.appendingPathComponent("recipe.yaml"))
    do {
      let result = try body(folder)
      try result.write(to: record)
      log?.write("done")
      return result
    } catch {
      log?.write(
        error is CancellationError
          ? "stopped: interrupted; the same command goes on from here" : "stopped: \(errorText(error))")
      throw error
    }
  }
}
