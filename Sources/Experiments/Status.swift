import Files
import Foundation
import Recipes

/// What has run of some recipes, and what is missing.
public enum Status {
  /// One line for each recipe and seed, then every missing input once.
  public static func lines(of recipes: [ResolvedRecipe], seeds: [UInt64]?, runner: Runner) throws -> [String] {
    var lines: [String] = []
    var missing: [MissingInput] = []
    for recipe in recipes {
      let absent = runner.workspace.missingInputs(of: recipe)
      missing += absent.filter { !missing.contains($0) }
      for seed in seeds ?? recipe.recipe.seeds {
        let title = "\(recipe.recipe.title), seed \(seed)"
        if !absent.isEmpty {
          lines.append("missing inputs  \(title)")
        } else if let record = try runner.finishedRun(recipe, seed: seed) {
          let seconds = record.description.seconds.values.reduce(0, +)
          lines.append("done            \(title): run \(record.description.identity.prefix(10)), \(Int(seconds)) s")
        } else {
          lines.append("to run          \(title)")
        }
      }
    }
    if !missing.isEmpty {
      let place = runner.workspace.userData.map { "below SEGBENCH_DATA (\($0.path))" } ?? "below SEGBENCH_DATA, which is not set"
      lines += ["", "Missing \(place):"] + missing.map { "  \($0.path): \($0.meaning)" }
    }
    return lines
  }
}
