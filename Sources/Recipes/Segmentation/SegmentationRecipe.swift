/// A row of a segmentation table: one dataset, one network, one training.
public struct SegmentationRecipe: RecipeSection {
  @Key("network", "the network") public var network: NetworkSettings
  @Key("dataset", "what it learns from and is scored on") public var dataset: DatasetSettings
  @Key("plan", "nnU-Net's plan and what replaces parts of it") public var plan: PlanSettings
  @Key("initial_weights", "where the encoder's weights come from") public var initialWeights: InitialWeights
  @Key("training", "the supervised training") public var training: TrainingSettings
  @Key("evaluation", "prediction and metrics") public var evaluation: EvaluationSettings

  public init() {}

  public func check(_ recipe: SectionReader) throws {
    guard !(network.kind is BareEncoder) else {
      throw recipe.contradiction(
        "network.kind",
        "is `\(network.name)`, which cannot segment; a segmentation recipe needs "
          + recipe.networks.map { "`\($0.name)`" }.joined(separator: " or "))
    }
    if let size = plan.configuration.patchSize, let multiple = network.kind.patchMultiple, size % multiple.size != 0 {
      throw recipe.contradiction(
        "plan.configuration",
        "is \(plan.configuration.name), but \(size) is not a multiple of \(multiple.reason)")
    }
    if network.kind.encoder == nil {
      let key: String? =
        switch initialWeights {
        case .recipe: "recipe"
        case .released: "released"
        case .random, .file: nil
        }
      if let key {
        throw recipe.contradiction(
          "initial_weights.\(key)", "gives a ViT's weights, but the network is `\(network.name)`")
      }
    }
    try initialWeights.requireLayout(among: type(of: network.kind).weightLayouts, network: network.name, recipe)
    let (learns, hasRate) = (network.kind.encoderLearns, training.optimizer.encoderLearningRate != nil)
    guard learns == hasRate else {
      throw recipe.contradiction(
        "training.optimizer.encoder_learning_rate",
        learns
          ? "is missing: `\(network.name)` has an encoder that learns"
          : "has no meaning: `\(network.name)` has no encoder that learns")
    }
  }
}

/// nnU-Net's `2d` configuration, or one that inherits it with a square patch: `2d_640`.
public struct PlanConfiguration: KeyValue {
  public let name: String
  /// Pixels along the square patch's side; nil for nnU-Net's own choice.
  public let patchSize: Int?

  init?(name: String) {
    self.name = name
    if name == "2d" {
      patchSize = nil
      return
    }
    guard name.hasPrefix("2d_"), let size = Int(name.dropFirst(3)), (16...4096).contains(size), name == "2d_\(size)"
    else { return nil }
    patchSize = size
  }

  public static func shape(_ rule: Void, _ networks: [any NetworkKind.Type]) -> Shape {
    .text(
      .form("`2d`, or `2d_N` for a square patch of N from 16 to 4096 pixels, such as `2d_640`") {
        PlanConfiguration(name: $0) != nil
      })
  }

  public static func read(_ value: SectionReader) -> PlanConfiguration {
    guard let configuration = PlanConfiguration(name: String.read(value)) else { value.mistyped() }
    return configuration
  }

  public var content: YAMLNode.Content { .text(name) }
}

public struct PlanSettings: RecipeSection {
  @Key("configuration", "nnU-Net's 2d configuration, or one derived from it with a square patch")
  public var configuration: PlanConfiguration
  @Key("batch_size", 1...4096, "images in a batch in place of the plan's number") public var batchSize: Int?

  public init() {}
}
