/// A row of a table whose predictions another tool made: nothing is trained, everything is scored as for the other rows.
public struct PredictionsRecipe: RecipeSection {
  /// What the tool predicted.
  @Key("dataset", "what it learns from and is scored on") public var dataset: DatasetSettings
  @Key("predictions", "what another tool predicted") private var predictions: Predictions
  @Key("evaluation", "prediction and metrics") private var evaluation: EvaluationSettings

  private struct Predictions: RecipeSection {
    @Key(
      "folder", .relativePath, "the folder of label maps, CASE.nii.gz or CASE.nii, below SEGBENCH_DATA",
      affectsResult: false)
    var folder: String
  }

  public init() {}

  /// A folder below `SEGBENCH_DATA` with a label map, `<case>.nii.gz` or `<case>.nii`, for each case that is scored.
  public var folder: String { predictions.folder }
  public var scoring: ScoringSettings { evaluation.scoring }
}
