import Datasets
import Evaluation

/// How predictions are made and scored.
public struct EvaluationSettings: RecipeSection {
  @Keys public var scoring: ScoringSettings
  @Key("tile_step", .above(0, upTo: 1), "step of the sliding window in patch sizes", ofRecipes: ["segmentation"])
  public var tileStep: Double
  @Key("gaussian", "whether a window's middle counts more", ofRecipes: ["segmentation"]) public var gaussian: Bool
  @Key("mirroring", "whether predictions are averaged over mirrored inputs", ofRecipes: ["segmentation"])
  public var mirroring: Bool

  public init() {}
}

/// Which cases are scored, and how: what every row of a table shares, whoever made its predictions.
public struct ScoringSettings: RecipeSection {
  @Key("fold", 0...999, "the fold that is left out for evaluation: of nnU-Net's five, or of `splits`")
  public var fold: Int
  /// Nil for nnU-Net's folds. Which folds the file holds, and not where it lies, is part of a run's identity.
  @Key(
    "splits", .relativePath, "a splits_final.json below SEGBENCH_DATA in place of nnU-Net's five folds",
    affectsResult: false)
  public var splits: String?
  /// Nil for folds.
  @Key(
    "training_cases", 1...100_000,
    "in place of folds: so many cases learn, the first by name, and all others are scored",
    since: "0.5.0")
  public var trainingCases: Int?
  /// Nil for what networks learn.
  @Key(
    "classes", "what is scored: each label, or each region of dataset.json; what networks learn, unless given")
  public var classes: TargetKind?
  @Key("nsd", "the normalised surface distance") private var nsd: SurfaceDistance
  // A run keeps what every rule needs, so that its scores may be averaged again by another without running it again.
  @Key(
    "absent", default: .exclude,
    "whether a case that lacks a class is left out of the class's means, or counts 0 where the class was predicted",
    affectsResult: false)
  private var absent: Averaging.AbsentClass
  @Key(
    "hd95_missing", default: .exclude,
    "whether HD95's mean leaves out a case in which the class was missed, or counts the image's diagonal",
    affectsResult: false)
  private var hd95Missing: Averaging.MissingDistance

  private struct SurfaceDistance: RecipeSection {
    @Key("kind", "whose definition of surface") var kind: SurfaceConvention
    @Key("tolerance_mm", .closed(0, 1000), "distance that still counts as right, in mm") var toleranceMM: Double
  }

  public init() {}

  /// Whose definition of a surface the normalised surface distance follows.
  public var surfaceDice: SurfaceConvention { nsd.kind }
  /// Distance that still counts as right, in mm.
  public var toleranceMM: Double { nsd.toleranceMM }
  /// The rules of the means.
  public var averaging: Averaging { Averaging(absent: absent, missingDistance: hd95Missing) }

  public func check(_ section: SectionReader) throws {
    guard trainingCases == nil || splits == nil && fold == 0 else {
      throw section.contradiction(
        "training_cases", "takes the place of folds: leave out `splits`, and let `fold` be 0")
    }
    guard splits != nil || fold <= 4 else {
      throw section.contradiction(
        "fold", "is \(fold), but nnU-Net's folds are 0 to 4; `splits` may name a file with more")
    }
  }
}
