import Experiments
import Foundation
import Recipes

let runCommand = Command(
  name: "run", summary: "Run recipes, or every row of a table; what has run before is not run again",
  operands: "RECIPE|TABLE...",
  example: "segbench run table1 --profile phantom", positionalCount: 1...1000,
  options: RecipeOptions.ofRuns + [
    OptionSpecification("--fresh", help: "Throw away what earlier runs of these recipes left, and run them again"),
    OptionSpecification(
      "--dry-run", help: "Run nothing: list what would run, about how long, and on what data"),
  ], usesDevice: true
) { arguments in
  let options = try RecipeOptions(arguments)
  let recipes = try arguments.positionals.flatMap { try options.recipes($0) }
  if arguments.flag("--dry-run") {
    guard !arguments.flag("--fresh") else { throw UsageError("--dry-run throws nothing away: leave --fresh out") }
    let status = try Status(of: [("", "", recipes)], seeds: options.seeds, runner: options.runner())
    for line in status.lines(showsData: true) { print(line) }
    return
  }
  Interruption.goesOn.store(true, ordering: .relaxed)
  let missing = Set(recipes.flatMap { options.workspace.missingInputs(of: $0) })
  guard missing.isEmpty else {
    throw MissingInputs(inputs: missing.sorted { $0.path < $1.path }, userData: options.workspace.userData)
  }
  let runner = options.runner(fresh: arguments.flag("--fresh"))
  for (index, recipe) in recipes.enumerated() {
    for seed in recipe.recipe.seeds(inPlace: options.seeds) {
      Console.say("[\(index + 1)/\(recipes.count)] \(recipe.recipe.title)")
      let record = try runner.run(recipe, seed: seed)
      print(runner.folder(record.description.identity).path)
    }
  }
}

let explainCommand = Command(
  name: "explain", summary: "Show every resolved value of a recipe and where it comes from",
  operands: "RECIPE",
  example: "segbench explain Recipes/real-ct/multi-scale.yaml --profile phantom", positionalCount: 1...1,
  options: RecipeOptions.specifications + [OptionSpecification("--json", help: "Print JSON")]
) { arguments in
  let recipe = try RecipeOptions(arguments).resolve(arguments.positionals[0])
  guard arguments.flag("--json") else { return print(recipe.explanation, terminator: "") }
  try printJSON(
    recipe.values.map { value in
      ExplainedValue(
        key: value.key, value: value.text, origin: value.origin.description, affectsResult: value.affectsResult,
        standsFor: recipe.standIns.first { $0.key == value.key }?.original)
    })
}

private struct ExplainedValue: Encodable {
  let key: String
  /// In YAML, on one line.
  let value: String
  /// File, line and column.
  let origin: String
  let affectsResult: Bool
  /// The recipe's value for which a profile puts this one.
  let standsFor: String?
}

let statusCommand = Command(
  name: "status", summary: "Show what has run, what is missing, and how far unfinished runs are",
  operands: "[RECIPE|TABLE...]", example: "segbench status --profile paper",
  positionalCount: 0...1000,
  options: RecipeOptions.ofRuns + [OptionSpecification("--json", help: "Print JSON")]
) { arguments in
  let options = try RecipeOptions(arguments)
  let words = arguments.positionals.isEmpty ? try options.library.tables() : arguments.positionals
  let sections = try words.map { word -> (name: String, title: String, recipes: [ResolvedRecipe]) in
    let path = try options.library.item(word, among: [.table])?.path ?? word
    let isTable = try options.library.isTable(path)
    return (isTable ? path : "", isTable ? try options.library.table(path).title : "", try options.recipes(word))
  }
  let status = try Status(of: sections, seeds: options.seeds, runner: options.runner())
  guard !arguments.flag("--json") else { return try printJSON(status) }
  for line in status.lines() { print(line) }
}
