/// A row of a segmentation table: one dataset, one network, one training.
public struct SegmentationRecipe: Sendable, Equatable {
  public let dataset: DatasetSettings
  public let plan: PlanSettings
  public let network: NetworkSettings
  public let initialWeights: InitialWeights
  public let training: TrainingSettings
  public let evaluation: EvaluationSettings

  /// - Parameter kinds: the networks that there are.
  init(_ reader: SectionReader, kinds: [any NetworkKind.Type]) throws {
    dataset = DatasetSettings(reader.section("dataset"))
    let networkReader = reader.section("network")
    network = try NetworkSettings(networkReader, kinds: kinds)
    let plan = reader.section("plan")
    self.plan = PlanSettings(plan)
    if let size = self.plan.configuration.patchSize, let multiple = network.kind.patchMultiple,
      size % multiple.size != 0
    {
      throw plan.contradiction(
        "configuration",
        "is \(self.plan.configuration.name), but \(size) is not a multiple of \(multiple.reason)")
    }
    let weights = reader.section("initial_weights")
    initialWeights = InitialWeights(weights)
    if case .recipe = initialWeights, network.kind.encoder == nil {
      throw weights.contradiction(
        "recipe", "names a pretraining, which makes a ViT's weights, but the network is `\(network.name)`")
    }
    try initialWeights.requireLayout(among: type(of: network.kind).weightLayouts, network: network.name, weights)
    training = try TrainingSettings(reader.section("training"), network: network)
    evaluation = try EvaluationSettings(reader.section("evaluation"))
  }
}

/// The dataset that phantoms imitate.
public enum PhantomKind: String, Sendable, CaseIterable {
  case amos22, kits23, lits, btcv
}

public struct DatasetSettings: Sendable, Equatable {
  public enum Source: Sendable, Equatable {
    /// nnU-Net's raw layout at a path below `SEGBENCH_DATA`, and how many labelled cases it should have.
    case folder(path: String, expectedCases: Int?)
    case phantom(PhantomSettings)
  }

  public let name: String
  public let source: Source
  /// What networks learn; nil for what `dataset.json` has.
  public let targets: TargetSettings?

  public init(name: String, source: Source, targets: TargetSettings? = nil) {
    self.name = name
    self.source = source
    self.targets = targets
  }

  init(_ reader: SectionReader) {
    name = reader.text("name")
    targets = reader.has("targets") ? reader.choice("targets", TargetSettings.self) : nil
    source =
      reader.text("source") == "folder"
      ? .folder(
        path: reader.text("folder"),
        expectedCases: reader.has("expected_cases") ? reader.integer("expected_cases") : nil)
      : .phantom(PhantomSettings(reader.section("phantom")))
  }
}

/// Labels, of which a voxel has one, or regions that may overlap.
public enum TargetSettings: String, Sendable, CaseIterable {
  case labels, regions
}

/// Phantoms to generate.
public struct PhantomSettings: Sendable, Equatable {
  public let kind: PhantomKind
  public let cases: Int
  public let seed: UInt64
  /// Typical voxels along x, y and z.
  public let size: [Int]

  init(_ reader: SectionReader) {
    kind = reader.choice("kind", PhantomKind.self)
    cases = reader.integer("cases")
    seed = UInt64(reader.integer("seed"))
    size = reader.integers("size")
  }
}

/// nnU-Net's `2d` configuration, or one that inherits it with a square patch: `2d_640`.
public struct PlanConfiguration: Sendable, Equatable {
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
}

public struct PlanSettings: Sendable, Equatable {
  public let configuration: PlanConfiguration
  /// Images in a batch in place of the plan's number.
  public let batchSize: Int?

  init(_ reader: SectionReader) {
    guard let configuration = PlanConfiguration(name: reader.text("configuration")) else {
      preconditionFailure("the schema lets no other configuration pass")
    }
    self.configuration = configuration
    batchSize = reader.has("batch_size") ? reader.integer("batch_size") : nil
  }
}

/// Whose names a file's weights have.
public enum WeightLayout: String, Sendable, CaseIterable {
  case dinov3
  case huggingFace = "hugging-face"
  case meddinov3, segbench
  /// nnU-Net's checkpoints, or the state dictionary of its network alone.
  case nnUNet = "nnu-net"

