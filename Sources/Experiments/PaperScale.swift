import Files
import Recipes

/// How a run, or a recipe that has not run yet, stands to the paper's row: whether it is at the paper's scale, and in what not.
/// Every report prints this and judges nothing itself.
///
/// A run is at the paper's scale when its recipe has the values of the row that the study ships, those that no result depends
/// on and seeds aside, its folds are nnU-Net's unless the row's are others, and its data are as many as the row expects.
public struct PaperScale: Sendable, Equatable {
  /// A value that is not the row's.
  public struct Change: Sendable, Equatable {
    public let key: String
    /// As YAML on one line; nil where the shipped row, or the run, has no such value.
    public let shipped: String?
    public let here: String?
    /// Whether the profile and not an option of the command line puts it there.
    public let isProfiles: Bool

    /// Such as `training.epochs: 1000 -> 1`.
    public var text: String { "\(key): \(shipped ?? "none") -> \(here ?? "none")" }
  }

  /// Cases or slices that were used, and how many the row expects.
  public struct Count: Sendable, Equatable {
    /// Such as "cases".
    public let what: String
    public let here: Int
    /// Nil where the row does not say.
    public let expected: Int?
    public var isComplete: Bool { here == expected }
    public var text: String { expected.map { "\(here) of \($0) \(what)" } ?? "\(here) \(what)" }
  }

  /// The profile of the recipe; "" for none.
  public let profile: String
  /// Which of paper and code is taken where they differ.
  public let fidelity: Recipe.Fidelity
  /// The fidelity that the recipe has without options.
  public let standardFidelity: Recipe.Fidelity
  /// The paper's row, such as `table1/dinov3-640/amos22`; nil for a row that no paper has.
  public let row: String?
  /// Against the paper's row, or where there is none, against the recipe without options; sorted by key.
  public let changes: [Change]
  /// The dataset's cases and the pretrainings' slices; empty before the run.
  public let counts: [Count]
  /// Whether the recipe's dataset is generated.
  public let isPhantom: Bool
  /// Whether it speaks of a run that has finished.
  public let hasRun: Bool

  /// Whether a reader may hold the run's numbers against the paper's.
  public var isPaper: Bool {
    row != nil && changes.isEmpty && hasRun && !counts.isEmpty && counts.allSatisfy(\.isComplete)
  }

  /// - Parameters:
  ///   - recipe: as it ran.
  ///   - baseline: the same recipe as its files are now, at its profile and fidelity, without options; nil where that is not
  ///     known.
  ///   - standardFidelity: what the recipe has without options.
  ///   - row: the paper's row that it is reported under.
  ///   - description: of the finished run; nil before it.
  public init(
    recipe: ResolvedRecipe, baseline: ResolvedRecipe?, standardFidelity: Recipe.Fidelity = .code, row: PaperRow?,
    description: RunRecord.Description?
  ) {
    profile = recipe.profile ?? ""
    fidelity = recipe.recipe.fidelity
    self.standardFidelity = standardFidelity
    self.row = row?.name
    hasRun = description != nil
    if case .phantom? = recipe.recipe.scored?.dataset.source { isPhantom = true } else { isPhantom = false }
    let (here, unchanged) = (recipe.comparableValues, baseline?.comparableValues)
    let shipped = row?.values ?? unchanged ?? here
    // What data are expected is the row's to say: the counts below are held against it.
    func isExpectation(_ key: String) -> Bool {
      ResolvedRecipe.expectations.contains { key == $0 || key.hasSuffix("/" + $0) }
    }
    let isPaperProfile = recipe.profile == nil || recipe.profile == RecipeLibrary.paperProfile
    var differing = Set(here.keys).union(shipped.keys).filter { here[$0] != shipped[$0] && !isExpectation($0) }
    if differing.contains("kind") {
      // A recipe of another kind has other keys; that says it all.
      differing = differing.filter { here[$0] != nil && shipped[$0] != nil }
    }
    changes = differing.sorted().map {
      Change(
        key: $0, shipped: shipped[$0], here: here[$0],
        isProfiles: !isPaperProfile && unchanged != nil && unchanged?[$0] == here[$0])
    }
    func expected(_ key: String) -> Int? { shipped[key].flatMap { Int($0) } }
    var counts: [Count] = []
    if let cases = description?.extent?.cases {
      counts.append(Count(what: "cases", here: cases, expected: expected("dataset.expected_cases")))
    }
    var prefix = ""
    for start in description?.startingRuns ?? [] {
      prefix += PaperRow.pretrainingKey
      // Procedural images are the recipe's alone.
      guard let images = start.extent?.images,
        shipped[prefix + "images.kind"] == "ct-slices" || here[prefix + "images.kind"] == "ct-slices"
      else { continue }
      counts.append(
        Count(
          what: "slices in the pretraining \(start.identity.prefix(10))", here: images,
          expected: expected(prefix + "images.expected_slices")))
    }
    self.counts = counts
  }

  /// Values that options of the command line, or the recipe's own files, put in place of the row's.
  public var overrides: [Change] { changes.filter { !$0.isProfiles } }

