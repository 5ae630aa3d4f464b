/// One topic on which the paper and the code its authors published differ, or on which one of them is silent.
public struct Deviation: Sendable {
  /// What one of the two says, and where.
  public struct Statement: Sendable, Equatable {
    public let value: String
    public let place: String
  }

  /// What runs unless a recipe says otherwise.
  public enum Standard: String, Sendable, CaseIterable {
    case paper, code
    /// Something else, which the reason names.
    case neither
  }

  /// How the other value is had.
  public enum Switch: Sendable, Equatable {
    /// `--fidelity` changes every key, in the study's recipe of that path where one is named.
    case fidelity(shownBy: String?)
    /// There is nothing to switch.
    case none(because: String)
  }

  public let topic: String
  public let paper: Statement
  public let code: Statement
  public let standard: Standard
  public let reason: String
  /// The recipe keys that carry it, sections among them.
  public let keys: [String]
  public let change: Switch

  static let section = Section([
    Field(
      "deviations",
      .list(
        of: .section(
          Section([
            Field("topic", .text(.any), "what it is about"),
            Field("paper", .section(statement), "what the paper says"),
            Field("code", .section(statement), "what the published code does"),
            Field("default", .choice(Standard.self), "which of them runs unless told otherwise"),
            Field("reason", .text(.any), "why that one"),
            Field("keys", .list(of: .text(.any), count: 0...32), "the recipe keys that carry it"),
            Field(
              "switch", .choice(["fidelity", "none"]), "whether `--fidelity` changes these keys",
              .standard(.text("fidelity"))),
            Field(
              "shown_by", .text(.relativePath), "a recipe in which it does, relative to the ledger's folder", .optional),
            Field("because", .text(.any), "why nothing can be switched", .optional),
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
    let file = try locate(path, from: nil, at: nil)
    let (_, reader) = try open(file, as: Deviation.section)
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
      let keys = item.textItems("keys")
      let change: Deviation.Switch
      func refuse(_ key: String, _ problem: String) throws { throw item.contradiction(key, problem) }
      if item.text("switch") == "none" {
        if item.has("shown_by") { try refuse("shown_by", "names a recipe, but with `switch: none` no recipe changes") }
        guard item.has("because") else {
          throw item.contradiction("switch", "is `none`: say in `because` why nothing can be switched")
        }
        change = .none(because: item.text("because"))
      } else {
        if keys.isEmpty {
          try refuse("keys", "names no key that `--fidelity` changes; if none does, say `switch: none`")
        }
        if item.has("because") { try refuse("because", "says why nothing is switched; that needs `switch: none`") }
        let folder = file.url.deletingLastPathComponent()
        let shown =
          try item.has("shown_by") ? locate(item.text("shown_by"), from: folder, at: item.origin("shown_by")) : nil
        change = .fidelity(shownBy: shown?.path)
      }
      return Deviation(
        topic: item.text("topic"), paper: statement("paper"), code: statement("code"),
        standard: item.choice("default", Deviation.Standard.self), reason: item.text("reason"), keys: keys,
        change: change)
    }
  }
}
