/// What an encoder sees in pretraining.
public enum ImageSettings: Sendable, Equatable {
  case deadLeaves(DeadLeavesSettings)
  case slices(SliceSettings)

  init(_ reader: SectionReader) throws {
    self =
      reader.text("kind") == "dead-leaves"
      ? .deadLeaves(DeadLeavesSettings(reader)) : .slices(try SliceSettings(reader))
  }
}

/// Procedural images with natural-image statistics.
public struct DeadLeavesSettings: Sendable, Equatable {
  public let count: Int
  /// Pixels along a side.
  public let size: Int
  public let seed: UInt64

  init(_ reader: SectionReader) {
    count = reader.integer("count")
    size = reader.integer("size")
    seed = UInt64(reader.integer("seed"))
  }
}

/// Axial slices of CT volumes from several sources.
public struct SliceSettings: Sendable, Equatable {
  /// Where volumes come from.
  public struct Source: Sendable, Equatable {
    public enum Place: Sendable, Equatable {
      /// A folder below `SEGBENCH_DATA`, paths below it in which `*`, `?` and `[...]` stand for parts of a name, and how many
      /// volumes the published source has.
      case folder(path: String, files: [String], expectedVolumes: Int?)
      case phantom(PhantomSettings)
    }

    public let name: String
    public let place: Place

    init(_ reader: SectionReader) {
      name = reader.text("name")
      place =
        reader.text("source") == "folder"
        ? .folder(
          path: reader.text("folder"), files: reader.textItems("files"),
          expectedVolumes: reader.has("expected_volumes") ? reader.integer("expected_volumes") : nil)
        : .phantom(PhantomSettings(reader.section("phantom")))
    }
  }

  public let sources: [Source]
  /// Spacing in plane that slices are resampled to before they are resized.
  public let pixelMM: Double
  /// Pixels along a stored slice's side.
  public let size: Int
  /// HU below and above are set to its ends.
  public let window: ClosedRange<Double>
  /// Slices are handed out as (HU - mean) / deviation.
  public let mean: Double
  public let deviation: Double
  public let volumesPerShard: Int
  /// Slices that the published collection has.
  public let expectedSlices: Int?

  init(_ reader: SectionReader) throws {
    sources = reader.sections("sources").map(Source.init)
    pixelMM = reader.number("pixel_mm")
    size = reader.integer("slice_size")
    window = try reader.range("window")
    guard window.lowerBound < window.upperBound else {
      throw reader.contradiction("window", "begins and ends with \(window.lowerBound), which leaves one value")
    }
    mean = reader.number("mean")
    deviation = reader.number("deviation")
    volumesPerShard = reader.integer("volumes_per_shard")
    expectedSlices = reader.has("expected_slices") ? reader.integer("expected_slices") : nil
    guard Set(sources.map(\.name)).count == sources.count else {
      throw reader.contradiction("sources", "names a source twice")
    }
  }
}
