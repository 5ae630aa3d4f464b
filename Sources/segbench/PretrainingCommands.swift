import Experiments
import Files
import Foundation
import Recipes
import Reporting

let pretrainCommand = Command(
  name: "pretrain", summary: "Pretrain an encoder without labels, after the stages that it starts from",
  operands: "RECIPE",
  example: "segbench pretrain Recipes/STUDY/pretraining/stage-1.yaml", positionalCount: 1...1,
  options: RecipeOptions.ofRuns + [
    OptionSpecification("--fresh", help: "Throw away what earlier runs of these recipes left, and run them again")
  ], usesDevice: true
) { arguments in
  let options = try RecipeOptions(arguments)
  let recipe = try options.resolve(arguments.positionals[0])
  guard recipe.recipe.kind == .pretraining else {
    throw UsageError("\(recipe.path) is a \(recipe.recipe.kind.rawValue) recipe; pretrain needs a pretraining recipe")
  }
  Interruption.goesOn.store(true, ordering: .relaxed)
  let runner = options.runner(fresh: arguments.flag("--fresh"))
  for seed in options.seeds ?? recipe.recipe.seeds {
    let record = try runner.run(recipe, seed: seed)
    let folder = runner.folder(record.description.identity)
    let picture = folder.appendingPathComponent("curves.png")
    try PretrainingCurves.picture(record).write(to: picture)
    Console.say("written: \(picture.path)")
    print(folder.path)
  }
}

let datasetCurateCommand = Command(
  name: "dataset curate", summary: "Bring the CT slices together that a recipe names, and report what was found",
  operands: "RECIPE",
  example: "segbench dataset curate Recipes/datasets/ct3m.yaml --profile paper", positionalCount: 1...1,
  options: RecipeOptions.specifications + [
    OptionSpecification("--json", help: "Print the report as JSON")
  ]
) { arguments in
  let options = try RecipeOptions(arguments)
  let recipe = try options.resolve(arguments.positionals[0])
  guard let images = recipe.recipe.images, case .slices(let settings) = images else {
    throw UsageError("\(recipe.path) names no CT slices (images.kind is not ct-slices)")
  }
  let missing = options.workspace.missingInputs(of: images)
  guard missing.isEmpty else { throw MissingInputs(inputs: missing, userData: options.workspace.userData) }
  Interruption.goesOn.store(true, ordering: .relaxed)
  let start = ContinuousClock.now
  let slices = try ImagePreparation(context: options.runner().context, settings: images).slices()!
  let seconds = (ContinuousClock.now - start) / .seconds(1)
  let report = CurationReport(sources: slices.report, expectedSlices: settings.expectedSlices)
  print(arguments.flag("--json") ? try report.json() : report.text(), terminator: "")
  Console.say("\(slices.folder.path): \(slices.count) slices, \(String(format: "%.1f", seconds)) s")
}

let probeCommand = Command(
  name: "probe",
  summary: "Score a linear map from frozen encoders' patches to classes, for a table's rows or for recipes",
  operands: "RECIPE|TABLE...",
  example: "segbench probe table3 --seeds 0,1,2", positionalCount: 1...100,
  options: RecipeOptions.ofRuns + ReportOutput.specifications,
  notes: ["The files are called after the first recipe or table: NAME-probe."] + ReportOutput.notes, usesDevice: true
) { arguments in
  let options = try RecipeOptions(arguments)
  let output = try ReportOutput(arguments)
  let recipes = try arguments.positionals.flatMap { try options.recipes($0) }
  let (name, folder) = try options.library.results(of: arguments.positionals[0])
  let standard = options.workspace.results(profile: options.profile, study: folder)
  try output.requireFolder(standard: standard)
  Interruption.goesOn.store(true, ordering: .relaxed)
  let runner = options.runner()
  let seeds = options.seeds ?? [0]
  let probes = try recipes.map { try EncoderProbe($0, runner: runner) }
  let rows = try zip(recipes, probes).map { recipe, probe in
    ProbeReport.Row(
      title: recipe.recipe.title, scores: try seeds.map { try probe.scores(seed: $0) },
      scale: try options.library.scale(
        of: recipe, row: options.library.paperRow(ofRecipe: recipe.path, fidelity: recipe.recipe.fidelity), record: nil)
    )
  }
  let report = ProbeReport(
    title: name, profile: options.profile, seeds: seeds, rows: rows,
    basis: Provenance.current(root: options.workspace.root).basis)
  try output.finish(
    standard: standard, files: { ReportFiles("\(name)-probe", markdown: report.markdown()) },
    printed: { print(report.markdown(), terminator: "") })
}
