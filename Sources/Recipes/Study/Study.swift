import Files
import Foundation

/// A study: a folder below the recipes' root with a `study.yaml` that lists what the study has.
public struct Study: Sendable {
  /// What a file that a study lists can be.
  public enum Kind: Sendable {
    case table, figure, published, claims, deviations
  }

  /// A file that a study lists, or a table of the user's own that none does.
  public struct Item: Sendable, Equatable {
    public let kind: Kind
    /// What its results are called: a table's or figure's file without `.yaml`, or `claims`, `deviations`, `published`.
    public let name: String
    /// By path below the root.
    public let path: String
    /// The folder of its results below those of a profile: the study's name. Of a table that no study lists it is the
    /// folder below the root that the table's file lies in, so that two tables never share a name; it may be empty.
    public let folder: String

    /// Such as `STUDY/NAME`, as commands take it.
    public var fullName: String { "\(folder)/\(name)" }
  }

  /// The folder's name.
  public let name: String
  public let title: String
  /// In the order of the file; every name once.
  public let items: [Item]

  public func items(_ kind: Kind) -> [Item] { items.filter { $0.kind == kind } }

  /// The name of the file that makes a folder a study.
  static let fileName = "study.yaml"

  /// The keys of `study.yaml`.
  struct File: RecipeSection {
    @Key("title", .any, "what the study is called") var title: String
    @Key("tables", .list(0...64, of: .relativePath), default: [], "the files of its tables, relative to this one")
    var tables: [Located<String>]
    @Key("figures", .list(0...64, of: .relativePath), default: [], "the files of its figures")
    var figures: [Located<String>]
    @Key("published", .relativePath, "the file of a paper's published numbers") var published: Located<String>?
    @Key("claims", .relativePath, "the file of what the paper asserts in words") var claims: Located<String>?
    @Key("deviations", .relativePath, "the ledger of what the paper and its code do differently")
    var deviations: Located<String>?
  }
}

extension RecipeLibrary {
  /// Every study, by name.
  /// - Throws: `RecipeError`, `YAMLError` for a `study.yaml` that cannot be followed.
  public func studies() throws -> [Study] {
    let names = try FolderListing.ifReadable(root)?.names ?? []
    return try names.compactMap(study)
  }

  /// The study of a name; nil where no folder with a `study.yaml` has it.
  /// - Throws: `RecipeError`, `YAMLError`.
  public func study(_ name: String) throws -> Study? {
    guard !name.isEmpty, !name.hasPrefix("."), !name.utf8.contains(0), !name.contains("/") else { return nil }
    let folder = root.appendingPathComponent(name, isDirectory: true)
    var isFolder: ObjCBool = false
    let path = folder.appendingPathComponent(Study.fileName).path
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), !isFolder.boolValue else { return nil }
    let file = try open(locate(Study.fileName, from: folder, at: nil), as: Study.File.self).value
    var items: [Study.Item] = []
    func add(_ kind: Study.Kind, _ written: Located<String>, named given: String? = nil) throws {
      let file = try locate(written.value, from: folder, at: written.origin)
      let item = Study.Item(kind: kind, name: given ?? file.stem, path: file.path, folder: name)
      // Results of one study share a folder.
      guard !items.contains(where: { $0.name == item.name }) else {
        throw written.contradiction(
          "is a second `\(item.name)` of this study, and what both make would have one name: rename one of them")
      }
      items.append(item)
    }
    if let published = file.published { try add(.published, published, named: "published") }
    if let claims = file.claims { try add(.claims, claims, named: "claims") }
    if let deviations = file.deviations { try add(.deviations, deviations, named: "deviations") }
    for table in file.tables { try add(.table, table) }
    for figure in file.figures { try add(.figure, figure) }
    return Study(name: name, title: file.title, items: items)
  }

  /// The tables of every study, by path below the root.
  /// - Throws: `RecipeError`, `YAMLError`.
  public func tables() throws -> [String] { try studies().flatMap { $0.items(.table) }.map(\.path) }

  /// What a word names among the items of the kinds given that studies list: `NAME`, `STUDY/NAME`, or a listed file's path.
  /// A figure's name may be written without the `figure` at its beginning.
  /// - Returns: nil where no study lists such an item.
  /// - Throws: `RecipeError.ambiguous` for a name that several studies have; what `study` throws.
  public func item(_ word: String, among kinds: [Study.Kind]) throws -> Study.Item? {
    let parts = word.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
    var named: [Study.Item] = []
    if parts.count == 1, !word.hasSuffix(".yaml") {
      named = try studies().flatMap(\.items)
    } else if parts.count == 2 {
      named = try study(parts[0])?.items ?? []
    }
    for name in [parts.last!, "figure\(parts.last!)"] {
      let found = named.filter {
        $0.name == name && kinds.contains($0.kind) && ($0.kind == .figure || name == parts.last)
      }
      guard found.count < 2 else { throw RecipeError.ambiguous(name: word, candidates: found.map(\.fullName)) }
      if let item = found.first { return item }
    }
    guard let file = try unlessRefused({ try locate(word, from: nil, at: nil) }) else { return nil }
    return try listed(file).flatMap { kinds.contains($0.kind) ? $0 : nil }
  }

  /// A table of the user's own: a file with `rows` that no study lists.
  /// - Throws: `RecipeError.noSuchFile`, `.outsideRoot`; `.notARecipe` for a file without rows, or one whose results would
  ///   have the name of something its study lists.
  public func ownTable(_ path: String) throws -> Study.Item {
    let file = try locate(path, from: nil, at: nil)
    guard try mapping(file)["rows"] != nil else {
      throw RecipeError.notARecipe(
        file: file.name,
        problem: "is no table: a table's file has `rows`, each with its recipes (Docs/adding-a-baseline.md)")
    }
    if let other = try study(file.folder)?.items.first(where: { $0.name == file.stem }) {
      throw RecipeError.notARecipe(
        file: file.name,
        problem:
          "would make a second `\(other.fullName)`, which \(Study.fileName) lists as \(other.path): rename the file")
    }
    return Study.Item(kind: .table, name: file.stem, path: file.path, folder: file.folder)
  }

  /// What the results of a recipe or table are called, and their folder below those of a profile, as `Study.Item` has them.
  /// - Parameter word: as `item` takes it for a table, or a recipe's path.
  /// - Throws: what `item` throws; `RecipeError` where there is no such file.
  public func results(of word: String) throws -> (name: String, folder: String) {
    if let item = try item(word, among: [.table]) { return (item.name, item.folder) }
    let file = try locate(word, from: nil, at: nil)
    return (file.stem, file.folder)
  }

  /// What the study in whose folder a file lies says of it.
  func listed(_ file: RecipeFile) throws -> Study.Item? {
    guard let name = file.path.split(separator: "/").first.map(String.init) else { return nil }
    return try study(name)?.items.first { $0.path == file.path }
  }
}
