import Files
import Foundation
import Synchronization

/// Brings axial slices of many CT volumes together: to one spacing and one size, in shards of HDF5 with an index that
/// leaves out what occurs twice. Runs in parallel, a volume in memory for each thread; an interrupted one goes on with the
/// shards that are missing.
public struct SliceCuration: Sendable {
  public struct Settings: Sendable, Equatable {
    /// Spacing in plane that slices are resampled to before they are resized, in mm.
    public var pixelMM: Double
    /// Pixels along a stored slice's side.
    public var size: Int
    /// HU below and above are set to its ends; within the range of 16 bits.
    public var window: ClosedRange<Double>
    public var volumesPerShard: Int

    public init(pixelMM: Double, size: Int, window: ClosedRange<Double>, volumesPerShard: Int) {
      precondition(pixelMM > 0 && size > 0 && volumesPerShard > 0, "slices of a size")
      precondition(window.lowerBound >= -32768 && window.upperBound <= 32767, "a window of 16 bits")
      self.pixelMM = pixelMM
      self.size = size
      self.window = window
      self.volumesPerShard = volumesPerShard
    }

    var text: String { "slices 1: \(pixelMM) mm, \(size) pixels, \(window.lowerBound) to \(window.upperBound) HU" }
  }

  public let sources: [SliceSource]
  public let settings: Settings
  /// Where shards and index go.
  public let folder: URL

  /// - Parameter sources: in the order in which, of equal slices, the first is taken.
  public init(sources: [SliceSource], settings: Settings, folder: URL) {
    self.sources = sources
    self.settings = settings
    self.folder = folder
  }

  /// The collection, if it is there already and was made from what the sources hold now.
  /// - Throws: `HDF5Error`, `FileError`, `DatasetError` when its files are damaged.
  public func existing() throws -> CuratedSlices? {
    let index = folder.appendingPathComponent("index.h5")
    guard FileManager.default.fileExists(atPath: index.path) else { return nil }
    let curated = try CuratedSlices(folder: folder)
    return curated.key == (try key(shards())) ? curated : nil
  }

  /// Makes what is missing of the collection.
  /// - Parameter isCancelled: asked before each volume; true ends it with `CancellationError`, finished shards stay.
  /// - Throws: `FileError` about files that cannot be written; volumes that cannot be read are in the report instead.
  public func run(
    workers: Int = ProcessInfo.processInfo.activeProcessorCount, progress: Files.Progress = .silent,
    isCancelled: @escaping @Sendable () -> Bool = { false }
  ) throws -> CuratedSlices {
    if let done = try existing() { return done }
    let shards = try shards()
    try makeFolder(folder)
    let total = shards.reduce(0) { $0 + $1.volumes.count }
    let state = Mutex((volumes: 0, slices: 0, seconds: 0.0))
    let start = ContinuousClock.now
    _ = try concurrentMap(shards.count, workers: workers) { index in
      let shard = shards[index]
      func report(_ volumes: Int, _ slices: Int) {
        let (done, note) = state.withLock { state in
          state.volumes += volumes
          state.slices += slices
          let rate = Double(state.slices) / max(1e-9, (ContinuousClock.now - start) / .seconds(1))
          return (state.volumes, "\(state.slices) slices, \(Int(rate.rounded())) a second")
        }
        progress(done, of: total, note: note)
      }
      if shard.isDone(url(index)) { return report(shard.volumes.count, 0) }
      try shard.write(
        to: url(index), check: { if isCancelled() { throw CancellationError() } }, onVolume: { report(1, $0) })
    }
    try removeOthers(than: shards.count)
    try SliceIndex.write(shards: shards.indices.map(url), of: shards, sources: sources, key: key(shards), in: folder)
    return try CuratedSlices(folder: folder)
  }

  // MARK: - Shards

  static func shardName(_ index: Int) -> String {
    "shard-" + String(repeating: "0", count: max(0, 6 - String(index).count)) + "\(index).h5"
  }

  private func url(_ index: Int) -> URL { folder.appendingPathComponent(Self.shardName(index)) }

  private func key(_ shards: [SliceShard]) -> String {
    Digest.sha256(of: shards.map(\.key).joined(separator: "\n"))
  }

  /// The volumes of all sources in order, some to a shard; a shard holds one source's.
  private func shards() throws -> [SliceShard] {
    try sources.flatMap { source -> [SliceShard] in
      let volumes = try source.paths().map { path -> SliceShard.Volume in
        let url = source.folder.appendingPathComponent(path)
        let attributes = try FileManager.default.attributesOfItem(atPath: url.resolvingSymlinksInPath().path)
        let modified = (attributes[.modificationDate] as? Date)?.timeIntervalSince1970 ?? 0
        return SliceShard.Volume(
          source: source.name, path: path, url: url, stamp: "\((attributes[.size] as? Int) ?? 0) \(modified)")
      }
      return stride(from: 0, to: volumes.count, by: settings.volumesPerShard).map { first in
        SliceShard(
          settings: settings, volumes: Array(volumes[first..<min(first + settings.volumesPerShard, volumes.count)]))
      }
    }
  }

  /// Shards of an earlier, larger collection are in nobody's index.
  private func removeOthers(than count: Int) throws {
    let wanted = Set((0..<count).map(Self.shardName))
    for name in try FileManager.default.contentsOfDirectory(atPath: folder.path)
    where name.hasPrefix("shard-") && !wanted.contains(name) {
      try FileManager.default.removeItem(at: folder.appendingPathComponent(name))
    }
  }
}
