/// A resolved recipe: every value settled, in range, and consistent with the others.
public struct Recipe: RecipeSection {
  @Key(
    "kind", "what the recipe is: a training, predictions made elsewhere, or images brought together", selects: true)
  public var kind: Kind
  @Key("title", .any, "one line for tables and messages", affectsResult: false) public var title: String
  @Key("description", .any, "what a reader should know", affectsResult: false) public var description: String?
  @Key(
    "fidelity", default: .code, "which value to take where the paper and the published code differ",
    affectsResult: false)
  public var fidelity: Fidelity
  /// One run for each; 0 alone for predictions, which no seed of ours made.
  @Key(
    "seeds", .list(1...100, of: 0...Int(UInt32.max)), default: [0], "one run for each seed", affectsResult: false)
  public var seeds: [UInt64]
  @Key("profile", .name, "the profile it was resolved with; written, not chosen here", affectsResult: false)
  var profile: String?
  @Keys(in: "segmentation") private var segmentationKeys: SegmentationRecipe
  @Keys(in: "predictions") private var predictionsKeys: PredictionsRecipe
  @Keys(in: "pretraining") private var pretrainingKeys: PretrainingRecipe
  @Keys(in: "curation") private var curationKeys: CurationRecipe

  public enum Kind: String, KeyChoice {
    case segmentation, pretraining
    /// Predictions that another tool made, to be scored.
    case predictions
    /// Images brought together for pretraining; nothing is trained.
    case curation
  }

  /// Which value to take where the paper and the code its authors published differ.
  public enum Fidelity: String, KeyChoice {
    case paper, code
  }

  /// What is trained, and everything it takes.
  public enum Task: Sendable, Equatable {
    case segmentation(SegmentationRecipe)
    case pretraining(PretrainingRecipe)
    case predictions(PredictionsRecipe)
    case curation(ImageSettings)
  }

  public init() {}

  public var task: Task {
    switch kind {
    case .segmentation: .segmentation(segmentationKeys)
    case .pretraining: .pretraining(pretrainingKeys)
    case .predictions: .predictions(predictionsKeys)
    case .curation: .curation(curationKeys.images)
    }
  }

  /// The segmentation recipe, nil for others.
  public var segmentation: SegmentationRecipe? { kind == .segmentation ? segmentationKeys : nil }

  /// The pretraining recipe, nil for others.
  public var pretraining: PretrainingRecipe? { kind == .pretraining ? pretrainingKeys : nil }

  /// The recipe of predictions made elsewhere, nil for others.
  public var predictions: PredictionsRecipe? { kind == .predictions ? predictionsKeys : nil }

  /// The dataset whose cases are scored, and how; nil for a recipe without scores.
  public var scored: (dataset: DatasetSettings, scoring: ScoringSettings)? {
    switch task {
    case .segmentation(let recipe): (recipe.dataset, recipe.evaluation.scoring)
    case .predictions(let recipe): (recipe.dataset, recipe.scoring)
    case .pretraining, .curation: nil
    }
  }

  /// The seeds to run: those asked for in place of the recipe's, where seeds have a meaning.
  public func seeds(inPlace asked: [UInt64]?) -> [UInt64] { predictions == nil ? asked ?? seeds : seeds }

  /// The images of a pretraining or a curation, nil for others.
  public var images: ImageSettings? {
    switch task {
    case .segmentation, .predictions: nil
    case .pretraining(let recipe): recipe.images
    case .curation(let images): images
    }
  }

  public func check(_ section: SectionReader) throws {
    guard Set(seeds).count == seeds.count else { throw section.contradiction("seeds", "names a seed twice") }
    guard kind != .predictions || seeds == [0] else {
      throw section.contradiction("seeds", "has no meaning: predictions made elsewhere are scored once; leave it out")
    }
  }
}

/// Images brought together.
public struct CurationRecipe: RecipeSection {
  @Key("images", "what the encoder sees") public var images: ImageSettings

  public init() {}
}
