import Datasets
import Files
import Foundation
import Phantoms
import Pretraining
import Recipes
import Tensors

/// Images for pretraining, and the hash of what they depend on beside the recipe; empty when that is nothing.
struct IdentifiedImages {
  let images: PretrainingImages
  let digest: String
  /// Images that the sources hold, duplicates included.
  let found: Int
  /// How many the published collection has; nil for procedural images.
  let expected: Int?
}

/// Brings a pretraining's images from where they come from to tensors: makes procedural ones, curates slices.
public struct ImagePreparation {
  let context: RunContext
  let settings: ImageSettings

  public init(context: RunContext, settings: ImageSettings) {
    self.context = context
    self.settings = settings
  }

  /// The images, curated first if need be.
  func images() throws -> IdentifiedImages {
    switch settings {
    case .deadLeaves(let leaves): return Self.deadLeaves(leaves)
    case .slices(let slices): return try Self.images(curated(slices), slices)
    }
  }

  /// The images if they are there already.
  func existingImages() throws -> IdentifiedImages? {
    switch settings {
    case .deadLeaves(let leaves): return Self.deadLeaves(leaves)
    case .slices(let slices):
      guard let curation = try curation(slices, generating: false) else { return nil }
      return try curation.existing().map { try Self.images($0, slices) }
    }
  }

  /// The collection of slices, made from what its sources hold now; nil where the images are procedural.
  public func slices() throws -> CuratedSlices? {
    guard case .slices(let slices) = settings else { return nil }
    return try curated(slices)
  }

  // MARK: - Slices

  private func curated(_ settings: SliceSettings) throws -> CuratedSlices {
    let curation = try curation(settings, generating: true)!
    if let existing = try curation.existing() { return existing }
    let lock = try FolderLock(curation.folder, isCancelled: context.isCancelled) {
      context.say("waiting for \($0), which curates the same slices")
    }
    defer { withExtendedLifetime(lock) {} }
    context.say("Curating slices in \(curation.folder.path)")
    let stop = context.isCancelled
    // Threads other than ours ask, too; what they ask is a flag of the process.
    nonisolated(unsafe) let isCancelled = stop
    return try MemoryAdvice.curating.during {
      try curation.run(progress: context.progress("curating"), isCancelled: { isCancelled() })
    }
  }

  /// The curation of these settings; nil when phantoms are missing that must not be generated now.
  private func curation(_ settings: SliceSettings, generating: Bool) throws -> SliceCuration? {
    var sources: [SliceSource] = []
    for source in settings.sources {
      switch source.place {
      case .folder(let path, let files, let expected):
        // A source that isn't there leaves the others as they are.
        let folder = (context.workspace.userData ?? context.workspace.root).appendingPathComponent(path)
        sources.append(SliceSource(name: source.name, folder: folder, files: files, expectedVolumes: expected))
      case .phantom(let phantom):
        let preparation = DatasetPreparation(
          context: context, dataset: DatasetSettings(name: source.name, phantom: phantom))
        let dataset = try generating ? preparation.rawDataset() : preparation.existingRawDataset()
        guard let dataset else { return nil }
        // As in the real AMOS22, numbers from 501 on are MR.
        let files = phantom.kind == .amos22 ? "amos_0[0-4]*_0000.nii.gz" : "*_0000.nii.gz"
        sources.append(
          SliceSource(
            name: source.name, folder: dataset.raw.directory, files: ["imagesTr/\(files)"],
            expectedVolumes: nil))
      }
    }
    let own = SliceCuration.Settings(
      pixelMM: settings.pixelMM, size: settings.size, window: settings.window,
      volumesPerShard: settings.volumesPerShard)
    let name = Digest.sha256(of: settings.canonicalText).prefix(12)
    return SliceCuration(
      sources: sources, settings: own,
      folder: context.workspace.prepared.appendingPathComponent("slices-\(name)", isDirectory: true))
  }

  private static func images(_ slices: CuratedSlices, _ settings: SliceSettings) throws -> IdentifiedImages {
    guard slices.count > 0 else {
      throw DatasetError(
        "\(slices.folder.path): no source gave a slice; segbench dataset curate says what was found and refused.")
    }
    let images = PretrainingImages(
      count: slices.count, statistics: (settings.mean, settings.deviation), unit: settings.window
    ) { index in
      let slice = try slices.slice(index)
      return Tensor(slice.values.map { Float($0) }, shape: [slice.height, slice.width])
    }
    return IdentifiedImages(
      images: images, digest: slices.digest, found: slices.report.reduce(0) { $0 + $1.slices },
      expected: settings.expectedSlices)
  }

  // MARK: - Procedural images

  private static func deadLeaves(_ settings: DeadLeavesSettings) -> IdentifiedImages {
    let images = PretrainingImages(count: settings.count) { index in
      Tensor(
        DeadLeaves.image(
          seed: settings.seed, index: index, height: settings.size, width: settings.size, channels: .grey,
          style: settings.leaves),
        shape: [settings.size, settings.size])
    }
    return IdentifiedImages(images: images, digest: "", found: settings.count, expected: nil)
  }
}

extension SliceSettings {
  /// What decides which slices are made and how they lie in their folder, in a form of its own: the folder is named by its
  /// hash, which must not move when a type or a field is renamed. JSON, so that no name can pass for two.
  package var canonicalText: String {
    func phantom(_ settings: PhantomSettings) -> JSONValue {
      .object(
        [
          .init("kind", .string(settings.kind.rawValue)), .init("cases", .integer(settings.cases)),
          .init("seed", .string("\(settings.seed)")), .init("size", JSONValue(settings.size)),
        ] + (settings.style == .clinical ? [] : [.init("style", .string(settings.style.rawValue))]))
    }
    let sources = sources.map { source -> JSONValue in
      let place: JSONValue.Member =
        switch source.place {
        case .folder(let path, let files, _):
          .init("folder", .object([.init("path", .string(path)), .init("files", JSONValue(files))]))
        case .phantom(let settings): .init("phantom", phantom(settings))
        }
      return .object([.init("name", .string(source.name)), place])
    }
    return JSONValue.object([
      .init("pixel_mm", .number(pixelMM)), .init("slice_size", .integer(size)),
      .init("window", JSONValue([window.lowerBound, window.upperBound])),
      .init("volumes_per_shard", .integer(volumesPerShard)), .init("sources", .array(sources)),
    ]).text()
  }
}
