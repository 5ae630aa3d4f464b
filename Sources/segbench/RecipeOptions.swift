import Experiments
import Files
import Foundation
import Recipes
import Tensors
import TorchBackend

/// The options that choose how recipes are resolved, and what they mean.
struct RecipeOptions {
  static let specifications = [
    OptionSpecification("--profile", "NAME", help: "paper, phantom (default), or another file of Recipes/profiles"),
    OptionSpecification(
      "--fidelity", "WHICH", choices: Recipe.Fidelity.allCases.map(\.rawValue),
      help: "paper or code: which value to take where the two differ"),
    OptionSpecification(
      "--set", "KEY=VALUE", help: "Put a value in place of the recipe's; may be repeated", repeats: true),
  ]
  /// The same with those that choose runs of the recipes.
  static let ofRuns =
    specifications + [
      OptionSpecification("--seeds", "LIST", help: "Seeds in place of the recipe's, such as 0,1,2"), deviceOption,
    ]

  let workspace: Workspace
  let library: RecipeLibrary
  let profile: String
  let fidelity: Recipe.Fidelity?
  let overrides: [String]
  let seeds: [UInt64]?
  let device: DeviceChoice

  init(_ arguments: Arguments) throws {
    workspace = try Workspace.fromEnvironment()
    library = RecipeLibrary(root: workspace.recipes)
    profile = try arguments.choice("--profile", among: library.profiles) ?? "phantom"
    fidelity = arguments.choice("--fidelity", as: Recipe.Fidelity.self)
    overrides = arguments.values("--set")
    seeds = try arguments.integers("--seeds", in: 0...Int(UInt32.max))?.map { UInt64($0) }
    device = try DeviceChoice(arguments)
    if let seeds, Set(seeds).count != seeds.count { throw UsageError("--seeds names a seed twice") }
  }

  func resolve(_ path: String) throws -> ResolvedRecipe {
    try library.resolve(path, profile: profile, fidelity: fidelity, overrides: overrides)
  }

  /// The recipes that a word means: every one of a table's rows, or the recipe itself.
  /// - Parameter word: a file's path, or `NAME` or `STUDY/NAME` of a table.
  func recipes(_ word: String) throws -> [ResolvedRecipe] {
    let path = try library.item(word, among: [.table])?.path ?? word
    guard try library.isTable(path) else { return [try resolve(path)] }
    return try library.table(path).rows.flatMap(\.recipes).map { try resolve($0.path) }
  }

  /// The folders of the runs that a word means: those of a table's rows or of a recipe, for each seed, or one run by its name.
  /// - Throws: `UsageError` for a row that is not run, with the command that runs it.
  func runFolders(_ word: String) throws -> [URL] {
    let isRecipe = try word.hasSuffix(".yaml") || library.item(word, among: [.table]) != nil
    guard isRecipe else { return [try FinishedRun.folder(word, in: workspace)] }
    let runner = runner()
    return try recipes(word).flatMap { recipe in
      try recipe.recipe.seeds(inPlace: seeds).map { seed in
        guard let record = try runner.finishedRun(recipe, seed: seed) else {
          throw UsageError(
            "\(word): \(recipe.recipe.title), seed \(seed), is not run; run it first: \(command(recipe.path))")
        }
        return workspace.run(record.description.identity)
      }
    }
  }

  /// What words mean together, a group for each: a table's rows, or a recipe.
  func groups(_ words: [String]) throws -> [RecipeGroup] {
    try words.map { word in
      let path = try library.item(word, among: [.table])?.path ?? word
      guard try library.isTable(path) else { return RecipeGroup(recipes: [try resolve(path)]) }
      return RecipeGroup(
        table: try library.tablePath(path), title: try library.table(path).title, recipes: try recipes(word))
    }
  }

  /// The command that makes the runs of a recipe with these options, as a shell needs it.
  func command(_ path: String) -> String {
    RunCommand(
      library: library, profile: profile, fidelity: fidelity, overrides: overrides, seeds: seeds,
      device: device.identity
    ).text(path)
  }

  /// A runner that prints to standard error.
  func runner(fresh: Bool = false, leavesBusy: Bool = false) -> Runner {
    Runner(
      workspace: workspace, fresh: fresh, leavesBusy: leavesBusy, say: { Console.say($0) },
      progress: { ProgressDisplay($0).progress },
      isCancelled: { Cancellation.isRequested }, hdf5Weights: ReadingProcess.weights,
      device: device.identity)
  }
}
