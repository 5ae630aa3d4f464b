import Datasets
import Files
import Foundation
import Recipes
import Tensors

/// Runs recipes: each combination of recipe, data, engine and seed once, in a folder named by its identity.
public final class Runner {
  /// What the runs have at hand.
  public let context: RunContext
  /// The runs that have been thrown away already, when runs are made afresh: once each.
  private var renewed: Set<String> = []

  public var workspace: Workspace { context.workspace }
  public var hdf5Weights: HDF5WeightReader { context.hdf5Weights }

  /// - Parameters:
  ///   - fresh: throws away what an earlier run of the same identity left, once for each.
  ///   - leavesBusy: whether a run at which another process is at work is left to it; it is waited for otherwise.
  ///   - say: told in words what is being done.
  ///   - progress: makes a receiver of progress for a piece of work with a title.
  ///   - isCancelled: asked often; true stops the run after its checkpoint is written.
  ///   - hdf5Weights: who reads HDF5 files of weights.
  ///   - device: what the runs' identities say of the device (`Device.identity`); runs themselves compute on the current one.
  public init(
    workspace: Workspace, fresh: Bool = false, leavesBusy: Bool = false, say: @escaping (String) -> Void = { _ in },
    progress: @escaping (String) -> Files.Progress = { _ in .silent }, isCancelled: @escaping () -> Bool = { false },
    hdf5Weights: HDF5WeightReader = .none, device: String? = Device.current.identity
  ) {
    context = RunContext(
      workspace: workspace, fresh: fresh, leavesBusy: leavesBusy, say: say, progress: progress,
      isCancelled: isCancelled,
      hdf5Weights: hdf5Weights, device: device)
  }

  /// Runs the recipe with one seed, after the pretraining it starts from, and returns its record. A finished run is not
  /// done again; an interrupted one goes on from its last checkpoint.
  /// - Throws: `MissingInputs` at once when data or weights are missing, `MemoryShortage` when the machine certainly has too
  ///   little memory, `BusyFolder` when another process is at work on it and is not to be waited for, `CancellationError`
  ///   when it was stopped.
  public func run(_ recipe: ResolvedRecipe, seed: UInt64) throws -> RunRecord {
    let missing = workspace.missingInputs(of: recipe)
    guard missing.isEmpty else { throw MissingInputs(inputs: missing, userData: workspace.userData) }
    // A finished run takes none.
    if context.device == nil, let shortage = shortage(of: recipe), try finishedRun(recipe, seed: seed) == nil {
      throw shortage
    }
    try requireWeights(of: recipe)
    guard let experiment = recipe.experiment else { throw RunError.nothingToRun(recipe.path) }
    return try run(experiment, seed: seed)
  }

  private func run(_ experiment: some Experiment, seed: UInt64) throws -> RunRecord {
    let recipe = experiment.recipe
    let inputs = try experiment.inputs(assembly())
    let identity = Self.identity(recipe, seed: seed, inputs: inputs.digests, device: context.device)
    return try inFolder(identity, recipe) { folder, log in
      for warning in inputs.warnings { log.write("warning: \(warning)") }
      return try experiment.run(
        inputs, RunSession(context: context, identity: identity, seed: seed, folder: folder))
    }
  }

  /// Brings together what a recipe learns from or is scored on, and no more: generated, verified, planned, preprocessed.
  /// - Throws: as `run`, without running.
  public func prepare(_ recipe: ResolvedRecipe) throws {
    let missing = workspace.missingInputs(of: recipe)
    guard missing.isEmpty else { throw MissingInputs(inputs: missing, userData: workspace.userData) }
    try requireWeights(of: recipe)
    guard let experiment = recipe.experiment else { throw RunError.nothingToRun(recipe.path) }
    try experiment.prepare(assembly())
  }

  /// What to say where this machine certainly has too little memory to train the recipe.
  func shortage(of recipe: ResolvedRecipe) -> MemoryShortage? {
    MemoryNeed(recipe.recipe.task).shortage(of: MachineMemory.current().available)
  }

  /// Makes inputs that are not there yet.
  /// - Parameter seed: of the pretraining that a recipe starts from; the first of its own when nil.
  func assembly(seed: UInt64? = nil) -> InputAssembly {
    InputAssembly(context: context, makes: true) { try self.run($0, seed: seed ?? $0.recipe.seeds[0]) }
  }

