import Experiments
import Foundation
import Recipes
import Reporting

/// Prints a report in the format asked for.
func printReport(_ format: String, markdown: () -> String, csv: () -> String, json: () -> String) {
  switch format {
  case "csv": print(csv(), terminator: "")
  case "json": print(json())
  default: print(markdown(), terminator: "")
  }
}

/// Writes what the paper asserts in words, and what its numbers and our runs say of it.
func reportClaims(_ options: RecipeOptions, _ format: String) throws {
  let claims = try options.library.claims("meddinov3/claims.yaml")
  let tables = try options.library.tables().filter { $0.hasPrefix("meddinov3/") }.map { try options.library.table($0) }
  let runner = options.runner()
  let report = try ClaimsReport(claims: claims, profile: options.profile) { cell in
    guard
      let row = tables.first(where: { $0.published.id == cell.table })?.rows.first(where: {
        $0.published.id == cell.row.id
      }),
      let path = row.recipes.first(where: { $0.dataset == cell.column.dataset })?.path
    else { return nil }
    let recipe = try options.resolve(path)
    let runs = try recipe.recipe.seeds(inPlace: options.seeds).compactMap { try runner.finishedRun(recipe, seed: $0) }
      .compactMap { $0.summary() }
    return runs.isEmpty ? nil : try ComparedRuns(name: recipe.recipe.title, runs: runs)
  }
  let written = try ReportFiles.write(report, to: options.workspace.results(profile: options.profile))
  printReport(format, markdown: report.markdown, csv: report.csv, json: report.json)
  write("written: \(written.map(\.path).joined(separator: ", "))\n")
}
