import Datasets
import Phantoms

/// A dataset with labels.
public struct DatasetSettings: RecipeSection {
  public enum Source: Sendable, Equatable {
    /// nnU-Net's raw layout at a path below `SEGBENCH_DATA`, and how many labelled cases it should have.
    case folder(path: String, expectedCases: Int?)
    case phantom(PhantomSettings)
  }

  @Key("name", .datasetName, "the dataset's name") public var name: String
  /// Nil for what `dataset.json` has.
  @Key(
    "targets",
    "what networks learn: each label, or the regions of dataset.json; regions if it has any, unless given")
  public var targets: TargetKind?
  @Key("source", "a folder of the user's data, or generated phantoms", selects: true) private var kind: SourceKind
  @Key(
    "folder", .relativePath, "nnU-Net's raw dataset, below SEGBENCH_DATA", in: ["folder"], affectsResult: false)
  private var folder: String
  @Key(
    "expected_cases", 1...1_000_000, "labelled cases the published dataset has", in: ["folder"], affectsResult: false)
  private var expectedCases: Int?
  @Key("phantom", "the phantoms to generate", in: ["phantom"]) private var phantom: PhantomSettings

  public init() {}

  /// A dataset of phantoms that no recipe names.
  public init(name: String, phantom: PhantomSettings) {
    self.init()
    _name.set(name)
    _targets.set(nil)
    _kind.set(.phantom)
    _phantom.set(phantom)
  }

  public var source: Source {
    switch kind {
    case .folder: .folder(path: folder, expectedCases: expectedCases)
    case .phantom: .phantom(phantom)
    }
  }
}

/// Whether data are the user's or generated.
enum SourceKind: String, KeyChoice {
  case folder, phantom
}

/// Phantoms to generate.
public struct PhantomSettings: RecipeSection {
  @Key("kind", "the dataset that the phantoms imitate") public var kind: PhantomKind
  @Key(
    "style", default: .clinical, "what tells the organs apart: place and brightness, or texture, edges and neighbours",
    since: "0.5.0")
  public var style: PhantomStyle
  @Key("cases", 5...10_000, "how many") public var cases: Int
  @Key("seed", 0...Int(UInt32.max), "the seed of their anatomy") public var seed: UInt64
  @Key("size", .list(3, of: 8...1024), "typical voxels along x, y and z") public var size: [Int]

  public init() {}
}
