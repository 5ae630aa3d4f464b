import Files
import Foundation

/// The folder of recipes: finds files, follows what they inherit, and resolves them.
///
/// A value is settled by the last of these that gives one:
/// 1. the schema's default;
/// 2. the files that the recipe inherits, in order, each file once, what it inherits itself before it;
/// 3. the recipe; in each of these files its section of `fidelities` comes right after its body;
/// 4. the profile's file, `profiles/<profile>.yaml` (what it inherits before it);
/// 5. the profile's section of every inherited file and then of the recipe;
/// 6. the profile's `stand_ins`: the profile's values for named values of the paper's scale;
/// 7. the options of the command line, in order.
///
/// Mappings are merged, lists and single values replaced; null takes a value away.
public struct RecipeLibrary: Sendable {
  /// The folder that holds every recipe; nothing outside it is read.
  public let root: URL
  let reader = YAMLReader()
  let schema: RecipeSchema

  /// - Parameter networks: the kinds of networks that recipes may name; `Experiments` lists those that can be trained.
  public init(root: URL, networks: [any NetworkKind.Type]) {
    self.root = root.standardizedFileURL.resolvingSymlinksInPath()
    schema = RecipeSchema(networks: networks)
  }

  /// The names of `profiles/*.yaml`, sorted.
  /// - Throws: `DiskFailure`.
  public var profiles: [String] {
    get throws {
      let files = try FolderListing.ifReadable(root.appendingPathComponent("profiles"))?.names ?? []
      return files.filter { $0.hasSuffix(".yaml") }.map { String($0.dropLast(5)) }
    }
  }

  /// Resolves a recipe.
  /// - Parameters:
  ///   - path: the file, as the user names it (relative to the working directory) or below the root; `.yaml` may be left out.
  ///   - profile: a file's name in `profiles`, without `.yaml`; nil takes the recipe as it is.
  ///   - fidelity: in place of what the files say.
  ///   - overrides: `key.path=value`, the value in YAML.
  /// - Throws: `RecipeError`, `YAMLError`.
  public func resolve(
    _ path: String, profile: String? = nil, fidelity: Recipe.Fidelity? = nil, overrides: [String] = []
  ) throws -> ResolvedRecipe {
    let file = try locate(path, from: nil, at: nil)
    var options = try overrides.map(setting)
    if let fidelity {
      options.append(option("--fidelity \(fidelity.rawValue)", key: "fidelity", value: fidelity.rawValue))
    }
    return try resolve(file, profile: profile, options: options)
  }

  /// Reads what `ResolvedRecipe.yamlText` wrote, such as a run folder's `recipe.yaml`; it may lie anywhere.
  /// - Throws: `RecipeError`, `YAMLError`.
  public func read(resolved url: URL) throws -> ResolvedRecipe {
    try finished(reader.read(url, name: url.lastPathComponent), path: url.lastPathComponent, pretraining: nil)
  }

  /// The same from the text itself.
  /// - Parameter pretraining: the resolved recipe it starts from, in place of the library's own of that name.
  public func read(resolvedText text: String, pretraining: ResolvedRecipe? = nil) throws -> ResolvedRecipe {
    try finished(reader.read(Data(text.utf8), name: "recipe.yaml"), path: "recipe.yaml", pretraining: pretraining)
  }

  private func finished(_ node: YAMLNode, path: String, pretraining: ResolvedRecipe?) throws -> ResolvedRecipe {
    let check = SchemaCheck(schema.recipe)
    try check.check(node)
    return try finish(check.complete(node), path: path, profile: nil, standIns: [], given: pretraining)
  }

  private func resolve(_ file: RecipeFile, profile: String?, options: [YAMLNode]) throws -> ResolvedRecipe {
    let chain = try inherited(from: file) { try recipeDocument($0) }
    let profileChain = try profile.map(profileDocuments) ?? []
    // The first pass finds out which fidelity is asked for, the second takes its sections.
    let plain = combine(chain, profiles: profileChain, fidelity: nil, options: options)
    let fidelity = plain.tree["fidelity"].flatMap { if case .text(let name) = $0.content { name } else { nil } }
    var (tree, standIns) = combine(
      chain, profiles: profileChain, fidelity: fidelity ?? Recipe.Fidelity.code.rawValue, options: options)
    if let profile {
      let named = option("--profile \(profile)", key: "profile", value: profile)
      tree = merged(tree, with: named, section: schema.recipe)
    }
    guard tree["kind"] != nil else {
      throw RecipeError.notARecipe(
        file: file.name,
        problem: "is not a whole recipe: neither it nor what it inherits says `kind`; it is there to be inherited")
    }
    let check = SchemaCheck(schema.recipe)
    return try finish(check.complete(tree), path: file.path, profile: profile, standIns: standIns)
  }

