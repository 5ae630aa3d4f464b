import Files
import Foundation

/// What a collection took from a source.
public struct SliceSourceReport: Sendable, Equatable, Codable {
  public var name: String
  /// Whether its folder is there.
  public var isPresent: Bool
  /// Volumes that the published source has.
  public var expectedVolumes: Int?
  /// Volumes found, and slices in those that could be read.
  public var volumes: Int
  public var slices: Int
  /// Slices that the index has.
  public var taken: Int
  /// Slices left out because one of equal content came before.
  public var duplicates: Int
  /// Volumes that could not be used, and why.
  public var refused: [String]
}

/// The index of a collection: which slices of which shards are in it.
///
///     /            attributes: format, key (what it was made from), digest (of all slices' content, in order)
///     /entries     int32 [N, 3]: shard, volume in the shard, slice in the volume
///     /shards      texts: files beside the index
///     /report      JSON: what each source gave
enum SliceIndex {
  static let format = "segbench slices 1"

  static func write(shards urls: [URL], of shards: [SliceShard], sources: [SliceSource], key: String, in folder: URL)
    throws
  {
    var seen: Set<SIMD2<Int64>> = []
    var entries: [Int32] = []
    var reports = sources.map {
      SliceSourceReport(
        name: $0.name, isPresent: $0.isPresent, expectedVolumes: $0.expectedVolumes, volumes: 0, slices: 0, taken: 0,
        duplicates: 0, refused: [])
    }
    var stream = SHA256Stream()
    for (index, shard) in shards.enumerated() {
      let file = try HDF5File(reading: urls[index])
      let refusals = try file.readTexts("refusals")
      guard refusals.count == shard.volumes.count else {
        throw DatasetError("\(urls[index].path): damaged; remove it and curate again.")
      }
      let place = reports.firstIndex { $0.name == shard.volumes[0].source }!
      for volume in shard.volumes.indices {
        reports[place].volumes += 1
        guard refusals[volume].isEmpty else {
          reports[place].refused.append(refusals[volume])
          continue
        }
        let digests = try file.read("\(volume)/digests", as: Int64.self).values
        reports[place].slices += digests.count / 2
        for slice in 0..<digests.count / 2 {
          let digest = SIMD2(digests[2 * slice], digests[2 * slice + 1])
          guard seen.insert(digest).inserted else {
            reports[place].duplicates += 1
            continue
          }
          withUnsafeBytes(of: digest) { stream.update($0) }
          entries += [Int32(index), Int32(volume), Int32(slice)]
          reports[place].taken += 1
        }
      }
    }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
    let report = String(decoding: try encoder.encode(reports), as: UTF8.self)
    let digest = stream.finish()
    try HDF5File.create(folder.appendingPathComponent("index.h5")) { file in
      try file.setAttribute("format", of: "/", to: format)
      try file.setAttribute("key", of: "/", to: key)
      try file.setAttribute("digest", of: "/", to: digest)
      try file.write(entries, shape: [entries.count / 3, 3], to: "entries")
      try file.write(texts: urls.map(\.lastPathComponent), to: "shards")
      try file.write(text: report, to: "report")
    }
  }
}
