/// A value of a resolved recipe and where it comes from.
public struct ResolvedValue: Sendable {
  /// The key path, such as `training.epochs`.
  public let key: String
  public let node: YAMLNode
  /// Where the value was written.
  public var origin: Origin { node.origin }
  /// What the key means.
  public let meaning: String
  /// Whether a run's results depend on it.
  public let affectsResult: Bool
  /// The value as YAML on one line.
  public var text: String { YAMLWriter.inline(node) }
}

/// A value of the paper's scale for which a profile put one of its own.
public struct StandIn: Sendable, Equatable {
  public let key: String
  /// What the recipe says, such as `2d_640`, and where.
  public let original: String
  public let originalOrigin: Origin
  /// What the profile runs in its place.
  public let replacement: String
}

/// A recipe with everything settled and the origin of every value.
public struct ResolvedRecipe: Sendable {
  /// The typed recipe.
  public let recipe: Recipe
  /// The recipe's path below the root, such as `methods/primus.yaml`.
  public let path: String
  /// The profile it was resolved with, nil for none.
  public let profile: String?
  /// Every value, sorted by key.
  public let values: [ResolvedValue]
  public let standIns: [StandIn]
  /// The pretraining recipe that `initial_weights.recipe` names, resolved with the same profile and fidelity.
  public var pretraining: ResolvedRecipe? { dependency.first }

  private let tree: YAMLNode
  /// The values without those that a key later than identities has by default.
  private let namedValues: [ResolvedValue]
  // An array, because a structure cannot hold itself.
  private let dependency: [ResolvedRecipe]

  init(
    tree: YAMLNode, schema: RecipeSchema, path: String, profile: String?, standIns: [StandIn],
    pretraining: ResolvedRecipe?
  ) throws {
    recipe = try Recipe.read(SectionReader(tree, networks: schema.networks))
    self.tree = tree
    self.path = path
    self.profile = profile
    self.standIns = standIns
    dependency = pretraining.map { [$0] } ?? []
    var values: [ResolvedValue] = []
    ResolvedRecipe.collect(tree, path: "", schema, into: &values)
    self.values = values.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
    var named: [ResolvedValue] = []
    ResolvedRecipe.collect(schema.recipe.withoutLaterDefaults(tree), path: "", schema, into: &named)
    namedValues = named.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
    if let pretraining { try checkFit(pretraining) }
  }

  /// Every value as `key: value`, sorted by key, numbers in their shortest exact form.
  public var canonicalText: String {
    values.map { "\($0.key): \($0.text)\n" }.joined()
  }

  /// What the results of one run depend on, for hashing: the canonical text without words (title, description), places
  /// (folders) and the list of seeds, with the run's own seed, and with what the pretraining depends on if there is one.
  /// Keys that came after `EngineVersion.ofIdentities` stand in it where they differ from their defaults.
  ///
  /// The pretraining always runs with its own first seed: rows that differ in their seed share the weights they start from.
  public func identityText(seed: UInt64) -> String {
    var lines = ownResultValues.map { "\($0.key): \($0.text)\n" }
    lines.append("seed: \(seed)\n")
    if let pretraining {
      let inner = pretraining.identityText(seed: pretraining.recipe.seeds[0])
      lines += inner.split(separator: "\n").map { "initial_weights.recipe/\($0)\n" }
    }
    return lines.joined()
  }

  /// The values of this recipe itself that its results depend on.
  var ownResultValues: [ResolvedValue] {
    // The pretraining's own lines say more than its name.
    var ignored: Set<String> = ["initial_weights.recipe"]
    for key in recipe.segmentation?.network.kind.idleKeys ?? [] { ignored.insert("network.\(key)") }
    return namedValues.filter { $0.affectsResult && !ignored.contains($0.key) }
  }

