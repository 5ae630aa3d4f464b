import Experiments
import Files
import Recipes
import TestSupport
import Testing

/// A folder of slices is named by a form that is written down here: renaming a type or a field in Swift must not move it.
@Suite struct SliceFolderTests {
  private func slices(_ overrides: [String] = []) throws -> SliceSettings {
    let recipe = try RecipeLibrary(root: shippedRecipes).resolve(
      "meddinov3/pretraining/stage-1.yaml", profile: "phantom",
      overrides: [
        "images.sources=[{name: a, source: folder, folder: ct3m/a, files: [\"x/*.nii.gz\", \"y\"], expected_volumes: 3}, "
          + "{name: b, source: phantom, phantom: {kind: lits, cases: 5, seed: 7, size: [64, 48, 8]}}]"
      ] + overrides)
    guard case .slices(let slices)? = recipe.recipe.pretraining?.images else { preconditionFailure("no slices") }
    return slices
  }

  @Test func theFormIsWrittenDown() throws {
    let text = try slices().canonicalText.split(whereSeparator: \.isWhitespace).joined()
    #expect(
      text
        == #"{"pixel_mm":0.45,"slice_size":112,"window":[-1000.0,1000.0],"volumes_per_shard":4,"sources":[{"name":"a","#
        + #""folder":{"path":"ct3m/a","files":["x/*.nii.gz","y"]}},{"name":"b","phantom":{"kind":"lits","cases":5,"#
        + #""seed":"7","size":[64,48,8]}}]}"#)
  }

  /// What changes a stored slice or its place changes the form; how slices are normalised when they are read does not.
  @Test func whatCountsIsInIt() throws {
    let plain = try slices().canonicalText
    for key in ["slice_size=96", "pixel_mm=0.5", "window=[-900, 1000]", "volumes_per_shard=2"] {
      #expect(try slices(["images.\(key)"]).canonicalText != plain, "\(key)")
    }
    #expect(try slices(["images.mean=1", "images.deviation=2"]).canonicalText == plain)
  }
}
