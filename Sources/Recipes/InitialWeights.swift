import Networks

/// Whose names a file's weights have.
public enum WeightLayout: String, KeyChoice {
  case dinov3
  case huggingFace = "hugging-face"
  case meddinov3, segbench
  /// nnU-Net's checkpoints, or the state dictionary of its network alone.
  case nnUNet = "nnu-net"

  /// The layouts that hold a vision transformer.
  public static let visionTransformers: [WeightLayout] = [.dinov3, .huggingFace, .meddinov3, .segbench]
}

/// Where the encoder's weights come from.
public enum InitialWeights: KeyView {
  case random
  /// A file below `SEGBENCH_DATA`; of several networks in it, the teacher unless `model` names another.
  case file(path: String, layout: WeightLayout, model: EncoderModel? = nil)
  /// A file that the repository ships, by its path below the recipes' root: an encoder's, in SegBench's own layout.
  case released(path: String)
  /// A pretraining recipe, by its path below the recipes' root; `ResolvedRecipe.pretraining` is that recipe.
  case recipe(path: String)

  public struct Settings: RecipeSection {
    @Key("from", "random, a file of the user's, one of the repository's, or a pretraining recipe", selects: true)
    fileprivate var from: From
    @Key("path", .relativePath, "the file, below SEGBENCH_DATA", in: ["file"], affectsResult: false)
    fileprivate var path: String
    @Key("layout", "whose names the file's weights have", in: ["file"]) fileprivate var layout: WeightLayout
    @Key("model", "which network of a self-distillation's file (the teacher)", in: ["file"])
    fileprivate var model: EncoderModel?
    @Key(
      "released", .relativePath, "the repository's file of an encoder's weights, below the recipes' root",
      in: ["released"], since: "0.5.0", affectsResult: false)
    fileprivate var released: String
    @Key("recipe", .relativePath, "the pretraining recipe, below the recipes' root", in: ["recipe"])
    fileprivate var recipe: String

    fileprivate enum From: String, KeyChoice {
      case random, file, released, recipe
    }

    public init() {}
  }

  public init(_ keys: Settings) {
    switch keys.from {
    case .random: self = .random
    case .file: self = .file(path: keys.path, layout: keys.layout, model: keys.model)
    case .released: self = .released(path: keys.released)
    case .recipe: self = .recipe(path: keys.recipe)
    }
  }

  /// - Throws: `RecipeError.contradiction` for a file when the network takes none, or none of that layout.
  func requireLayout(among layouts: [WeightLayout], network: String, _ recipe: SectionReader) throws {
    guard case .file(_, let layout, _) = self else { return }
    guard !layouts.isEmpty else {
      throw recipe.contradiction(
        "initial_weights.from", "is `file`, but `\(network)` takes no file of initial weights; it needs `random`")
    }
    guard layouts.contains(layout) else {
      throw recipe.contradiction(
        "initial_weights.layout",
        "is `\(layout.rawValue)`, but `\(network)` takes "
          + layouts.map { "`\($0.rawValue)`" }.joined(separator: " or "))
    }
  }
}
