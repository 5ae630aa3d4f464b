import Experiments
import Foundation
import Recipes

let runCommand = Command(
  name: "run", summary: "Run recipes, or every row of a table; what has run before is not run again",
  operands: "RECIPE|TABLE...",
  example: "segbench run table1 --profile phantom", positionalCount: 1...1000,
  options: RecipeOptions.specifications + [
    OptionSpecification("--fresh", help: "Throw away what earlier runs of these recipes left, and run them again")
  ]
) { arguments in
  let options = try RecipeOptions(arguments)
  let recipes = try arguments.positionals.flatMap { try options.recipes($0) }
  Interruption.goesOn.store(true, ordering: .relaxed)
  let missing = Set(recipes.flatMap { options.workspace.missingInputs(of: $0) })
  guard missing.isEmpty else {
    throw MissingInputs(inputs: missing.sorted { $0.path < $1.path }, userData: options.workspace.userData)
  }
  let runner = options.runner(fresh: arguments.flag("--fresh"))
  for (index, recipe) in recipes.enumerated() {
    for seed in recipe.recipe.seeds(inPlace: options.seeds) {
      write("[\(index + 1)/\(recipes.count)] \(recipe.recipe.title)\n")
      let record = try runner.run(recipe, seed: seed)
      print(runner.folder(record.description.identity).path)
    }
  }
}

let explainCommand = Command(
  name: "explain", summary: "Show every resolved value of a recipe and where it comes from",
  operands: "RECIPE",
  example: "segbench explain Recipes/real-ct/multi-scale.yaml --profile phantom", positionalCount: 1...1,
  options: Array(RecipeOptions.specifications.dropLast())
) { arguments in
  print(try RecipeOptions(arguments).resolve(arguments.positionals[0]).explanation, terminator: "")
}

let statusCommand = Command(
  name: "status", summary: "Show what has run, what is missing, and how far unfinished runs are",
  operands: "[RECIPE|TABLE...]", example: "segbench status --profile paper",
  positionalCount: 0...1000, options: RecipeOptions.specifications
) { arguments in
  let options = try RecipeOptions(arguments)
  let paths = arguments.positionals.isEmpty ? try options.library.tables() : arguments.positionals
  for line in try Status.lines(
    of: paths.flatMap { try options.recipes($0) }, seeds: options.seeds, runner: options.runner())
  {
    print(line)
  }
}
