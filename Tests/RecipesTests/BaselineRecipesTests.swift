import Experiments
import Networks
import Recipes
import TestSupport
import Testing

/// Table 2's rows of SegFormer and DINO U-Net.
@Suite struct BaselineRecipesTests {
  let library = RecipeLibrary(root: shippedRecipes)
  private static let datasets = ["amos22", "kits23", "lits", "btcv"]

  /// Section 4.1 items 2 and 3, and the notes' rows 3 and 4.
  @Test(arguments: datasets) func segFormerIsTheStudys(dataset: String) throws {
    for (fidelity, rate) in [(Recipe.Fidelity.paper, 5e-5), (.code, 2e-5)] {
      let resolved = try library.resolve(
        "meddinov3/table2/\(dataset)-segformer.yaml", profile: "paper", fidelity: fidelity)
      let recipe = try #require(resolved.recipe.segmentation)
      let settings = try #require(recipe.network.kind as? SegFormerSettings)
      #expect(settings.configuration == .published(.b2) && !settings.encoderLearns)
      #expect(recipe.dataset.name == dataset && recipe.plan.configuration.name == "2d")
      #expect(recipe.initialWeights == .random)
      let optimizer = recipe.training.optimizer
      #expect(optimizer.learningRate == rate && optimizer.betas == [0.9, 0.98] && optimizer.weightDecay == 5e-2)
      #expect(recipe.training.schedule.kind == .polynomial(power: 0.9) && recipe.training.gradientClip == 12)
    }
  }

  /// Notes' rows 5 and 6: the released ViT as it is, frozen.
  @Test(arguments: datasets) func dinoUNetIsTheStudys(dataset: String) throws {
    for (fidelity, rate) in [(Recipe.Fidelity.paper, 1e-2), (.code, 1e-3)] {
      let resolved = try library.resolve(
        "meddinov3/table2/\(dataset)-dino-u-net.yaml", profile: "paper", fidelity: fidelity)
      let recipe = try #require(resolved.recipe.segmentation)
      let settings = try #require(recipe.network.kind as? DINOUNetSettings)
      #expect(settings.blocks == [2, 5, 8, 11] && settings.adapter == .init() && settings.rank == 256)
      #expect(settings.widths == nil && !settings.encoderLearns)
      #expect(settings.patchEmbedding == (fidelity == .paper ? .kept : .redrawn))
      #expect(settings.vit.ropeRescale == (fidelity == .paper ? 1 : 2))
      #expect(settings.vit.storageTokens == 4 && settings.vit.layerNormEpsilon == 1e-5 && settings.vit.maskKBias)
      #expect(settings.vit.width == 768 && settings.vit.dropPath == 0)
      let optimizer = recipe.training.optimizer
      #expect(optimizer.learningRate == rate && optimizer.encoderLearningRate == nil && optimizer.weightDecay == 3e-5)
      #expect(recipe.training.schedule.kind == .polynomial(power: 0.9))
      #expect(
        recipe.initialWeights == .file(path: "weights/dinov3_vitb16_pretrain_lvd1689m-73cec8be.pth", layout: .dinov3))
    }
  }

  /// On phantoms the same parts at a small size, and DINO U-Net's encoder from the pretraining that Table 1's rows share.
  @Test(arguments: datasets) func phantomsRunWholeNetworks(dataset: String) throws {
    let segFormer = try library.resolve("meddinov3/table2/\(dataset)-segformer.yaml", profile: "phantom")
    let configuration = try #require(segFormer.recipe.segmentation?.network.kind as? SegFormerSettings).configuration
    #expect(
      configuration.problem == nil && configuration.skipsMixing && configuration.upsampling == .transposedConvolution
        && configuration.dropout == 0.2)
    let dino = try library.resolve("meddinov3/table2/\(dataset)-dino-u-net.yaml", profile: "phantom")
    #expect(dino.pretraining?.path == "meddinov3/pretraining/natural-images.yaml")
    let recipe = try #require(dino.recipe.segmentation)
    #expect(try #require(recipe.plan.configuration.patchSize) % 32 == 0)
    #expect(recipe.network.kind is DINOUNetSettings)
  }
}