  /// Resolves the recipe that this one starts from, and reads both into Swift values.
  private func finish(
    _ tree: YAMLNode, path: String, profile: String?, standIns: [StandIn], given: ResolvedRecipe? = nil
  )
    throws -> ResolvedRecipe
  {
    func text(_ key: String, in node: YAMLNode?) -> String? {
      if case .text(let text)? = node?[key]?.content { text } else { nil }
    }
    let profile = profile ?? text("profile", in: tree)
    guard let node = tree["initial_weights"]?["recipe"], let name = text("recipe", in: tree["initial_weights"]) else {
      return try ResolvedRecipe(
        tree: tree, schema: schema, path: path, profile: profile, standIns: standIns, pretraining: nil)
    }
    if let given {
      return try ResolvedRecipe(
        tree: tree, schema: schema, path: path, profile: profile, standIns: standIns, pretraining: given)
    }
    let file = try locate(name, from: root, at: node.origin)
    var options: [YAMLNode] = []
    if let fidelity = text("fidelity", in: tree) {
      options.append(option("fidelity of \(path)", key: "fidelity", value: fidelity))
    }
    let pretraining = try resolve(file, profile: profile, options: options)
    guard pretraining.recipe.kind == .pretraining else {
      throw RecipeError.contradiction(
        at: node.origin, key: "initial_weights.recipe",
        problem: "names \(name), which trains a segmentation, not an encoder to start from")
    }
    return try ResolvedRecipe(
      tree: tree, schema: schema, path: path, profile: profile, standIns: standIns, pretraining: pretraining)
  }

  /// Lays all layers over each other in the order that the type's description gives.
  private func combine(
    _ chain: [RecipeDocument], profiles: [ProfileDocument], fidelity: String?, options: [YAMLNode]
  ) -> (tree: YAMLNode, standIns: [StandIn]) {
    let section = schema.recipe
    var tree = YAMLNode(.mapping([]), at: chain[chain.count - 1].body.origin)
    for document in chain {
      tree = merged(tree, with: document.body, section: section)
      if let fidelity, let layer = document.fidelities[fidelity] { tree = merged(tree, with: layer, section: section) }
    }
    for profile in profiles { tree = merged(tree, with: profile.body, section: section) }
    for profile in profiles {
      for document in chain {
        if let layer = document.profiles[profile.name] { tree = merged(tree, with: layer, section: section) }
      }
    }
    var standIns: [StandIn] = []
    // A profile's word for a value counts before those of the profiles that it inherits.
    var tables: [String: [String: YAMLNode]] = [:]
    for (key, table) in profiles.flatMap(\.standIns) { tables[key, default: [:]].merge(table) { $1 } }
    for (key, table) in tables.sorted(by: { $0.key < $1.key }) {
      guard let (standIn, changed) = replaced(tree, path: key.split(separator: ".").map(String.init), by: table)
      else { continue }
      tree = changed
      standIns.append(StandIn(key: key, original: standIn.0, originalOrigin: standIn.1, replacement: standIn.2))
    }
    for option in options {
      tree = merged(tree, with: option, section: section)
      standIns.removeAll { standIn in option.value(atPath: standIn.key) != nil }
    }
    return (tree, standIns)
  }

  /// The tree with the text at `path` replaced by what `table` says of it; nil if it says nothing.
  private func replaced(_ node: YAMLNode, path: [String], by table: [String: YAMLNode]) -> (
    (String, Origin, String), YAMLNode
  )? {
    if path.isEmpty {
      guard case .text(let original) = node.content, let value = table[original], case .text(let new) = value.content
      else { return nil }
      return ((original, node.origin, new), value)
    }
    guard var entries = node.entries, let index = entries.firstIndex(where: { $0.key == path[0] }),
      let (record, value) = replaced(entries[index].value, path: Array(path.dropFirst()), by: table)
    else { return nil }
    entries[index].value = value
    return (record, YAMLNode(.mapping(entries), at: node.origin))
  }

  /// `key.path=value` as a layer.
  private func setting(_ text: String) throws -> YAMLNode {
    let shown = "--set \(String(quoted(text, limit: 80).dropFirst().dropLast()))"
    guard let equals = text.firstIndex(of: "=") else {
      throw RecipeError.setting(text: shown, problem: "has no `=`")
    }
    let keys = text[..<equals].split(separator: ".", omittingEmptySubsequences: false).map(String.init)
    guard keys.allSatisfy({ !$0.isEmpty }), keys.count <= reader.limits.depth else {
      throw RecipeError.setting(text: shown, problem: "has no key path before its `=`")
    }
    let data = Data(text[text.index(after: equals)...].utf8)
    var node = try reader.read(data, name: shown, option: shown)
    for key in keys.reversed() {
      node = YAMLNode(.mapping([YAMLEntry(key: key, keyOrigin: .option(shown), value: node)]), at: .option(shown))
    }
    try SchemaCheck(schema.recipe.without(["profile"])).check(node)
    return node
  }

  private func option(_ text: String, key: String, value: String) -> YAMLNode {
    let origin = Origin.option(text)
    return YAMLNode(
      .mapping([YAMLEntry(key: key, keyOrigin: origin, value: YAMLNode(.text(value), at: origin))]), at: origin)
  }
}

extension YAMLNode {
  /// The value at a key path such as `plan.configuration`.
  func value(atPath path: String) -> YAMLNode? {
    path.split(separator: ".").reduce(Optional(self)) { $0?[String($1)] }
  }
}
