/// One topic on which the paper and the code its authors published differ, or on which one of them is silent.
public struct Deviation: Sendable {
  /// What one of the two says, and where.
  public struct Statement: Sendable, Equatable {
    public let value: String
    public let place: String
  }

  public let topic: String
  public let paper: Statement
  public let code: Statement
  /// Which of the two runs unless a recipe says otherwise.
  public let standard: Recipe.Fidelity
  public let reason: String
  /// The recipe keys that carry it; empty where no recipe reaches it yet.
  public let keys: [String]

  static let section = Section([
    Field(
      "deviations",
      .list(
        of: .section(
          Section([
            Field("topic", .text(.any), "what it is about"),
            Field("paper", .section(statement), "what the paper says"),
            Field("code", .section(statement), "what the published code does"),
            Field("default", .choice(Recipe.Fidelity.self), "which of them runs unless told otherwise"),
            Field("reason", .text(.any), "why that one"),
            Field("keys", .list(of: .text(.any), count: 0...32), "the recipe keys that carry it"),
          ])), count: 1...256), "the topics")
  ])

  private static let statement = Section([
    Field("value", .text(.any), "the value"),
    Field("place", .text(.any), "where it is said"),
  ])
}

extension RecipeLibrary {
  /// Reads a study's ledger; the keys it names must be a recipe's.
  /// - Throws: `RecipeError`, `YAMLError`.
  public func deviations(_ path: String) throws -> [Deviation] {
    let (_, reader) = try open(locate(path, from: nil, at: nil), as: Deviation.section)
    let paths = schema.recipe.paths()
    return try reader.sections("deviations").map { item in
      for key in item.list("keys") {
        guard case .text(let name) = key.content, paths.contains(name) else {
          throw unknown("recipe key", YAMLWriter.inline(key), at: key.origin, among: paths)
        }
      }
      func statement(_ key: String) -> Deviation.Statement {
        let section = item.section(key)
        return Deviation.Statement(value: section.text("value"), place: section.text("place"))
      }
      return Deviation(
        topic: item.text("topic"), paper: statement("paper"), code: statement("code"),
        standard: item.choice("default", Recipe.Fidelity.self), reason: item.text("reason"),
        keys: item.textItems("keys"))
    }
  }
}
