/// Self-distillation of an encoder on images without labels.
public struct PretrainingRecipe: RecipeSection {
  @Key("network", "the network") private var network: NetworkSettings
  @Key("initial_weights", "where the encoder's weights come from") public var initialWeights: InitialWeights
  @Key("images", "what the encoder sees") public var images: ImageSettings
  @Key("self_distillation", "the self-supervised training") public var selfDistillation: SelfDistillationSettings

  public init() {}

  public var vit: VisionTransformerSettings { network.kind.encoder! }

  public func check(_ recipe: SectionReader) throws {
    guard network.kind is BareEncoder else {
      throw recipe.contradiction(
        "network.kind", "is `\(network.name)`, but pretraining trains the encoder alone: `\(BareEncoder.name)`")
    }
    try initialWeights.requireLayout(among: WeightLayout.visionTransformers, network: network.name, recipe)
    try checkSizes(recipe)
    if case .recipe = initialWeights { return }
    guard selfDistillation.head.start == .random, selfDistillation.gram == nil else {
      let key = selfDistillation.gram == nil ? "head.start" : "gram"
      throw recipe.contradiction(
        "self_distillation",
        "asks in `\(key)` for what an earlier pretraining left, but `initial_weights.from` names no recipe")
    }
  }

  /// The sides of views are multiples of the ViT's patch.
  private func checkSizes(_ recipe: SectionReader) throws {
    let sections = recipe.value("self_distillation")?.value("crops")?.value("sizes")?.items ?? []
    for (size, section) in zip(selfDistillation.crops.sizes, sections) {
      for (key, side) in [("global", size.global), ("local", size.local), ("gram", size.gram ?? size.global)]
      where side % vit.patchSize != 0 {
        throw section.contradiction(key, "is \(side), not a multiple of the ViT's patch of \(vit.patchSize)")
      }
    }
  }
}
