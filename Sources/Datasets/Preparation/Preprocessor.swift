import Files
import Foundation
import Imaging

extension Plans {
  /// How many voxels an image has once its slices, across the plan's first axis, are brought to a configuration's spacing;
  /// cropping left aside.
  public func preparedVoxels(_ header: NIfTIHeader, for configuration: Configuration) -> Double {
    let old = transposeForward.map { header.spacing[$0] }
    let new = [old[0]] + configuration.spacing
    return (0..<3).reduce(1.0) { $0 * Double(header.shape[transposeForward[$1]]) * old[$1] / new[$1] }
  }
}

/// Turns raw cases into prepared ones as nnU-Net v2 does: axes in the plan's order, cropped to the nonzero region,
/// normalised, resampled within slices to the configuration's spacing; one HDF5 file a case, read by `CaseStore`.
public struct Preprocessor: Sendable {
  public let configuration: Plans.Configuration
  public let transposeForward: [Int]
  public let intensities: [IntensityProperties]
  public let description: DatasetDescription
  /// SHA-256 by path of raw files that were hashed already; other files are read for it.
  public let digests: [String: String]

  /// Changes whenever the same input would give other prepared data than before.
  public static let version = 4

  /// - Throws: `DatasetError` when the plans lack the configuration or have other channels than the dataset.
  public init(
    plans: Plans, configuration name: String, description: DatasetDescription, digests: [String: String] = [:]
  ) throws {
    self.digests = digests
    configuration = try plans.configuration(name)
    transposeForward = plans.transposeForward
    intensities = plans.intensities
    self.description = description
    guard intensities.count == description.channelNames.count else {
      throw DatasetError(
        "The plans of \(plans.datasetName) have \(intensities.count) channels, dataset.json has "
          + "\(description.channelNames.count); plan this dataset anew."
      )
    }
  }

  /// The hash of everything the prepared form of a case depends on: its files' content and the plan's numbers.
  public func key(of source: RawDataset.Case) throws -> String {
    let files = try (source.images + [source.label].compactMap { $0 }).map {
      try digests[$0.path] ?? Digest.sha256(ofContentOf: $0)
    }
    var content: JSONValue = [
      "version": .integer(Self.version),
      "images": JSONValue(Array(files.prefix(source.images.count))),
      "label": source.label == nil ? nil : .string(files.last!),
      "transpose": JSONValue(transposeForward),
      "spacing": JSONValue(configuration.spacing),
      "normalization": JSONValue(configuration.normalizations.map(\.rawValue)),
      "mask": .array(configuration.usesMaskForNormalization.map { .bool($0) }),
      "intensities": IntensityProperties.json(intensities),
      "classes": .integer(description.classCount),
    ]
    // What the lists of voxels are of; labels need no more words.
    if description.learnsRegions { content["regions"] = .array(description.targets.map { JSONValue($0.labels) }) }
    if let ignoreLabel = description.ignoreLabel { content["ignore"] = .integer(ignoreLabel) }
    return Digest.sha256(of: Data(content.text().utf8))
  }

  /// The hash of a whole dataset's prepared form: a name for its folder that two recipes with the same needs share.
  public func key(of cases: [RawDataset.Case], workers: Int = ProcessInfo.processInfo.activeProcessorCount) throws
    -> String
  {
    let keys = try concurrentMap(cases.count, workers: workers) { try cases[$0].name + " " + key(of: cases[$0]) }
    return Digest.sha256(of: Data(keys.joined(separator: "\n").utf8))
  }

  /// Prepares cases into a folder, several at a time. A case whose file is there and was made from the same input is
  /// left as it is, so that an interrupted run goes on where it stopped.
  /// - Throws: what reading a case throws, `DatasetError`, or what writing throws. Cases finished before stay.
  @discardableResult
  public func prepare(
    _ cases: [RawDataset.Case], into folder: URL, workers: Int = ProcessInfo.processInfo.activeProcessorCount,
    progress: Files.Progress = .silent
  ) throws -> CaseStore {
    try makeFolder(folder)
    let counter = ProgressCounter(total: cases.count, progress: progress)
    let (atOnce, threads) = CaseMemory.divide(cases, workers: workers)
    _ = try concurrentMap(cases.count, workers: atOnce) { index in
      let source = cases[index]
      let url = folder.appendingPathComponent(source.name + ".h5")
      let key = try key(of: source)
      if (try? CaseFile(url))?.properties.key != key { try prepare(source, key: key, to: url, workers: threads) }
      counter.advance(note: source.name)
    }
    return try CaseStore(directory: folder, names: cases.map(\.name))
  }

  /// Prepares one case, with or without a label map, as the file at `url`.
  public func prepare(
    _ source: RawDataset.Case, to url: URL, workers: Int = ProcessInfo.processInfo.activeProcessorCount
  ) throws {
    try prepare(source, key: key(of: source), to: url, workers: workers)
  }

  private func prepare(_ source: RawDataset.Case, key: String, to url: URL, workers: Int) throws {
    let volumes = try CaseVolumes(source)
    guard volumes.images.count == intensities.count else {
      throw DatasetError(
        "\(source.name): \(volumes.images.count) images were given; the plans have \(intensities.count) channels.")
    }
    let cropped = CroppedCase(volumes, transposeForward: transposeForward)
    let job = try PreparationJob(cropped, preprocessor: self, workers: workers)
    let properties = CaseProperties(
      name: source.name, channelCount: volumes.images.count, shape: job.shape, spacing: job.spacing,
      originalShape: cropped.originalShape, originalSpacing: cropped.originalSpacing, bounds: cropped.bounds,
      transposeForward: transposeForward, hasReference: volumes.label != nil, key: key)
    try HDF5File.create(url) { file in
      try job.writeImage(to: file)
      let foreground = try job.writeLabels(to: file)
      if volumes.label != nil { try job.writeClassLocations(foreground, to: file) }
      try properties.write(to: file)
    }
  }
}
