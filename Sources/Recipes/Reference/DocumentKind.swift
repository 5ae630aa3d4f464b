/// A kind of file below the recipes' root, by the name of its JSON Schema in `schema/`.
public enum DocumentKind: String, Sendable, CaseIterable {
  case recipe, profile, study, table, published, claims, deviations, figure, scan
  case paperRows = "paper-rows"

  /// What such a file is.
  var summary: String {
    switch self {
    case .recipe: "a recipe, or values that recipes inherit"
    case .profile: "a file of `profiles`: a scale at which recipes run"
    case .study: "a study's `study.yaml`: its tables, figures and what a paper brings with it"
    case .table: "a table: its rows, each with its recipes"
    case .published: "the numbers that a paper prints"
    case .claims: "what a paper says in words about its numbers"
    case .deviations: "where a paper and its code differ"
    case .figure: "a figure of patch features"
    case .scan: "one scan of which a dataset is made"
    case .paperRows: "what a study's rows are at the paper's scale; `segbench study-rows` writes it"
    }
  }

  /// The keys that such a file may have.
  func section(_ schema: RecipeSchema) -> Section {
    switch self {
    case .recipe: schema.recipeFile
    case .profile: schema.profileFile
    case .study: Study.File.section([])
    case .table: StudyTable.File.section([])
    case .published: PublishedTables.File.section([])
    case .claims: Claim.File.section([])
    case .deviations: Deviation.File.section([])
    case .figure: StudyFigure.File.section([])
    case .scan: ScanDataset.File.section([])
    case .paperRows: PaperRowsFile.File.section([])
    }
  }

  /// The comment by which editors find the schema of a file.
  /// - Parameter path: the file's, below the recipes' root.
  public func editorLine(for path: String) -> String {
    let up = String(repeating: "../", count: path.split(separator: "/").count - 1)
    return "# yaml-language-server: $schema=\(up.isEmpty ? "./" : up)schema/\(rawValue).json\n"
  }
}

extension RecipeSchema {
  /// A recipe's file: values of the recipe, what it inherits, and values of a fidelity or a profile.
  var recipeFile: Section {
    let layer = recipe.without(["profile"])
    return Section(layer.fields).adding([
      Field(
        "inherits", .list(of: .text(.any), count: 0...32), "files that this one starts from, relative to it", .optional),
      Field(
        "fidelities", .mapping(of: .section(Section(layer.without(["fidelity"]).fields))), "values of paper or code",
        .optional),
      Field("profiles", .mapping(of: .section(Section(layer.fields))), "values of a profile", .optional),
    ])
  }

  /// A profile's file: values for all kinds of recipe, and what stands in for named values.
  var profileFile: Section {
    Section(recipe.without(["profile", "kind", "title"]).fields).adding([
      Field("inherits", .list(of: .text(.any), count: 0...32), "profiles that this one starts from", .optional),
      Field("stand_ins", .mapping(of: .mapping(of: .text(.any))), "what stands in for named values", .optional),
    ])
  }
}
