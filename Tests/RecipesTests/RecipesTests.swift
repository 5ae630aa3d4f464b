import Foundation
import Recipes
import Testing

@Test func shippedRecipesResolve() throws {
  let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()
    .appendingPathComponent("Recipes")
  let library = RecipeLibrary(root: root)
  for row in try library.table("meddinov3/table1").rows {
    for profile in ["paper", "phantom"] {
      let r = try library.resolve(row.recipes[0].path, profile: profile)
      print(r.explanation, r.identityText(seed: 0), r.yamlText)
    }
  }
}
