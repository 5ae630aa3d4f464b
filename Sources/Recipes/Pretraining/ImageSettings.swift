import Phantoms

/// What an encoder sees in pretraining.
public enum ImageSettings: KeyView {
  case deadLeaves(DeadLeavesSettings)
  case slices(SliceSettings)

  public struct Settings: RecipeSection {
    @Key("kind", "procedural natural images, or axial slices of CT volumes", selects: true) fileprivate var kind: Kind
    @Keys(in: "dead-leaves") fileprivate var deadLeaves: DeadLeavesSettings
    @Keys(in: "ct-slices") fileprivate var slices: SliceSettings

    fileprivate enum Kind: String, KeyChoice {
      case deadLeaves = "dead-leaves"
      case slices = "ct-slices"
    }

    public init() {}
  }

  public init(_ keys: Settings) {
    switch keys.kind {
    case .deadLeaves: self = .deadLeaves(keys.deadLeaves)
    case .slices: self = .slices(keys.slices)
    }
  }
}

/// Procedural images with natural-image statistics.
public struct DeadLeavesSettings: RecipeSection {
  @Key("count", 1...10_000_000, "how many") public var count: Int
  @Key("size", 16...4096, "pixels along a side") public var size: Int
  @Key("seed", 0...Int(UInt32.max), "the seed they are drawn from") public var seed: UInt64
  @Key(
    "leaves", default: .plain, "what the leaves carry: faint noise, or patterns of spots, nets and stripes",
    since: "0.5.0")
  public var leaves: DeadLeaves.Style

  public init() {}
}

/// Axial slices of CT volumes from several sources.
public struct SliceSettings: RecipeSection {
  @Key("sources", .list(1...100), "where volumes come from") public var sources: [Source]
  @Key("pixel_mm", .closed(0.01, 100), "spacing in plane to resample to first, in mm") public var pixelMM: Double
  @Key("slice_size", 16...4096, "pixels along a stored slice's side") public var size: Int
  /// HU below and above are set to its ends.
  @Key("window", .closed(-32768, 32767), "HU that are kept apart") public var window: ClosedRange<Double>
  /// Slices are handed out as (HU - mean) / deviation.
  @Key("mean", .closed(-1e5, 1e5), "taken off, in HU") public var mean: Double
  @Key("deviation", .above(0, upTo: 1e5), "divided by, in HU") public var deviation: Double
  @Key("volumes_per_shard", 1...10_000, "volumes in a file") public var volumesPerShard: Int
  @Key(
    "expected_slices", 1...1_000_000_000, "slices that the published collection has", affectsResult: false)
  public var expectedSlices: Int?

  public init() {}

  /// Where volumes come from.
  public struct Source: RecipeSection {
    public enum Place: Sendable, Equatable {
      /// A folder below `SEGBENCH_DATA`, paths below it in which `*`, `?` and `[...]` stand for parts of a name, and how many
      /// volumes the published source has.
      case folder(path: String, files: [String], expectedVolumes: Int?)
      case phantom(PhantomSettings)
    }

    @Key("name", .name, "the source's name") public var name: String
    @Key("source", "a folder of the user's data, or generated phantoms", selects: true) private var kind: SourceKind
    @Key("folder", .relativePath, "below SEGBENCH_DATA", in: ["folder"]) private var folder: String
    @Key(
      "files", .list(1...20, of: .relativePath),
      "its volumes: paths below the folder in which `*`, `?` and `[...]` stand for parts of a name", in: ["folder"])
    private var files: [String]
    @Key("expected_volumes", 1...1_000_000, "volumes that the published source has", in: ["folder"])
    private var expectedVolumes: Int?
    @Key("phantom", "the phantoms to generate", in: ["phantom"]) private var phantom: PhantomSettings

    public init() {}

    public var place: Place {
      switch kind {
      case .folder: .folder(path: folder, files: files, expectedVolumes: expectedVolumes)
      case .phantom: .phantom(phantom)
      }
    }
  }

  public func check(_ section: SectionReader) throws {
    guard window.lowerBound < window.upperBound else {
      throw section.contradiction(
        "window", "begins and ends with \(window.lowerBound), which leaves one value")
    }
    guard Set(sources.map(\.name)).count == sources.count else {
      throw section.contradiction("sources", "names a source twice")
    }
  }
}
