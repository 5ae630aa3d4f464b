/// A row of a table whose predictions another tool made: nothing is trained, everything is scored as for the other rows.
public struct PredictionsRecipe: Sendable, Equatable {
  /// What the tool predicted.
  public let dataset: DatasetSettings
  /// A folder below `SEGBENCH_DATA` with a label map, `<case>.nii.gz` or `<case>.nii`, for each case that is scored.
  public let folder: String
  public let scoring: ScoringSettings

  init(_ reader: SectionReader) throws {
    dataset = DatasetSettings(reader.section("dataset"))
    folder = reader.section("predictions").text("folder")
    scoring = try ScoringSettings(reader.section("evaluation"))
  }
}
