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

  static let section = Section([
    Field("title", .text(.any), "what the study is called"),
    Field(
      "tables", .list(of: .text(.relativePath), count: 0...64), "the files of its tables, relative to this one",
      .standard(.list([]))),
    Field(
      "figures", .list(of: .text(.relativePath), count: 0...64), "the files of its figures", .standard(.list([]))),
    Field("published", .text(.relativePath), "the file of a paper's published numbers", .optional),
    Field("claims", .text(.relativePath), "the file of what the paper asserts in words", .optional),
    Field("deviations", .text(.relativePath), "the ledger of what the paper and its code do differently", .optional),
  ])
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
    let (_, reader) = try open(locate(Study.fileName, from: folder, at: nil), as: Study.section)
    var items: [Study.Item] = []
    func add(_ kind: Study.Kind, _ node: YAMLNode, key: String, named name: String? = nil, of study: String) throws {
      guard case .text(let text) = node.content else { return }
      let file = try locate(text, from: folder, at: node.origin)
      let item = Study.Item(kind: kind, name: name ?? file.stem, path: file.path, folder: study)
      // Results of one study share a folder.
      guard !items.contains(where: { $0.name == item.name }) else {
        throw RecipeError.contradiction(
          at: node.origin, key: key,
          problem:
            "is a second `\(item.name)` of this study, and what both make would have one name: rename one of them")
      }
      items.append(item)
    }
    for (kind, key) in [(Study.Kind.published, "published"), (.claims, "claims"), (.deviations, "deviations")]
    where reader.has(key) {
      try add(kind, YAMLNode(.text(reader.text(key)), at: reader.origin(key)), key: key, named: key, of: name)
    }
    for (kind, key) in [(Study.Kind.table, "tables"), (.figure, "figures")] {
      for (index, node) in reader.list(key).enumerated() { try add(kind, node, key: "\(key)[\(index)]", of: name) }
    }
    return Study(name: name, title: reader.text("title"), items: items)
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
