import Evaluation
import Files
import Foundation
import Recipes

/// What one kind of recipe does: which inputs it needs, and what becomes of them.
///
/// Inputs are brought together in one place for the run itself and for the question whether it has finished
/// (`InputAssembly`): their digests decide the run's identity.
protocol Experiment {
  associatedtype Inputs: ExperimentInputs

  var recipe: ResolvedRecipe { get }

  /// What the user must provide that is not there, without what the recipes that it starts from need.
  func missingInputs(in workspace: Workspace) -> [MissingInput]

  /// Brings together what the run learns from or is scored on, so that a run finds it ready; nothing is trained.
  /// - Throws: what is wrong with it; `DiskSpaceError` where it, and what the run will leave, does not fit.
  func prepare(_ assembly: InputAssembly) throws

  /// Begins the run's training on its own data in a folder that is thrown away, for its steps' time; the session's context
  /// stops it.
  func calibrate(_ assembly: InputAssembly, _ session: RunSession) throws

  /// Everything that the run reads beside its recipe.
  /// - Throws: `InputAssembly.Absent` for what is not there and is not to be made; what is wrong with an input.
  func inputs(_ assembly: InputAssembly) throws -> Inputs

  /// Does the work in the run's own folder.
  func run(_ inputs: Inputs, _ session: RunSession) throws -> RunRecord
}

/// What an experiment reads beside its recipe.
protocol ExperimentInputs {
  var digests: InputDigests { get }
  /// The run that the initial weights come from, if it is one.
  var start: RunRecord? { get }
  /// What is odd about the inputs, a line for each kind.
  var warnings: [String] { get }
}

/// The digests of what a run reads beside its recipe.
struct InputDigests {
  /// Of the dataset or the slices; "" for procedural images.
  var data: String
  /// Of the initial weights; "" for random ones or none.
  var weights = ""
  /// Of the user's folds; nil for nnU-Net's.
  var splits: String?
  /// Of predictions made elsewhere; nil when the run predicts itself.
  var predictions: String?

  /// As the identity takes them.
  var lines: [String] {
    [data, weights] + [splits.map { "splits \($0)" }, predictions.map { "predictions \($0)" }].compactMap { $0 }
  }
}

/// A run at work.
struct RunSession {
  let context: RunContext
  let identity: String
  let seed: UInt64
  /// The run's own, which holds nothing of others.
  let folder: URL
  /// Times the training's steps.
  var clock = StepClock()

  /// The record of what was done here.
  /// - Parameter weightsDigest: of the trained weights; empty when nothing was trained.
  func record(
    of recipe: ResolvedRecipe, _ inputs: some ExperimentInputs, weightsDigest: String = "", seconds: [String: Double],
    curves: RunCurves = .none, metrics: RunRecord.Metrics? = nil, extent: RunExtent
  ) -> RunRecord {
    var description = RunRecord.Description(
      identity: identity, title: recipe.recipe.title, kind: recipe.recipe.kind.rawValue, profile: recipe.profile ?? "",
      seed: Int(seed), dataDigest: inputs.digests.data, initialWeightsDigest: inputs.digests.weights,
      dependencies: [inputs.start?.description.identity].compactMap { $0 }, weightsDigest: weightsDigest,
      seconds: seconds)
    description.splitsDigest = inputs.digests.splits
    description.predictionsDigest = inputs.digests.predictions
    description.recipePath = recipe.path
    description.extent = extent
    description.startingRuns = inputs.start?.chain ?? []
    return RunRecord(
      description: description, recipe: recipe.yamlText, provenance: .current(root: context.workspace.root),
      curves: curves, metrics: metrics)
  }
}

extension ResolvedRecipe {
  /// What the recipe does; nil for one that only brings images together.
  var experiment: (any Experiment)? {
    switch recipe.task {
    case .segmentation(let settings): SupervisedExperiment(recipe: self, settings: settings)
    case .pretraining(let settings): PretrainingExperiment(recipe: self, settings: settings)
    case .predictions(let settings): PredictionsExperiment(recipe: self, settings: settings)
    case .curation: nil
    }
  }
}

/// Runs `body` and files how long it took under `phase`.
func timed<Result>(_ phase: String, _ seconds: inout [String: Double], _ body: () throws -> Result) rethrows -> Result {
  let start = ContinuousClock.now
  defer { seconds[phase] = (ContinuousClock.now - start) / .seconds(1) }
  return try body()
}
