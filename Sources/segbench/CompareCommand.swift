import Evaluation
import Experiments
import Files
import Foundation
import Recipes
import Reporting

let compareCommand = Command(
  name: "compare", summary: "Compare two runs, or two recipes over their seeds, case by case; or one with the paper",
  operands: "A B",
  example: "segbench compare 5896dae3f2 b4005b4f8b",
  positionalCount: 2...2,
  options: RecipeOptions.ofRuns + [OptionSpecification("--json", help: "Print JSON")],
  notes: [
    "A and B are each the beginning of a run's identity, a run's folder, or a recipe (all its finished seeds).",
    "B may also be a published number, published:[STUDY/]TABLE/ROW/COLUMN, such as published:table1/dinov3-640/amos22-dsc.",
  ]
) { arguments in
  let options = try RecipeOptions(arguments)
  let other = arguments.positionals[1]
  if other.hasPrefix("published:") {
    let comparison = try options.published(
      String(other.dropFirst("published:".count)), beside: options.records(arguments.positionals[0]))
    print(arguments.flag("--json") ? comparison.json() : comparison.markdown(), terminator: "")
  } else {
    let comparison = try RunComparison(options.finishedRuns(arguments.positionals[0]), options.finishedRuns(other))
    print(arguments.flag("--json") ? comparison.json() : comparison.markdown(), terminator: "")
  }
}

/// The records of one side's finished runs, at least one.
struct FinishedRecords {
  let title: String
  let records: [RunRecord]
  /// The rules that the command line asks for; nil for those that the runs were recorded with.
  let averaging: Averaging?
}

extension RecipeOptions {
  /// The finished runs that a word names: the beginning of an identity, a run's folder, or a recipe with its seeds.
  func finishedRuns(_ name: String) throws -> ComparedRuns {
    let found = try records(name)
    return try side(found, scale: library.scale(of: found.records[0], in: workspace))
  }

  /// The records of the finished runs that a word names.
  func records(_ name: String) throws -> FinishedRecords {
    guard isRun(name) else {
      let recipe = try resolve(name)
      let runner = runner()
      let records = try recipe.recipe.seeds(inPlace: seeds).compactMap { try runner.finishedRun(recipe, seed: $0) }
      guard !records.isEmpty else {
        throw UsageError(
          "\(recipe.recipe.title): no finished run at the \(profile) profile; \(command(recipe.path))"
        )
      }
      return FinishedRecords(
        title: recipe.recipe.title, records: records, averaging: recipe.recipe.scored?.scoring.averaging)
    }
    let folder = try FinishedRun.folder(name, in: workspace)
    let record = try RunRecord.read(folder.appendingPathComponent("run.h5"))
    return FinishedRecords(title: record.description.title, records: [record], averaging: nil)
  }

  /// Whether a word names a run and not a recipe: a folder with run.h5, or hexadecimal digits.
  private func isRun(_ name: String) -> Bool {
    let folder = URL(fileURLWithPath: name, isDirectory: true)
    return FileManager.default.fileExists(atPath: folder.appendingPathComponent("run.h5").path)
      || !name.isEmpty && name.count <= 40 && name.allSatisfy { $0.isHexDigit && !$0.isUppercase }
  }

  private func side(_ finished: FinishedRecords, scale: PaperScale) throws -> ComparedRuns {
    let (title, records) = (finished.title, finished.records)
    let runs = records.compactMap { $0.summary(averaging: finished.averaging) }
    guard runs.count == records.count else {
      throw UsageError("\(title) is a pretraining: it has no scores to compare")
    }
    return try ComparedRuns(name: title, runs: runs, scale: scale)
  }

  /// A published cell, `[STUDY/]TABLE/ROW/COLUMN`, beside runs.
  func published(_ name: String, beside finished: FinishedRecords) throws -> PublishedComparison {
    var parts = name.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
    guard parts.count == 3 || parts.count == 4 else {
      throw UsageError(
        "published:\(name) needs a table, a row and a column, such as published:table1/dinov3-640/amos22-dsc")
    }
    var studies = try library.studies().filter { !$0.items(.published).isEmpty }
    if parts.count == 4 {
      let study = parts.removeFirst()
      guard studies.contains(where: { $0.name == study }) else {
        throw UsageError(
          "there is no study \"\(study)\" with published numbers; there is "
            + studies.map(\.name).joined(separator: ", "))
      }
      studies = studies.filter { $0.name == study }
    }
    let all = try studies.flatMap { study in
      try study.items(.published).flatMap { item in
        try library.publishedTables(item.path).tables.map {
          (name: "\(study.name)/\($0.id)", table: $0, path: item.path)
        }
      }
    }
    let found = all.filter { $0.table.id == parts[0] }
    guard let table = found.first?.table else { throw unknown("table", parts[0], all.map(\.name)) }
    guard found.count == 1 else { throw RecipeError.ambiguous(name: parts[0], candidates: found.map(\.name)) }
    guard let row = table.row(parts[1]) else { throw unknown("row", parts[1], table.rows.map(\.id)) }
    guard let column = table.columns.first(where: { $0.id == parts[2] }), let value = row.values[column.id],
      let place = table.place(row: row.id, column: column.id)
    else { throw unknown("column", parts[2], table.columns.map(\.id)) }
    // A run is held against the cell that it is set beside, which may be another row's than its recipe's.
    let runs = try side(
      finished,
      scale: library.scale(
        of: finished.records[0], beside: (table.id, row.id, column.dataset), published: found[0].path, in: workspace))
    guard
      let comparison = PublishedComparison(
        runs, place: place, score: column.metric == .dsc ? .dsc : .nsd, published: value / 100)
    else { throw UsageError("\(runs.name) has no score: no class of its cases is defined") }
    return comparison
  }

  private func unknown(_ what: String, _ name: String, _ valid: [String]) -> UsageError {
    UsageError("there is no published \(what) \"\(name)\"; there is \(valid.joined(separator: ", "))")
  }
}
