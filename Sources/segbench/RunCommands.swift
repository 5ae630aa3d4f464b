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
    OptionSpecification(
      "--all-or-nothing", help: "Run nothing where data or weights of any run are missing; the others run otherwise"),
    OptionSpecification(
      "--if-busy", "WHAT", choices: ["wait", "leave"],
      help: "wait (default) for another process that is at work on a run, or leave the run to it"),
  ], usesDevice: true
) { arguments in
  let options = try RecipeOptions(arguments)
  let groups = try options.groups(arguments.positionals)
  if arguments.flag("--dry-run") {
    guard !arguments.flag("--fresh") else { throw UsageError("--dry-run throws nothing away: leave --fresh out") }
    let recipes = RecipeGroup(recipes: groups.flatMap(\.recipes))
    let status = try Status(of: [recipes], seeds: options.seeds, runner: options.runner())
    for line in status.lines(showsData: true) { print(line) }
    return
  }
  Interruption.goesOn.store(true, ordering: .relaxed)
  let graph = RunGraph(groups, seeds: options.seeds, workspace: options.workspace)
  try requireInputs(of: graph, all: arguments.flag("--all-or-nothing"), options)
  let runner = options.runner(
    fresh: arguments.flag("--fresh"), leavesBusy: arguments.value("--if-busy") == "leave")
  let walk = try runner.walk(
    graph, starting: { Console.say("[\($0)/\($1)] \($2)") },
    finished: { print(runner.folder($0.description.identity).path) })
  if let failure = walk.failure(userData: options.workspace.userData) { throw failure }
}

/// Says how many runs lack something; they are left out.
/// - Throws: `MissingInputs` where all runs are wanted or none, or none can be had.
func requireInputs(of graph: RunGraph, all: Bool, _ options: RecipeOptions) throws {
  let missing = graph.missingInputs
  guard !missing.isEmpty else { return }
  let asked = graph.jobs.filter(\.isAsked)
  let lacking = asked.count { !$0.lacks.isEmpty }
  guard !all, lacking < asked.count else {
    throw MissingInputs(inputs: missing, userData: options.workspace.userData)
  }
  Console.warn("\(lacking) of \(asked.count) runs lack data or weights and are left out")
}

let prepareCommand = Command(
  name: "prepare", summary: "Bring together what recipes learn from: generate, verify, plan, preprocess; train nothing",
  operands: "RECIPE|TABLE...",
  example: "segbench prepare table1 --profile phantom", positionalCount: 1...1000,
  options: RecipeOptions.specifications
) { arguments in
  let options = try RecipeOptions(arguments)
  let graph = RunGraph(try options.groups(arguments.positionals), seeds: nil, workspace: options.workspace)
  Interruption.goesOn.store(true, ordering: .relaxed)
  try requireInputs(of: graph, all: false, options)
  let walk = try options.runner().walk(graph.preparations)
  if let failure = walk.failure(userData: options.workspace.userData) { throw failure }
  guard graph.missingInputs.isEmpty else {
    throw MissingInputs(inputs: graph.missingInputs, userData: options.workspace.userData)
  }
}

let calibrateCommand = Command(
  name: "calibrate",
  summary: "Take a few steps of each training on this device, so that status knows hours, memory and disk",
  operands: "RECIPE|TABLE...",
  example: "segbench calibrate table1 --profile phantom", positionalCount: 1...1000,
  options: RecipeOptions.specifications + [deviceOption] + [
    OptionSpecification(
      "--steps", "N", help: "How many steps are timed, after a first one (5); fewer when a minute is over"),
    OptionSpecification("--again", help: "Take steps also of trainings that were measured before"),
  ],
  notes: ["The data is prepared first, as a run does; weights are random, and what was trained is thrown away."],
  usesDevice: true
) { arguments in
  let options = try RecipeOptions(arguments)
  let steps = try arguments.integer("--steps", in: 1...10_000) ?? 5
  let graph = RunGraph(try options.groups(arguments.positionals), seeds: nil, workspace: options.workspace)
  try requireInputs(of: graph, all: false, options)
  let runner = options.runner()
  for job in graph.jobs where job.lacks.isEmpty {
    guard case .run(let recipe, _) = job.work else { continue }
    let isNew = try runner.calibrate(recipe, steps: steps, again: arguments.flag("--again"))
    Console.say("\(recipe.recipe.title): \(isNew ? "measured" : "was measured before, or trains nothing")")
  }
}

let explainCommand = Command(
  name: "explain", summary: "Show every resolved value of a recipe and where it comes from",
  operands: "RECIPE",
  example: "segbench explain Recipes/real-ct/multi-scale.yaml --profile phantom", positionalCount: 1...1,
  options: RecipeOptions.specifications + [
    OptionSpecification("--json", help: "Print JSON, with what each key means")
  ]
) { arguments in
  let recipe = try RecipeOptions(arguments).resolve(arguments.positionals[0])
  guard arguments.flag("--json") else { return print(recipe.explanation, terminator: "") }
  try printJSON(
    recipe.values.map { value in
      ExplainedValue(
        key: value.key, value: value.text, meaning: value.meaning, origin: value.origin.description,
        affectsResult: value.affectsResult,
        standsFor: recipe.standIns.first { $0.key == value.key }?.original)
    })
}

private struct ExplainedValue: Encodable {
  let key: String
  /// In YAML, on one line.
  let value: String
  let meaning: String
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
  let status = try Status(of: options.groups(words), seeds: options.seeds, runner: options.runner())
  guard !arguments.flag("--json") else { return try printJSON(status) }
  for line in status.lines() { print(line) }
}
