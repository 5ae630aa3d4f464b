import Files

/// Something in a recipe, a table or another file below the recipes' root that cannot be followed.
public enum RecipeError: InputError, Equatable {
  case unknownKey(at: Origin, key: String, section: String, nearest: String?, valid: [String])
  case wrongValue(at: Origin, key: String, found: String, expected: String, nearest: String?)
  case missing(at: Origin, key: String, expected: String, summary: String)
  /// A key that has no meaning beside the section's kind.
  case foreignKey(at: Origin, key: String, discriminator: String, kind: String, kindAt: Origin, belongsTo: [String])
  /// Values that are each right but not together.
  case contradiction(at: Origin, key: String, problem: String)
  case cycle(at: Origin, files: [String])
  case outsideRoot(at: Origin?, path: String, root: String)
  case noSuchFile(at: Origin?, path: String, looked: String)
  case notARecipe(file: String, problem: String)
  case unknownName(at: Origin?, what: String, name: String, nearest: String?, valid: [String])
  case setting(text: String, problem: String)
  /// A name that several studies have: the names that tell them apart.
  case ambiguous(name: String, candidates: [String])

  public var description: String {
    switch self {
    case .unknownKey(let at, let key, let section, let nearest, let valid):
      "\(at.position): unknown key `\(shown(key))`\(section.isEmpty ? "" : " in `\(section)`"); "
        + (nearest.map { "did you mean `\($0)`?" } ?? "valid here: \(list(valid))")
    case .wrongValue(let at, let key, let found, let expected, let nearest):
      "\(at.position): `\(key)` is \(found), but must be \(expected)"
        + (nearest.map { "; did you mean `\($0)`?" } ?? "")
    case .missing(let at, let key, let expected, let summary):
      "\(at.position): `\(key)` (\(summary)) is missing; it must be \(expected)"
    case .foreignKey(let at, let key, let discriminator, let kind, let kindAt, let belongsTo):
      "\(at.position): `\(key)` has no meaning where `\(discriminator)` is `\(kind)` (\(kindAt.position)); it belongs to "
        + list(belongsTo)
    case .contradiction(let at, let key, let problem):
      "\(at.position): `\(key)` \(problem)"
    case .cycle(let at, let files):
      "\(at.position): a file inherits itself: \(files.joined(separator: " -> "))"
    case .outsideRoot(let at, let path, let root):
      "\(at.map { "\($0.position): " } ?? "")\(shown(path)) lies outside \(root); recipes and what they inherit live inside it"
    case .noSuchFile(let at, let path, let looked):
      "\(at.map { "\($0.position): " } ?? "")there is no file \(shown(path)) (looked at \(shown(looked)))"
    case .notARecipe(let file, let problem):
      "\(file) \(problem)"
    case .unknownName(let at, let what, let name, let nearest, let valid):
      "\(at.map { "\($0.position): " } ?? "")there is no \(what) `\(shown(name))`; "
        + (nearest.map { "did you mean `\($0)`?" } ?? "there are: \(list(valid))")
    case .setting(let text, let problem):
      "\(text): \(problem); write --set key.path=value, such as --set training.epochs=2"
    case .ambiguous(let name, let candidates):
      "`\(shown(name))` is the name of more than one thing: say which of \(list(candidates))"
    }
  }

  private func list(_ names: [String]) -> String {
    names.isEmpty ? "none" : names.map { "`\($0)`" }.joined(separator: ", ")
  }

  /// The user's own words, on one line and not too long.
  private func shown(_ text: String) -> String { String(quoted(text, limit: 80).dropFirst().dropLast()) }
}
