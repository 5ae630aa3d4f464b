import Experiments
import Recipes
import TestSupport
import Testing

/// A file of weights is taken only by networks that can load it: what a recipe names either has an effect or is refused.
@Suite struct InitialWeightsTests {
  private func complaint(of recipe: String, _ weights: String) -> String {
    do {
      _ = try RecipeLibrary(root: shippedRecipes).resolve(
        recipe, profile: "paper", overrides: ["initial_weights={from: file, path: weights/a.pth, layout: \(weights)}"])
      return "nothing"
    } catch { return "\(error)" }
  }

  @Test(arguments: ["dinov3", "hugging-face", "meddinov3", "segbench", "nnu-net"])
  func aNetworkThatTakesNoFileRefusesOne(layout: String) {
    let text = complaint(of: "meddinov3/table2/amos22-segformer.yaml", layout)
    #expect(
      text.contains("initial_weights.from") && text.contains("`segformer`") && text.contains("`random`"), "\(text)")
  }

  @Test func aLayoutOfAnotherNetworkIsRefused() {
    for recipe in ["table1/2-dinov3-640", "table2/lits-dino-u-net", "pretraining/stage-1"] {
      #expect(complaint(of: "meddinov3/\(recipe).yaml", "dinov3") == "nothing")
      let text = complaint(of: "meddinov3/\(recipe).yaml", "nnu-net")
      #expect(text.contains("initial_weights.layout") && text.contains("`dinov3`"), "\(recipe): \(text)")
    }
    #expect(complaint(of: "meddinov3/table2/lits-nnu-net.yaml", "nnu-net") == "nothing")
    #expect(complaint(of: "meddinov3/table2/lits-nnu-net.yaml", "dinov3").contains("`nnu-net`"))
  }
}
