import Files
import Foundation

/// A paper's row on one dataset as the study ships it: what a run is held against that is reported under it.
public struct PaperRow: Sendable, Equatable {
  /// Such as `table1/dinov3-640/amos22`.
  public let name: String
  /// Key to value, as YAML on one line: what results depend on, and how many cases and slices the published data have. Those
  /// of the pretraining that the row starts from stand below `PaperRow.pretrainingKey`.
  public let values: [String: String]

  public init(name: String, values: [String: String]) {
    self.name = name
    self.values = values
  }

  /// What stands before the keys of the pretraining that a recipe starts from.
  public static let pretrainingKey = "initial_weights.recipe/"
}

extension ResolvedRecipe {
  /// What a run is held against the paper's row by: the values that its identity depends on, the folds that it names, and
  /// how many cases and slices the published data have.
  public var comparableValues: [String: String] {
    var all = ownComparableValues
    for (key, text) in pretraining?.comparableValues ?? [:] { all[PaperRow.pretrainingKey + key] = text }
    return all
  }

  var ownComparableValues: [String: String] {
    let more = values.filter { Self.expectations.contains($0.key) || $0.key == "evaluation.splits" }
    return Dictionary(uniqueKeysWithValues: (ownResultValues + more).map { ($0.key, $0.text) })
  }

  /// The keys that say how large the published data are; no result depends on them.
  public static let expectations: Set<String> = ["dataset.expected_cases", "images.expected_slices"]
}

/// A study's record of its rows at the paper's scale, `paper-rows.yaml` beside its published numbers: the values that each
/// recipe had when the study was shipped, so that a recipe changed since is told from the shipped one.
struct PaperRowsFile {
  /// `table/row/dataset` to the recipe's path below the root.
  let cells: [(name: String, recipe: String)]
  private let recipes: [String: Entry]

  private struct Entry {
    let startsFrom: String?
    /// By fidelity; `code` is whole and `paper` what differs from it, nil where the value is absent.
    let code: [String: String]
    let paper: [String: String?]

    init(_ values: Values) throws {
      startsFrom = values.startsFrom
      code = try Self.lines(values.code)
      paper = try values.paper.map(Self.lines)?.mapValues { $0 == "null" ? nil : $0 } ?? [:]
    }

    private static func lines(_ text: Located<String>) throws -> [String: String] {
      var values: [String: String] = [:]
      for line in text.value.split(separator: "\n") {
        guard let colon = line.firstRange(of: ": ") else {
          throw text.contradiction("has the line \(quoted(String(line), limit: 60)), which is no `key: value`")
        }
        values[String(line[..<colon.lowerBound])] = String(line[colon.upperBound...])
      }
      return values
    }
  }

  static let name = "paper-rows.yaml"

  /// The keys of the file.
  struct File: RecipeSection {
    @Key("cells", .relativePath, "table/row/dataset to its recipe, below the recipes' root") var cells: FreeKeys<String>
    @Key("recipes", "recipe to its values at the paper's scale") var recipes: FreeKeys<Values>
  }

  struct Values: RecipeSection {
    @Key("starts_from", .relativePath, "the pretraining recipe that it starts from") var startsFrom: String?
    @Key("code", .any, "its values with the published code's choices, `key: value` a line") var code: Located<String>
    @Key("paper", .any, "those that the paper's choices change") var paper: Located<String>?
  }

  init(_ file: File) throws {
    cells = file.cells.entries.map { ($0.key, $0.value) }
    recipes = try Dictionary(
      uniqueKeysWithValues: file.recipes.entries.map { ($0.key, try Entry($0.value)) })
  }

  /// A recipe's values, with those of the pretrainings before it; nil for a recipe that the study does not ship.
  func values(of path: String, fidelity: Recipe.Fidelity, depth: Int = 0) -> [String: String]? {
    guard let entry = recipes[path], depth < 16 else { return nil }
    var values = entry.code
    if fidelity == .paper { for (key, text) in entry.paper { values[key] = text } }
    if let start = entry.startsFrom {
      for (key, text) in self.values(of: start, fidelity: fidelity, depth: depth + 1) ?? [:] {
        values[PaperRow.pretrainingKey + key] = text
      }
    }
    return values
  }
}

extension RecipeLibrary {
  /// The profile that holds the paper's scale.
  public static let paperProfile = "paper"

  /// The paper's row that a table's row is reported under; nil for a row of the user's own.
  ///
  /// It is what the study's `paper-rows.yaml` records; for a study without one, what its own table's recipe comes to at the
  /// paper's profile without options.
  /// - Throws: `RecipeError`, `YAMLError`.
  public func paperRow(
    _ row: StudyTable.Row, dataset: String, of table: StudyTable, fidelity: Recipe.Fidelity
  ) throws -> PaperRow? {
    guard let published = table.publishedPath, table.published.row(row.published.id) != nil,
      !row.published.values.isEmpty
    else { return nil }
    let cell = (table.published.id, row.published.id, dataset)
    if let found = try paperRow(cell, published: published, fidelity: fidelity) { return found }
    guard let recipe = row.recipes.first(where: { $0.dataset == dataset }) else { return nil }
    return try unrecorded(recipe.path, name: "\(cell.0)/\(cell.1)/\(cell.2)", fidelity: fidelity)
  }

