import Experiments
import Files
import Foundation
import Recipes
import Reporting

let reportCommand = Command(
  name: "report",
  summary: "Print a table with our numbers, beside the published ones if there are any, or a verdict on the claims",
  operands: "[STUDY/]table1|TABLE.yaml|claims|deviations|html",
  example: "segbench report table1 --profile phantom --check", positionalCount: 1...1,
  options: RecipeOptions.ofRuns + [
    OptionSpecification(
      "--format", "FORMAT", choices: ["markdown", "csv", "json"],
      help: "markdown (default), csv or json; what is printed")
  ] + ReportOutput.specifications,
  notes: [
    "STUDY/ is needed where several studies have a report of the name. html is all of a study, or of every study, on one page",
    "that needs no network: tables, curves, cases, figures, claims, and the run behind every number.",
  ] + ReportOutput.notes
) { arguments in
  let options = try RecipeOptions(arguments)
  let output = try ReportOutput(arguments)
  let format = arguments.value("--format") ?? "markdown"
  let word = arguments.positionals[0]
  guard word != "html", !word.hasSuffix("/html") else {
    guard arguments.value("--format") == nil else { throw UsageError("\(word) is a page: leave --format out") }
    return try output.finish(page: htmlReport(word, options).html, named: "report.html")
  }
  let item = try options.report(word)
  let standard = options.workspace.results(profile: options.profile, study: item.folder)
  switch item.kind {
  case .deviations:
    let report = DeviationsReport(try options.library.deviations(item.path))
    try output.finish(standard: standard, files: { ReportFiles(report) }) {
      printReport(format, markdown: report.markdown, csv: report.csv, json: report.json)
    }
  case .claims:
    let report = try claimsReport(item, options)
    try output.finish(standard: standard, files: { ReportFiles(report) }) {
      printReport(format, markdown: report.markdown, csv: report.csv, json: report.json)
    }
  default:
    let profile = options.profile
    let runs = ChosenRuns(
      library: options.library, runner: options.runner(), profile: profile, fidelity: options.fidelity,
      overrides: options.overrides, seeds: options.seeds)
    let report = try TableReport(study: item.path, runs: runs)
    try output.finish(standard: standard, files: { try ReportFiles(report, study: item.path, runs: runs) }) {
      printReport(format, markdown: report.markdown, csv: report.csv, json: report.json)
    }
  }
}

/// The page of a study, `STUDY/html`, or of all of them.
private func htmlReport(_ word: String, _ options: RecipeOptions) throws -> HTMLReport {
  let all = try options.library.studies()
  let wanted = word == "html" ? all : all.filter { word == "\($0.name)/html" }
  guard !wanted.isEmpty else {
    throw UsageError(
      "there is no study \"\(word.dropLast("/html".count))\"; there is \(all.map(\.name).joined(separator: ", "))")
  }
  let runs = ChosenRuns(
    library: options.library, runner: options.runner(), profile: options.profile, fidelity: options.fidelity,
    overrides: options.overrides, seeds: options.seeds)
  return try HTMLReport(wanted, runs: runs) { study in
    try study.items(.claims).first.map { try claimsReport($0, options) }
  }
}

/// Prints a report in the format asked for.
func printReport(_ format: String, markdown: () -> String, csv: () -> String, json: () -> String) {
  switch format {
  case "csv": print(csv(), terminator: "")
  case "json": print(json())
  default: print(markdown(), terminator: "")
  }
}

/// What a study's paper asserts in words, and what its numbers and our runs say of it.
private func claimsReport(_ item: Study.Item, _ options: RecipeOptions) throws -> ClaimsReport {
  let claims = try options.library.claims(item.path)
  let tables = try options.library.study(item.folder)?.items(.table).map { try options.library.table($0.path) } ?? []
  let runner = options.runner()
  /// The table, the row and the recipe that a published cell is of.
  func place(of cell: Claim.Cell) -> (table: StudyTable, row: StudyTable.Row, path: String)? {
    guard let table = tables.first(where: { $0.published.id == cell.table }),
      let row = table.rows.first(where: { $0.published.id == cell.row.id }),
      let path = row.recipes.first(where: { $0.dataset == cell.column.dataset })?.path
    else { return nil }
    return (table, row, path)
  }
  return try ClaimsReport(
    claims: claims, profile: options.profile, command: { place(of: $0).map { options.command($0.path) } }
  ) { cell in
    guard let (table, row, path) = place(of: cell) else { return nil }
    let recipe = try options.resolve(path)
    let records = try recipe.recipe.seeds(inPlace: options.seeds).compactMap {
      try runner.finishedRun(recipe, seed: $0)
    }
    let runs = records.compactMap { $0.summary(averaging: recipe.recipe.scored?.scoring.averaging) }
    guard !runs.isEmpty else { return nil }
    let paperRow = try options.library.paperRow(
      row, dataset: cell.column.dataset, of: table, fidelity: recipe.recipe.fidelity)
    return try ComparedRuns(
      name: recipe.recipe.title, runs: runs,
      scale: options.library.scale(of: recipe, row: paperRow, record: records[0]))
  }
}

extension RecipeOptions {
  /// What a word names: a report that a study lists, or the file of a table.
  /// - Throws: `UsageError` for a name that is neither; `RecipeError` for one that several studies have, or a file that is no
  ///   table.
  fileprivate func report(_ name: String) throws -> Study.Item {
    let kinds: [Study.Kind] = [.table, .claims, .deviations]
    if let item = try library.item(name, among: kinds) { return item }
    do { return try library.ownTable(name) } catch RecipeError.noSuchFile {
      let names = try library.studies().flatMap(\.items).filter { kinds.contains($0.kind) }.map(\.fullName)
      throw UsageError(
        "there is no report \"\(name)\" and no table file of that name; there is \(names.joined(separator: ", "))")
    }
  }
}
