import Files
import Foundation
import Recipes

/// What has run of some recipes, what is missing, and how long the rest will take.
public enum Status {
  /// One line for each recipe and seed, then every missing input once.
  public static func lines(of recipes: [ResolvedRecipe], seeds: [UInt64]?, runner: Runner) throws -> [String] {
    var entries: [(recipe: ResolvedRecipe, seed: UInt64, record: RunRecord?, absent: [MissingInput])] = []
    for recipe in recipes {
      let absent = runner.workspace.missingInputs(of: recipe)
      for seed in recipe.recipe.seeds(inPlace: seeds) {
        entries.append((recipe, seed, absent.isEmpty ? try runner.finishedRun(recipe, seed: seed) : nil, absent))
      }
    }
    let finished = entries.compactMap { entry in
      entry.recipe.recipe.segmentation.flatMap { recipe in entry.record.map { (recipe, $0) } }
    }
    let measured = WorkEstimate.rate(of: finished)
    let rate = measured ?? WorkEstimate.probedRate()
    var lines: [String] = []
    for entry in entries {
      let title = "\(entry.recipe.recipe.title), seed \(entry.seed)"
      if let record = entry.record {
        let seconds = record.description.seconds.values.sorted().reduce(0, +)
        lines.append("done      \(title): run \(record.description.identity.prefix(10)), \(TimeSpan.text(seconds))")
      } else {
        let work = entry.recipe.recipe.segmentation.flatMap { WorkEstimate($0) }
        let time =
          work.map { "about \(TimeSpan.text($0.operations / rate)) of training" }
          ?? (entry.recipe.recipe.predictions == nil ? "time known after planning" : "nothing to train, only to score")
        lines.append("\(entry.absent.isEmpty ? "to run " : "missing")   \(title): \(time)")
      }
    }
    let source = measured == nil ? "half of this machine's matrix product rate" : "what the finished runs reached"
    lines += ["", "Times at \(Int(rate / 1e9)) GF/s: \(source)."]
    var missing: [MissingInput] = []
    for input in entries.flatMap(\.absent) where !missing.contains(input) { missing.append(input) }
    if !missing.isEmpty {
      let place =
        runner.workspace.userData.map { "below SEGBENCH_DATA (\($0.path))" } ?? "below SEGBENCH_DATA, which is not set"
      lines += ["", "Missing \(place):"] + missing.map { "  \($0.path): \($0.meaning)" }
    }
    return lines
  }
}