  /// Refuses weights that are not the network's, before hours of preparation: of the recipe and of those that it starts from.
  /// - Throws: `WeightFileError`.
  private func requireWeights(of recipe: ResolvedRecipe) throws {
    let encoder: VisionTransformerSettings?
    let source: InitialWeights
    switch recipe.recipe.task {
    case .segmentation(let recipe): (encoder, source) = (recipe.network.kind.encoder, recipe.initialWeights)
    case .pretraining(let recipe): (encoder, source) = (recipe.vit, recipe.initialWeights)
    case .predictions, .curation: return
    }
    if let encoder, let file = context.givenWeights(source, digest: "") { try file.requireForm(encoder) }
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
    guard workspace.missingInputs(of: recipe).isEmpty, let experiment = recipe.experiment else { return nil }
    var start: RunRecord?
    if let needed = recipe.pretraining {
      start = try finishedRun(needed, seed: needed.recipe.seeds[0])
      // Nothing of a large dataset need be read then.
      if start == nil { return nil }
    }
    let assembly = InputAssembly(context: context, makes: false) { _ in start }
    do {
      return Self.identity(recipe, seed: seed, inputs: try Self.digests(experiment, assembly), device: context.device)
    } catch is InputAssembly.Absent {
      return nil
    }
  }

  private static func digests(_ experiment: some Experiment, _ assembly: InputAssembly) throws -> InputDigests {
    try experiment.inputs(assembly).digests
  }

  /// The raw dataset that a recipe is scored on, if it is there already.
  public func existingDataset(of recipe: ResolvedRecipe) throws -> RawDataset? {
    guard let scored = recipe.recipe.scored, workspace.missingInputs(of: recipe).isEmpty else { return nil }
    return try DatasetPreparation(context: context, dataset: scored.dataset).existingRawDataset()?.raw
  }

  /// The dataset of a recipe with scores in nnU-Net's raw layout, generated first if it is a phantom.
  /// - Throws: `MissingInputs` when it is a folder that is not there, `RunError` for a recipe of another kind.
  public func dataset(of recipe: ResolvedRecipe) throws -> RawDataset {
    guard let settings = recipe.recipe.scored?.dataset else { throw RunError.notSegmentation(recipe.path) }
    let missing = workspace.missingInputs(of: settings)
    guard missing.isEmpty else { throw MissingInputs(inputs: missing, userData: workspace.userData) }
    return try DatasetPreparation(context: context, dataset: settings).rawDataset().raw
  }

  /// The folder of the run with that identity.
  public func folder(_ identity: String) -> URL { workspace.run(identity) }

  /// The hash of all that decides a run's results.
  static func identity(
    _ recipe: ResolvedRecipe, seed: UInt64, inputs: InputDigests, device: String?, engine: String = engineVersion
  ) -> String {
    let text =
      ["engine \(engine)", recipe.identityText(seed: seed)] + inputs.lines.map { "input \($0)" }
      + (device.map { ["device \($0)"] } ?? [])
    return String(Digest.sha256(of: text.joined(separator: "\n")).prefix(40))
  }

  /// Runs `body` alone in a run's folder, unless the run has finished.
  private func inFolder(
    _ identity: String, _ recipe: ResolvedRecipe, _ body: (URL, RunLog) throws -> RunRecord
  ) throws -> RunRecord {
    let folder = folder(identity)
    let lock = try FolderLock(folder, isCancelled: context.isCancelled, waits: !context.leavesBusy) { holder in
      context.say("waiting for \(holder), which is at work on this run")
    }
    defer { withExtendedLifetime(lock) {} }
    let record = folder.appendingPathComponent("run.h5")
    if context.fresh && renewed.insert(identity).inserted {
      for name in try FileManager.default.contentsOfDirectory(atPath: folder.path) where name != ".lock" {
        try FileManager.default.removeItem(at: folder.appendingPathComponent(name))
      }
    }
    if exists(record) {
      do {
        let finished = try RunRecord.read(record)
        context.say("\(recipe.recipe.title): done before (run \(identity.prefix(10)))")
        return finished
      } catch RunRecordError.damaged, HDF5Error.unopenable, HDF5Error.failed, HDF5Error.missing, HDF5Error.changed,
        HDF5Error.unsealed
      {
        let aside = folder.appendingPathComponent("run.damaged.h5")
        guard rename(record.path, aside.path) == 0 else { throw FileError.ofWriting(aside) }
        context.say(
          "\(record.path) is damaged or cut short: it is set aside, and the run goes on from its last checkpoint")
      }
    }
    AtomicFile.removeLeftovers(below: folder)
    return try context.logging(into: folder) { log in
      context.say("\(recipe.recipe.title) (run \(identity.prefix(10)))")
      try AtomicFile.write(Data(recipe.yamlText.utf8), to: folder.appendingPathComponent("recipe.yaml"))
      do {
        let result = try body(folder, log)
        try result.write(to: record)
        log.write("done")
        return result
      } catch {
        log.write(
          error is CancellationError
            ? "stopped: interrupted; the same command goes on from here" : "stopped: \(errorText(error))")
        throw error
      }
    }
  }
}
