import Files
import Foundation
import Recipes

extension Runner {
  /// Takes a few steps of a recipe's training on this device, and keeps what they took. Its data is prepared first, as a run
  /// does.
  /// - Parameters:
  ///   - steps: how many are timed, after a first one; fewer where they take more than a minute.
  ///   - again: whether steps are taken although some were measured.
  /// - Returns: whether steps were taken.
  /// - Throws: as `run`.
  public func calibrate(_ recipe: ResolvedRecipe, steps: Int, again: Bool = false) throws -> Bool {
    let missing = workspace.missingInputs(of: recipe)
    guard missing.isEmpty else { throw MissingInputs(inputs: missing, userData: workspace.userData) }
    guard let experiment = recipe.experiment, recipe.stepKey(plan: nil, device: context.device) != nil else {
      return false
    }
    if context.device == nil, let shortage = shortage(of: recipe) { throw shortage }
    if !again, try measurement(of: recipe) != nil { return false }
    let clock = StepClock()
    let start = ContinuousClock.now
    let context = context.stopping {
      guard let pace = clock.pace else { return false }
      return pace.steps >= steps || ContinuousClock.now - start > .seconds(60)
    }
    let folder = workspace.measured.appendingPathComponent("training-\(getpid())", isDirectory: true)
    try makeFolder(folder)
    defer { try? FileManager.default.removeItem(at: folder) }
    let session = RunSession(context: context, identity: "calibration", seed: 0, folder: folder, clock: clock)
    let assembly = InputAssembly(context: self.context, makes: true) { try self.run($0, seed: $0.recipe.seeds[0]) }
    do { try experiment.calibrate(assembly, session) } catch is CancellationError {
      // Its own end, or the user's.
      try self.context.checkCancellation()
    }
    return true
  }

  /// What was measured of a recipe's steps on this device; nil where nothing was, or where its plan is not made yet.
  func measurement(of recipe: ResolvedRecipe) throws -> StepMeasurement? {
    var plan: String?
    if let settings = recipe.recipe.segmentation {
      guard workspace.missingInputs(of: recipe).isEmpty,
        let configuration = try unlessRefused({
          try DatasetPreparation(context: context, dataset: settings.dataset).existingConfiguration(settings.plan)
        }) ?? nil
      else { return nil }
      plan = configuration.text
    }
    return recipe.stepKey(plan: plan, device: context.device).flatMap { StepMeasurement.read($0, in: workspace) }
  }
}
