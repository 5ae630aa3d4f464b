import Files
import Foundation

/// A file below the recipes' root.
struct RecipeFile: Hashable {
  let url: URL
  /// The path below the root, such as `methods/primus.yaml`.
  let path: String
  /// What messages call it, such as `Recipes/methods/primus.yaml`.
  let name: String
  /// The file's name without `.yaml`.
  var stem: String { url.deletingPathExtension().lastPathComponent }
  /// The folder's path below the root; empty for a file in the root itself.
  var folder: String { path.split(separator: "/").dropLast().joined(separator: "/") }
}

/// A recipe's file, or one that recipes inherit, taken apart and checked.
struct RecipeDocument {
  let inherits: [YAMLNode]
  let body: YAMLNode
  let fidelities: [String: YAMLNode]
  let profiles: [String: YAMLNode]
}

/// A file of `profiles`.
struct ProfileDocument {
  let name: String
  let inherits: [YAMLNode]
  let body: YAMLNode
  /// Key path to the named values and what stands in for each, in the order they were written.
  let standIns: [(key: String, table: [String: YAMLNode])]
}

extension RecipeLibrary {
  /// Finds the file that `path` means.
  /// - Parameters:
  ///   - folder: where a relative path starts; nil: the working directory, and then the root.
  ///   - origin: where the path was written, for messages.
  /// - Throws: `RecipeError.outsideRoot`, `.noSuchFile`.
  func locate(_ path: String, from folder: URL?, at origin: Origin?) throws -> RecipeFile {
    guard !path.utf8.contains(0), !path.isEmpty, path.utf8.count <= 1024 else {
      throw RecipeError.noSuchFile(at: origin, path: path, looked: path)
    }
    let folders = folder.map { [$0] } ?? [URL(fileURLWithPath: FileManager.default.currentDirectoryPath), root]
    var candidates: [URL] = []
    for folder in folders {
      // A path that is not the user's own, from the command line, has no business being absolute.
      let url = URL(fileURLWithPath: path, relativeTo: URL(fileURLWithPath: folder.path, isDirectory: true))
      candidates.append(url.standardizedFileURL)
      if !path.hasSuffix(".yaml") { candidates.append(url.standardizedFileURL.appendingPathExtension("yaml")) }
    }
    var outside = false
    for candidate in candidates {
      let url = candidate.resolvingSymlinksInPath()
      var isFolder: ObjCBool = false
      guard FileManager.default.fileExists(atPath: url.path, isDirectory: &isFolder), !isFolder.boolValue else {
        continue
      }
      let prefix = root.path + "/"
      guard url.path.hasPrefix(prefix) else {
        outside = true
        continue
      }
      let below = String(url.path.dropFirst(prefix.count))
      return RecipeFile(url: url, path: below, name: "\(root.lastPathComponent)/\(below)")
    }
    let shownRoot = "the recipes' folder \(root.lastPathComponent)"
    if outside || !candidates.contains(where: { $0.path.hasPrefix(root.path + "/") }) {
      throw RecipeError.outsideRoot(at: origin, path: path, root: shownRoot)
    }
    let looked = candidates.last { $0.path.hasPrefix(root.path + "/") } ?? candidates[0]
    throw RecipeError.noSuchFile(
      at: origin, path: path, looked: root.lastPathComponent + looked.path.dropFirst(root.path.count))
  }

  /// The file's documents in the order they are laid over each other: what it inherits first, each file once.
  func inherited(from file: RecipeFile, read: (RecipeFile) throws -> RecipeDocument) throws -> [RecipeDocument] {
    var done: Set<RecipeFile> = []
    var documents: [RecipeDocument] = []
    try visit(file, trail: [], done: &done) { file in
      let document = try read(file)
      return (document.inherits, { documents.append(document) })
    }
    return documents
  }

  /// The profile's file and, before it, those it inherits.
  func profileDocuments(_ name: String) throws -> [ProfileDocument] {
    let names = try profiles
    guard names.contains(name) else {
      throw RecipeError.unknownName(
        at: nil, what: "profile", name: name, nearest: nearestName(to: name, among: names), valid: names)
    }
    var done: Set<RecipeFile> = []
    var documents: [ProfileDocument] = []
    let file = try locate("profiles/\(name).yaml", from: root, at: nil)
    try visit(file, trail: [], done: &done) { file in
      let document = try profileDocument(file)
      return (document.inherits, { documents.append(document) })
    }
    return documents
  }

