/// One kind of network that segments, as recipes know it: the value of `network.kind`, the keys that stand beside it, and
/// what they mean together. An instance holds what one recipe says.
///
/// How the network is built is not a recipe's business: `Experiments` adds that (`TrainableNetwork`) and hands the list of
/// kinds to `RecipeLibrary`.
public protocol NetworkKind: Sendable, Equatable {
  /// The value of `network.kind`, such as `primus`.
  static var name: String { get }

  /// The keys of the section `network` that have a meaning for this kind. Kinds may share a key, with the same shape:
  /// `RecipeSchema.visionTransformer` is one.
  static var fields: [Field] { get }

  /// Reads the section `network`, which has been checked against `fields`. Every field must be read.
  /// - Throws: `RecipeError.contradiction` for values that are each right but not together.
  init(_ network: SectionReader) throws

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

/// The network of a recipe: an instance of one of the kinds that the library was given.
public struct NetworkSettings: Sendable, Equatable {
  public let kind: any NetworkKind
  /// The value of `network.kind`.
  public var name: String { type(of: kind).name }

  init(_ reader: SectionReader, kinds: [any NetworkKind.Type]) throws {
    let name = reader.text("kind")
    guard let type = kinds.first(where: { $0.name == name }) else {
      throw reader.contradiction(
        "kind",
        "is `\(name)`, which cannot segment; a segmentation recipe needs "
          + kinds.map { "`\($0.name)`" }.joined(separator: " or "))
    }
    kind = try type.init(reader)
  }

  public static func == (a: Self, b: Self) -> Bool { a.kind.equals(b.kind) }
}