  /// The resolved recipe as YAML; `RecipeLibrary.read(resolved:)` reads it back equal. Comments name the origins.
  public var yamlText: String {
    let origins = Dictionary(uniqueKeysWithValues: values.map { ($0.key, $0.origin.description) })
    return YAMLWriter.document(tree) { origins[$0] }
  }

  /// One line for each value: key, value, origin, in columns.
  public var explanation: String {
    let keyWidth = values.map(\.key.count).max() ?? 0
    let textWidth = min(48, values.map(\.text.count).max() ?? 0)
    return values.map { value in
      var origin = value.origin.description
      if let standIn = standIns.first(where: { $0.key == value.key }) {
        origin += ", stands for \(standIn.original) of \(standIn.originalOrigin)"
      }
      return padded(value.key, keyWidth) + "  " + padded(value.text, textWidth) + "  " + origin + "\n"
    }.joined()
  }

  private func padded(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(0, width - text.count))
  }

  private static func collect(
    _ node: YAMLNode, path: String, _ schema: RecipeSchema, into values: inout [ResolvedValue]
  ) {
    if let entries = node.entries, !path.isEmpty || !entries.isEmpty {
      for entry in entries { collect(entry.value, path: join(path, entry.key), schema, into: &values) }
      return
    }
    let declared = schema.recipe.field(atPath: path)
    values.append(
      ResolvedValue(
        key: path, node: node, meaning: declared?.field.meaning ?? "", affectsResult: declared?.affectsResult ?? true))
  }

  /// Weights only fit a network of the same shape. Pretraining may add or leave out storage tokens and biases: MedDINOv3
  /// has no bias where the DINOv3 that it starts from has one.
  private func checkFit(_ pretraining: ResolvedRecipe) throws {
    guard let source = pretraining.recipe.pretraining else { return }
    let isPretraining = recipe.pretraining != nil
    guard let vit = recipe.segmentation?.network.kind.encoder ?? recipe.pretraining?.vit else { return }
    let free: Set = ["storage_tokens", "qkv_bias", "mask_k_bias", "layer_norm_epsilon"]
    for (mine, its) in zip(vit.fit, source.vit.fit)
    where mine.value != its.value && !(isPretraining && free.contains(mine.key)) {
      let key = "network.vit.\(mine.key)"
      throw contradiction(
        key,
        "is \(mine.value), but the recipe whose weights it starts from, \(pretraining.path), has \(its.value)"
          + (pretraining.origin(key).map { " (\($0))" } ?? ""))
    }
    guard let settings = recipe.pretraining?.selfDistillation else { return }
    let earlier = source.selfDistillation
    switch settings.gram?.teacher {
    case .snapshot(let iteration) where !earlier.snapshots.contains(iteration):
      throw contradiction(
        "self_distillation.gram.teacher.iteration",
        "is \(iteration), but \(pretraining.path) keeps its teacher only after "
          + (earlier.snapshots.isEmpty ? "no iteration" : earlier.snapshots.map(String.init).joined(separator: ", ")))
    case .previous where earlier.gram == nil:
      throw contradiction(
        "self_distillation.gram.teacher.from", "is `previous`, but \(pretraining.path) has no Gram teacher")
    default: break
    }
    guard settings.head.start == .previous else { return }
    let heads = [
      ("prototypes", settings.head.prototypes, earlier.head.prototypes),
      ("hidden_width", settings.head.hiddenWidth, earlier.head.hiddenWidth),
      ("bottleneck_width", settings.head.bottleneckWidth, earlier.head.bottleneckWidth),
    ]
    for (key, mine, its) in heads where mine != its {
      throw contradiction(
        "self_distillation.head.\(key)", "is \(mine), but the heads that \(pretraining.path) leaves have \(its)")
    }
  }

  private func origin(_ key: String) -> Origin? { values.first { $0.key == key }?.origin }

  private func contradiction(_ key: String, _ problem: String) -> RecipeError {
    .contradiction(at: origin(key) ?? tree.origin, key: key, problem: problem)
  }
}