  /// Depth first, parents before the file itself.
  private func visit(
    _ file: RecipeFile, trail: [RecipeFile], done: inout Set<RecipeFile>,
    open: (RecipeFile) throws -> (inherits: [YAMLNode], add: () -> Void)
  ) throws {
    let (parents, add) = try open(file)
    let trail = trail + [file]
    for parent in parents {
      guard case .text(let path) = parent.content else { continue }
      let next = try locate(path, from: file.url.deletingLastPathComponent(), at: parent.origin)
      if let start = trail.firstIndex(of: next) {
        throw RecipeError.cycle(at: parent.origin, files: (trail[start...] + [next]).map(\.name))
      }
      if !done.contains(next) { try visit(next, trail: trail, done: &done, open: open) }
    }
    if done.insert(file).inserted { add() }
  }

  /// Reads and checks a recipe's file, with those of its sections that are not chosen.
  func recipeDocument(_ file: RecipeFile) throws -> RecipeDocument {
    let node = try mapping(file)
    try SchemaCheck(schema.recipeFile).check(node)
    try checkNames(node["fidelities"], what: "fidelity", valid: Recipe.Fidelity.allCases.map(\.rawValue))
    try checkNames(node["profiles"], what: "profile", valid: profiles)
    return RecipeDocument(
      inherits: items(node["inherits"]),
      body: body(of: node, without: ["inherits", "fidelities", "profiles"]),
      fidelities: layers(node["fidelities"]) { .fidelity($0) },
      profiles: layers(node["profiles"]) { .profileSection($0) })
  }

  private func profileDocument(_ file: RecipeFile) throws -> ProfileDocument {
    let node = try mapping(file)
    let check = SchemaCheck(schema.profileFile)
    try check.check(node)
    for entry in node["stand_ins"]?.entries ?? [] {
      guard let (field, _) = schema.recipe.field(atPath: entry.key), case .text = field.shape else {
        throw RecipeError.unknownKey(
          at: entry.keyOrigin, key: entry.key, section: "stand_ins",
          nearest: nearestName(to: entry.key, among: schema.recipe.paths()), valid: [])
      }
      for value in entry.value.entries ?? [] { try check.check(value.value, is: field.shape, path: entry.key) }
    }
    let name = String(file.url.lastPathComponent.dropLast(5))
    let reason = Origin.Reason.profileFile(name)
    return ProfileDocument(
      name: name, inherits: items(node["inherits"]),
      body: body(of: node, without: ["inherits", "stand_ins", "description"]).because(reason),
      standIns: (node["stand_ins"]?.entries ?? []).map { entry in
        let table = (entry.value.entries ?? []).map { ($0.key, $0.value.because(reason)) }
        return (entry.key, Dictionary(uniqueKeysWithValues: table))
      })
  }

  /// The file's only document, which must be a mapping.
  func mapping(_ file: RecipeFile) throws -> YAMLNode {
    let node = try reader.read(file.url, name: file.name)
    guard node.entries != nil else {
      let found = if case .null = node.content { "is empty" } else { "holds \(node.found)" }
      throw RecipeError.notARecipe(file: file.name, problem: "\(found), but must hold a mapping of keys to values")
    }
    return node
  }

  private func checkNames(_ node: YAMLNode?, what: String, valid: [String]) throws {
    for entry in node?.entries ?? [] where !valid.contains(entry.key) {
      throw RecipeError.unknownName(
        at: entry.keyOrigin, what: what, name: entry.key, nearest: nearestName(to: entry.key, among: valid),
        valid: valid)
    }
  }

  private func items(_ node: YAMLNode?) -> [YAMLNode] {
    if case .list(let items)? = node?.content { items } else { [] }
  }

  private func body(of node: YAMLNode, without keys: [String]) -> YAMLNode {
    YAMLNode(.mapping((node.entries ?? []).filter { !keys.contains($0.key) }), at: node.origin)
  }

  private func layers(_ node: YAMLNode?, reason: (String) -> Origin.Reason) -> [String: YAMLNode] {
    Dictionary(uniqueKeysWithValues: (node?.entries ?? []).map { ($0.key, $0.value.because(reason($0.key))) })
  }
}
