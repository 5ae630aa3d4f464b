import Experiments
import Foundation
import Recipes
import Reporting

let runCommand = Command(
  name: "run", summary: "Run recipes, or every row of a table; what has run before is not run again",
  usage: "run RECIPE... [--profile NAME] [--seeds LIST] [--set KEY=VALUE] [--fidelity WHICH] [--fresh]",
  example: "segbench run Recipes/meddinov3/table1.yaml --profile phantom", positionalCount: 1...1000,
  options: RecipeOptions.specifications + [
    OptionSpecification("--fresh", help: "Throw away what earlier runs of these recipes left, and run them again")
  ]
) { arguments in
  let options = try RecipeOptions(arguments)
  let recipes = try arguments.positionals.flatMap { try options.recipes($0) }
  Interruption.install()
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
  usage: "explain RECIPE [--profile NAME] [--set KEY=VALUE] [--fidelity WHICH]",
  example: "segbench explain Recipes/meddinov3/table1/1-random-init-640.yaml --profile paper", positionalCount: 1...1,
  options: Array(RecipeOptions.specifications.dropLast())
) { arguments in
  print(try RecipeOptions(arguments).resolve(arguments.positionals[0]).explanation, terminator: "")
}

let statusCommand = Command(
  name: "status", summary: "Show what has run, what is missing, and how far unfinished runs are",
  usage: "status [RECIPE...] [--profile NAME] [--seeds LIST]", example: "segbench status --profile paper",
  positionalCount: 0...1000, options: RecipeOptions.specifications
) { arguments in
  let options = try RecipeOptions(arguments)
  let paths = arguments.positionals.isEmpty ? options.library.tables() : arguments.positionals
  for line in try Status.lines(
    of: paths.flatMap { try options.recipes($0) }, seeds: options.seeds, runner: options.runner())
  {
    print(line)
  }
}

let reportCommand = Command(
  name: "report",
  summary: "Write a table with our numbers, beside the published ones if there are any, or a verdict on the claims",
  usage:
    "report table1|TABLE.yaml|claims|deviations [--profile NAME] [--seeds LIST] [--format markdown|csv|json] [--set KEY=VALUE]",
  example: "segbench report table1 --profile phantom", positionalCount: 1...1,
  options: RecipeOptions.specifications + [
    OptionSpecification("--format", "FORMAT", help: "markdown (default), csv or json; what is printed")
  ]
) { arguments in
  let options = try RecipeOptions(arguments)
  let format = try arguments.choice("--format", among: ["markdown", "csv", "json"]) ?? "markdown"
  let tables = options.library.tables()
  let name = arguments.positionals[0]
  if name == "real-ct" { return try reportRealCT(options, format) }
  if name == "claims" { return try reportClaims(options, format) }
  if name == "deviations" {
    let report = DeviationsReport(try options.library.deviations("meddinov3/deviations.yaml"))
    return printReport(format, markdown: report.markdown, csv: report.csv, json: report.json)
  }
  let path = try tables.first { $0.hasSuffix("/\(name).yaml") } ?? options.ownTable(name, beside: tables)
  let profile = options.profile
  let runs = ChosenRuns(
    library: options.library, runner: options.runner(), profile: profile, fidelity: options.fidelity,
    overrides: options.overrides, seeds: options.seeds)
  let report = try TableReport(study: path, runs: runs) { "segbench run Recipes/\($0) --profile \(profile)" }
  let folder = options.workspace.results(profile: profile)
  var written = try ReportFiles.write(report, to: folder)
  if let picture = try ReportPictures.learningCurves(of: report, to: folder) { written.append(picture) }
  let sheets = try ReportPictures.caseSheets(study: path, runs: runs, to: folder)
  printReport(format, markdown: report.markdown, csv: report.csv, json: report.json)
  if let first = sheets.first { written.append(first.deletingLastPathComponent()) }
  write("written: \(written.map(\.path).joined(separator: ", "))\n")
}

extension RecipeOptions {
  /// The file of a table of the user's own.
  /// - Throws: `UsageError` for a name that is neither a file nor a report, or a file that is no table.
  fileprivate func ownTable(_ name: String, beside tables: [String]) throws -> String {
    let isTable: Bool
    do { isTable = try library.isTable(name) } catch RecipeError.noSuchFile {
      let names = tables.map { URL(fileURLWithPath: $0).deletingPathExtension().lastPathComponent }
      throw UsageError(
        "there is no report \"\(name)\" and no table file of that name; there is "
          + (names + ["claims", "deviations", "real-ct"]).joined(separator: ", "))
    }
    guard isTable else {
      throw UsageError(
        "\(name) is no table: a table's file has `rows`, each with its recipes (Docs/adding-a-baseline.md)")
    }
    return name
  }
}
