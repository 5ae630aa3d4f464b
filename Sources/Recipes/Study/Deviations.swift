/// One topic on which the paper and the code its authors published differ, or on which one of them is silent.
public struct Deviation: Sendable {
  /// What one of the two says, and where.
  public struct Statement: RecipeSection {
    @Key("value", .any, "the value") public var value: String
    @Key("place", .any, "where it is said") public var place: String

    public init() {}
  }

  /// What runs unless a recipe says otherwise.
  public enum Standard: String, KeyChoice {
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

  /// The keys of a ledger.
  struct File: RecipeSection {
    @Key("deviations", .list(1...256), "the topics") var deviations: [Topic]
  }

  struct Topic: RecipeSection {
    @Key("topic", .any, "what it is about") var topic: String
    @Key("paper", "what the paper says") var paper: Statement
    @Key("code", "what the published code does") var code: Statement
    @Key("default", "which of them runs unless told otherwise") var standard: Standard
    @Key("reason", .any, "why that one") var reason: String
    @Key("keys", .list(0...32, of: .any), "the recipe keys that carry it") var keys: [Located<String>]
    @Key("switch", default: .fidelity, "whether `--fidelity` changes these keys") var change: SwitchKind
    @Key("shown_by", .relativePath, "a recipe in which it does, relative to the ledger's folder")
    var shownBy: Located<String>?
    @Key("because", .any, "why nothing can be switched") var because: String?

    enum SwitchKind: String, KeyChoice {
      case fidelity, none
    }

    func check(_ topic: SectionReader) throws {
      switch change {
      case .fidelity:
        if keys.isEmpty {
          throw topic.contradiction("keys", "names no key that `--fidelity` changes; if none does, say `switch: none`")
        }
        if because != nil {
          throw topic.contradiction("because", "says why nothing is switched; that needs `switch: none`")
        }
      case .none:
        if shownBy != nil {
          throw topic.contradiction("shown_by", "names a recipe, but with `switch: none` no recipe changes")
        }
        if because == nil {
          throw topic.contradiction("switch", "is `none`: say in `because` why nothing can be switched")
        }
      }
    }
  }
}

extension RecipeLibrary {
  /// Reads a study's ledger; the keys it names must be a recipe's.
  /// - Throws: `RecipeError`, `YAMLError`.
  public func deviations(_ path: String) throws -> [Deviation] {
    let file = try locate(path, from: nil, at: nil)
    let folder = file.url.deletingLastPathComponent()
    let paths = schema.recipe.paths()
    return try open(file, as: Deviation.File.self).value.deviations.map { topic in
      for key in topic.keys where !paths.contains(key.value) {
        throw unknown("recipe key", key.value, at: key.origin, among: paths)
      }
      let change: Deviation.Switch
      if topic.change == .fidelity {
        let shown = try topic.shownBy.map { try locate($0.value, from: folder, at: $0.origin).path }
        change = .fidelity(shownBy: shown)
      } else {
        change = .none(because: topic.because ?? "")
      }
      return Deviation(
        topic: topic.topic, paper: topic.paper, code: topic.code, standard: topic.standard, reason: topic.reason,
        keys: topic.keys.map(\.value), change: change)
    }
  }
}