  /// The layouts that hold a vision transformer.
  public static let visionTransformers: [WeightLayout] = [.dinov3, .huggingFace, .meddinov3, .segbench]
}

/// Which network of a self-distillation's file is meant.
public enum WeightModel: String, Sendable, CaseIterable {
  case teacher, student
  case gramTeacher = "gram-teacher"
}

/// Where the encoder's weights come from.
public enum InitialWeights: Sendable, Equatable {
  case random
  /// A file below `SEGBENCH_DATA`; of several networks in it, the teacher unless `model` names another.
  case file(path: String, layout: WeightLayout, model: WeightModel? = nil)
  /// A pretraining recipe, by its path below the recipes' root; `ResolvedRecipe.pretraining` is that recipe.
  case recipe(path: String)

  init(_ reader: SectionReader) {
    switch reader.text("from") {
    case "file":
      self = .file(
        path: reader.text("path"), layout: reader.choice("layout", WeightLayout.self),
        model: reader.has("model") ? reader.choice("model", WeightModel.self) : nil)
    case "recipe": self = .recipe(path: reader.text("recipe"))
    default: self = .random
    }
  }

  /// - Throws: `RecipeError.contradiction` for a file when the network takes none, or none of that layout.
  func requireLayout(among layouts: [WeightLayout], network: String, _ reader: SectionReader) throws {
    guard case .file(_, let layout, _) = self else { return }
    guard !layouts.isEmpty else {
      throw reader.contradiction(
        "from", "is `file`, but `\(network)` takes no file of initial weights; it needs `random`")
    }
    guard layouts.contains(layout) else {
      throw reader.contradiction(
        "layout",
        "is `\(layout.rawValue)`, but `\(network)` takes "
          + layouts.map { "`\($0.rawValue)`" }.joined(separator: " or "))
    }
  }
}

/// Whose definition of a surface the normalised surface distance follows.
public enum SurfaceDiceKind: String, Sendable, CaseIterable {
  case monai, deepmind
}

/// How a case counts in the means of a class that its reference lacks (`Averaging.AbsentClass`).
public enum AbsentClassRule: String, Sendable, CaseIterable {
  case exclude, zero
}

/// How a case counts in HD95's mean of a class that it has none of (`Averaging.MissingDistance`).
public enum MissingDistanceRule: String, Sendable, CaseIterable {
  case exclude, diagonal
}

/// How predictions are made and scored.
public struct EvaluationSettings: Sendable, Equatable {
  public let scoring: ScoringSettings
  /// Step of the sliding window in patch sizes.
  public let tileStep: Double
  public let gaussian: Bool
  public let mirroring: Bool

  init(_ reader: SectionReader) throws {
    scoring = try ScoringSettings(reader)
    tileStep = reader.number("tile_step")
    gaussian = reader.boolean("gaussian")
    mirroring = reader.boolean("mirroring")
  }
}

/// Which cases are scored, and how: what every row of a table shares, whoever made its predictions.
public struct ScoringSettings: Sendable, Equatable {
  /// The fold that is left out for evaluation: of nnU-Net's five-fold split, or of `splits`.
  public let fold: Int
  /// A `splits_final.json` below `SEGBENCH_DATA` with folds of the user's; nil for nnU-Net's. Which folds it holds, and not
  /// where it lies, is part of a run's identity.
  public let splits: String?
  public let surfaceDice: SurfaceDiceKind
  /// What is scored; nil for what networks learn.
  public let classes: TargetSettings?
  /// Distance that still counts as right, in mm.
  public let toleranceMM: Double
  public let absent: AbsentClassRule
  public let hd95Missing: MissingDistanceRule

  init(_ reader: SectionReader) throws {
    fold = reader.integer("fold")
    splits = reader.has("splits") ? reader.text("splits") : nil
    if splits == nil, fold > 4 {
      throw reader.contradiction(
        "fold", "is \(fold), but nnU-Net's folds are 0 to 4; `splits` may name a file with more")
    }
    classes = reader.has("classes") ? reader.choice("classes", TargetSettings.self) : nil
    let nsd = reader.section("nsd")
    surfaceDice = nsd.choice("kind", SurfaceDiceKind.self)
    toleranceMM = nsd.number("tolerance_mm")
    absent = reader.choice("absent", AbsentClassRule.self)
    hd95Missing = reader.choice("hd95_missing", MissingDistanceRule.self)
  }
}