  /// In a few words for a cell of a table: "paper", "phantom profile", "8 of 360 cases, 3 values changed".
  public var shortText: String {
    if isPaper { return fidelity == standardFidelity ? "paper" : "paper, --fidelity \(fidelity.rawValue)" }
    var parts: [String] = []
    if changes.contains(where: \.isProfiles) { parts.append("\(profile) profile") }
    if row == nil { parts.append("own row") }
    if !isPhantom { parts += counts.filter { !$0.isComplete }.map(\.text) }
    if !overrides.isEmpty { parts.append("\(overrides.count) value\(overrides.count == 1 ? "" : "s") changed") }
    if fidelity != standardFidelity { parts.append("--fidelity \(fidelity.rawValue)") }
    return parts.isEmpty ? "not run" : parts.joined(separator: ", ")
  }

  /// Everything in which it is not the paper's row, in one line; of a profile's many values their number.
  public var text: String {
    var parts: [String] = []
    if isPaper { parts.append("at the paper's scale") }
    if row == nil { parts.append("a row that the paper does not have") }
    let profiles = changes.filter(\.isProfiles)
    if profiles.count > Self.greatestList {
      parts.append("the \(profile) profile, with \(profiles.count) values that are not the paper's")
    } else if !profiles.isEmpty {
      parts.append("the \(profile) profile: " + profiles.map(\.text).joined(separator: "; "))
    }
    for count in counts where !count.isComplete {
      if isPhantom, count.what == "cases" {
        parts.append("\(count.here) phantoms" + (count.expected.map { " in place of \($0) cases" } ?? ""))
      } else {
        parts.append(count.expected == nil ? count.text + " (how many are right is not stated)" : count.text)
      }
    }
    parts += overrides.map(\.text)
    if fidelity != standardFidelity { parts.append("--fidelity \(fidelity.rawValue)") }
    if hasRun, counts.isEmpty { parts.append("the number of cases is not recorded") }
    return parts.joined(separator: "; ")
  }

  /// Longer lists of a profile's values are told by their number.
  private static let greatestList = 8
}

extension RecipeLibrary {
  /// How a finished run, or a recipe before it has run, stands to the paper's row that it is reported under.
  /// - Parameter row: that row; nil for none.
  /// - Throws: `RecipeError`, `YAMLError` when the recipe without options cannot be resolved.
  public func scale(of recipe: ResolvedRecipe, row: PaperRow?, record: RunRecord?) throws -> PaperScale {
    try PaperScale(
      recipe: recipe,
      baseline: resolve(recipe.path, profile: recipe.profile, fidelity: recipe.recipe.fidelity),
      standardFidelity: resolve(recipe.path, profile: recipe.profile).recipe.fidelity, row: row,
      description: record?.description)
  }

  /// The same of a run of a workspace, whose pretrainings are taken from their own records beside it where they are there.
  /// - Throws: `RecipeError`, `YAMLError` when the record's recipe cannot be read.
  public func scale(of record: RunRecord, in workspace: Workspace) throws -> PaperScale {
    try scale(
      of: record, recipe: unlessRefused { try ArchivedRun(record, in: workspace.root, library: self).recipe })
  }

  /// How a finished run stands to the published cell that it is set beside, whichever row its own recipe is.
  /// - Parameters:
  ///   - cell: table, row and dataset.
  ///   - published: the file of published numbers, by path below the root.
  /// - Throws: `RecipeError`, `YAMLError`.
  public func scale(
    of record: RunRecord, beside cell: (table: String, row: String, dataset: String), published: String,
    in workspace: Workspace
  ) throws -> PaperScale {
    let own = try unlessRefused { try ArchivedRun(record, in: workspace.root, library: self).recipe }
    let recipe = try own ?? read(resolvedText: record.recipe)
    let fidelity = recipe.recipe.fidelity
    let path = record.description.recipePath
    return PaperScale(
      recipe: recipe, baseline: try unlessRefused { try resolve(path, profile: recipe.profile, fidelity: fidelity) },
      standardFidelity: try unlessRefused { try resolve(path, profile: recipe.profile).recipe.fidelity } ?? .code,
      row: try paperRow(cell, published: published, fidelity: fidelity), description: record.description)
  }

  /// How a finished run stands to the paper's row that its recipe is, judged by its record alone.
  ///
  /// The record may come from another machine: where this library has no such recipe, or cannot resolve it, the run is held
  /// against nothing and is at no paper's scale.
  /// - Parameter recipe: the record's, where it has been read already.
  /// - Throws: `RecipeError`, `YAMLError` when the record's recipe cannot be read.
  public func scale(of record: RunRecord, recipe: ResolvedRecipe? = nil) throws -> PaperScale {
    let recipe = try recipe ?? read(resolvedText: record.recipe)
    let (path, fidelity) = (record.description.recipePath, recipe.recipe.fidelity)
    let baseline = try unlessRefused { try resolve(path, profile: recipe.profile, fidelity: fidelity) }
    let standard = try unlessRefused { try resolve(path, profile: recipe.profile).recipe.fidelity }
    return PaperScale(
      recipe: recipe, baseline: baseline, standardFidelity: standard ?? .code,
      row: try unlessRefused { try paperRow(ofRecipe: path, fidelity: fidelity) } ?? nil,
      description: record.description)
  }
}