  /// The paper's row of a published cell's table, row and dataset; nil where the study has no recipe for it.
  /// - Parameter published: the file of published numbers, by path below the root.
  /// - Throws: `RecipeError`, `YAMLError`.
  public func paperRow(
    _ cell: (table: String, row: String, dataset: String), published: String, fidelity: Recipe.Fidelity
  ) throws -> PaperRow? {
    let study = folder(of: published)
    let name = "\(cell.table)/\(cell.row)/\(cell.dataset)"
    if let file = try paperRowsFile(study), let known = file.cells.first(where: { $0.name == name }),
      let values = file.values(of: known.recipe, fidelity: fidelity)
    {
      return PaperRow(name: name, values: values)
    }
    for path in try tables() where folder(of: path) == study {
      let own = try self.table(path)
      guard own.publishedPath == published, own.published.id == cell.table,
        let recipe = own.rows.first(where: { $0.published.id == cell.row })?.recipes
          .first(where: { $0.dataset == cell.dataset })
      else { continue }
      return try unrecorded(recipe.path, name: name, fidelity: fidelity)
    }
    return nil
  }

  /// The paper's row that a recipe is, by its path below the root; nil for a recipe that no study's table names.
  /// - Throws: `RecipeError`, `YAMLError`.
  public func paperRow(ofRecipe path: String, fidelity: Recipe.Fidelity) throws -> PaperRow? {
    for study in try studies().map(\.name) {
      guard let file = try paperRowsFile(study), let cell = file.cells.first(where: { $0.recipe == path }),
        let values = file.values(of: path, fidelity: fidelity)
      else { continue }
      return PaperRow(name: cell.name, values: values)
    }
    for table in try tables().map(table) where table.paperTitle != nil {
      for row in table.rows where !row.published.values.isEmpty {
        if let recipe = row.recipes.first(where: { $0.path == path }) {
          return try paperRow(row, dataset: recipe.dataset, of: table, fidelity: fidelity)
        }
      }
    }
    return nil
  }

  /// The text of a study's `paper-rows.yaml` as its recipes are now.
  /// - Parameter study: the study's folder below the root.
  /// - Throws: `RecipeError`, `YAMLError`.
  public func paperRowsText(of study: String) throws -> String {
    var cells: [String: String] = [:]
    var recipes: [String: String] = [:]
    func add(_ code: ResolvedRecipe, _ paper: ResolvedRecipe) {
      guard recipes[code.path] == nil else { return }
      let (values, others) = (code.ownComparableValues, paper.ownComparableValues)
      func lines(_ values: [String: String]) -> String {
        values.sorted { $0.key < $1.key }.map { "      \($0.key): \($0.value)\n" }.joined()
      }
      var text = "  \(code.path):\n"
      if let start = code.pretraining { text += "    starts_from: \(start.path)\n" }
      text += "    code: |\n" + lines(values)
      var changes = others.filter { values[$0.key] != $0.value }
      for key in values.keys where others[key] == nil { changes[key] = "null" }
      if !changes.isEmpty { text += "    paper: |\n" + lines(changes) }
      recipes[code.path] = text
      if let start = code.pretraining, let other = paper.pretraining { add(start, other) }
    }
    for table in try (self.study(study)?.items(.table) ?? []).map({ try self.table($0.path) }) {
      for row in table.rows where !row.published.values.isEmpty {
        for (dataset, path) in row.recipes {
          cells["\(table.published.id)/\(row.published.id)/\(dataset)"] = path
          add(
            try resolve(path, profile: Self.paperProfile, fidelity: .code),
            try resolve(path, profile: Self.paperProfile, fidelity: .paper))
        }
      }
    }
    return DocumentKind.paperRows.editorLine(for: "\(study)/\(PaperRowsFile.name)") + """
      # What the study's rows come to at the paper's scale: tables hold runs against these values. Written by
      # `segbench study-rows \(study)` when the study's recipes change on purpose; not edited by hand.
      cells:\(cells.isEmpty ? " {}" : "")
      \(cells.sorted { $0.key < $1.key }.map { "  \($0.key): \($0.value)" }.joined(separator: "\n"))
      recipes:\(recipes.isEmpty ? " {}" : "")

      """ + recipes.sorted { $0.key < $1.key }.map(\.value).joined()
  }

  /// Where a study's `paper-rows.yaml` lies.
  public func paperRowsURL(of study: String) -> URL { root.appendingPathComponent("\(study)/\(PaperRowsFile.name)") }

  private func folder(of path: String) -> String { path.split(separator: "/").dropLast().joined(separator: "/") }

  private func paperRowsFile(_ study: String) throws -> PaperRowsFile? {
    guard FileManager.default.fileExists(atPath: paperRowsURL(of: study).path) else { return nil }
    let file = try locate("\(study)/\(PaperRowsFile.name)", from: root, at: nil)
    return try PaperRowsFile(open(file, as: PaperRowsFile.File.self).value)
  }

  private func unrecorded(_ path: String, name: String, fidelity: Recipe.Fidelity) throws -> PaperRow? {
    guard try profiles.contains(Self.paperProfile) else { return nil }
    let recipe = try resolve(path, profile: Self.paperProfile, fidelity: fidelity)
    return PaperRow(name: name, values: recipe.comparableValues)
  }
}
