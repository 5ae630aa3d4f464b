import Experiments
import Foundation
import Recipes
import TestSupport
import Testing

/// One recipe of the shipped tables for each kind of network.
private let methods: [(kind: String, path: String)] = {
  let library = RecipeLibrary(root: shippedRecipes)
  var found: [(kind: String, path: String)] = []
  for table in (try? library.tables()) ?? [] {
    for recipe in (try? library.table(table))?.rows.flatMap(\.recipes) ?? [] {
      guard let resolved = try? library.resolve(recipe.path, profile: "quick"),
        let kind = resolved.values.first(where: { $0.key == "network.kind" })?.text
      else { continue }
      if !found.contains(where: { $0.kind == kind }) { found.append((kind, recipe.path)) }
    }
  }
  return found
}()

/// The first promise, for every method: equal bits from one machine, whether or not the run was stopped on the way.
@Suite(.serialized) struct EveryMethodTests {
  @Test(arguments: methods.map(\.path)) func aStoppedRunGoesOnToTheBitsOfOneThatWasNot(path: String) throws {
    let (whole, broken) = (try TemporaryWorkspace(), try TemporaryWorkspace())
    func recipe(_ place: TemporaryWorkspace) throws -> ResolvedRecipe {
      try RecipeLibrary(root: place.workspace.recipes).resolve(
        path, profile: "quick",
        overrides: ["training.steps_per_epoch=3", "training.epochs=2", "dataset.phantom.size=[80, 80, 8]"])
    }
    let expected = try Runner(workspace: whole.workspace).run(recipe(whole), seed: 0)
    // Stops after one more question each time, so that every step is a last one in some session.
    let (record, sessions) = try broken.run(recipe(broken), questions: { $0 })
    #expect(sessions > 2)
    #expect(record.description.weightsDigest == expected.description.weightsDigest)
    #expect(record.metrics?.predictionDigests == expected.metrics?.predictionDigests)
    #expect(record.curves.epochs.map(\.trainingLoss) == expected.curves.epochs.map(\.trainingLoss))
  }
}
