/// One kind of network, as recipes know it: the value of `network.kind`, the keys that stand beside it in the section
/// `network` (its properties with `@Key`), and what they mean together. An instance holds what one recipe says.
///
/// Kinds may share a key, with the same values: `vit` is one.
///
/// How a network that segments is built is not a recipe's business: `Experiments` adds that (`TrainableNetwork`) and hands the
/// list of kinds to `RecipeLibrary`.
public protocol NetworkKind: RecipeSection {
  /// The value of `network.kind`, such as `primus`.
  static var name: String { get }

  /// What the sides of a patch must be a multiple of and why, such as 16 and "the ViT's patch of 16"; nil where only the
  /// plan decides.
  var patchMultiple: (size: Int, reason: String)? { get }

  /// The vision transformer that pretrained weights may go into; nil for a network without one.
  var encoder: VisionTransformerSettings? { get }

  /// The layouts of weight files that the network can start from; empty, the default, where it takes no file.
  static var weightLayouts: [WeightLayout] { get }

  /// Whether the encoder is trained, at `training.optimizer.encoder_learning_rate`.
  var encoderLearns: Bool { get }

  /// Keys below `network` that change nothing beside the others' values, such as `decoder.blocks`: a run's identity leaves
  /// them out.
  var idleKeys: [String] { get }
}

extension NetworkKind {
  public var patchMultiple: (size: Int, reason: String)? { nil }
  public var encoder: VisionTransformerSettings? { nil }
  public static var weightLayouts: [WeightLayout] { [] }
  public var encoderLearns: Bool { encoder != nil }
  public var idleKeys: [String] { [] }

  fileprivate func equals(_ other: any NetworkKind) -> Bool { (other as? Self) == self }
}

/// The network of a recipe: an instance of one of the kinds that the library was given, or an encoder alone.
public struct NetworkSettings: KeyValue {
  public let kind: any NetworkKind
  /// The value of `network.kind`.
  public var name: String { type(of: kind).name }

  private static func kinds(_ networks: [any NetworkKind.Type]) -> [any NetworkKind.Type] {
    networks + [BareEncoder.self]
  }

  /// The key `kind` and the kinds' own keys, each with the kinds that have it.
  public static func shape(_ rule: Void, _ networks: [any NetworkKind.Type]) -> Shape {
    let kinds = kinds(networks)
    precondition(Set(kinds.map { $0.name }).count == kinds.count, "two kinds of networks share a name")
    var section = SectionBuilder(networks: networks)
    section.discriminator = "kind"
    let meaning = "the network; `\(BareEncoder.name)` is an encoder alone, for pretraining"
    section.add(Field("kind", .choice(kinds.map { $0.name }), meaning))
    for kind in kinds {
      for var field in kind.section(networks).fields {
        field.variants = [kind.name]
        section.add(field)
      }
    }
    return .section(section.section)
  }

  public static func read(_ value: SectionReader) throws -> NetworkSettings {
    guard let name = value.value("kind").map(String.read),
      let kind = kinds(value.networks).first(where: { $0.name == name })
    else { value.mistyped() }
    return NetworkSettings(kind: try kind.read(value))
  }

  public var content: YAMLNode.Content { preconditionFailure("no recipe has a network by default") }

  public static func == (a: Self, b: Self) -> Bool { a.kind.equals(b.kind) }
}
