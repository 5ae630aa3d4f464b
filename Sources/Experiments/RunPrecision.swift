import Recipes
import Tensors

extension ComputePrecision {
  /// Itself, where the current device computes in it.
  /// - Throws: `RunError.precision` where it cannot.
  func available(for recipe: ResolvedRecipe) throws -> Self {
    guard self == .float32 || Device.current.identity != nil else { throw RunError.precision(recipe.path) }
    return self
  }
}
