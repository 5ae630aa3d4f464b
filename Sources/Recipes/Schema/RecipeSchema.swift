/// Every key a recipe may have, with its type, its range and what it means, as the settings' properties declare them
/// (`Recipe`, from there on down).
public struct RecipeSchema: Sendable {
  /// The networks that there are; each brings its own keys.
  let networks: [any NetworkKind.Type]
  /// The whole recipe.
  let recipe: Section

  init(networks: [any NetworkKind.Type]) {
    self.networks = networks
    recipe = Recipe.section(networks)
  }
}
