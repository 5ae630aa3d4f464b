import Files
import Foundation
import Synchronization

/// A collection of CT slices, opened for reading.
public final class CuratedSlices: Sendable {
  public let folder: URL
  /// Of the content of all its slices, in order.
  public let digest: String
  /// What each source gave, in order.
  public let report: [SliceSourceReport]
  /// What it was made from.
  let key: String
  private let entries: [Int32]
  private let shards: [String]
  /// The shards read last, at most as many as any system lets a process keep open.
  private let open = Mutex<[(shard: Int, file: HDF5File)]>([])
  private static let openLimit = 64

  /// How many slices there are.
  public var count: Int { entries.count / 3 }

  /// - Throws: `DatasetError` when the folder holds no sound collection, `HDF5Error`, `FileError`.
  public init(folder: URL) throws {
    self.folder = folder
    let url = folder.appendingPathComponent("index.h5")
    let file = try HDF5File(reading: url)
    guard (try? file.attribute("format", of: "/")) == SliceIndex.format else {
      throw DatasetError("\(url.path): not the index of a collection of slices; remove the folder and curate again.")
    }
    key = try file.attribute("key", of: "/")
    digest = try file.attribute("digest", of: "/")
    let shards = try file.readTexts("shards")
    let (shape, entries) = try file.read("entries", as: Int32.self)
    guard shape.count == 2, shape[1] == 3,
      stride(from: 0, to: entries.count, by: 3).allSatisfy({
        shards.indices.contains(Int(entries[$0])) && entries[$0 + 1] >= 0 && entries[$0 + 2] >= 0
      }), shards.allSatisfy({ !$0.contains("/") }),
      let report = try? JSONDecoder().decode([SliceSourceReport].self, from: Data(file.readText("report").utf8))
    else { throw DatasetError("\(url.path): damaged; remove the folder and curate again.") }
    self.shards = shards
    self.entries = entries
    self.report = report
  }

  /// The height and width of a slice, and its HU row by row.
  /// - Throws: `DatasetError` when the shard is not the one the index was made of, `HDF5Error`, `FileError`.
  public func slice(_ index: Int) throws -> (height: Int, width: Int, values: [Int16]) {
    precondition((0..<count).contains(index), "slice \(index) of \(count)")
    let (shard, volume, slice) = (Int(entries[3 * index]), entries[3 * index + 1], Int(entries[3 * index + 2]))
    let file = try file(shard)
    let name = "\(volume)/slices"
    let shape = try file.shape(of: name)
    guard shape.count == 3, slice < shape[0] else {
      throw DatasetError("\(file.path): has no slice \(slice) in \(name); remove the folder and curate again.")
    }
    return (shape[1], shape[2], try file.read(name, as: Int16.self, at: [slice]))
  }

  private func file(_ shard: Int) throws -> HDF5File {
    try open.withLock { open in
      if let place = open.firstIndex(where: { $0.shard == shard }) { return open[place].file }
      let file = try HDF5File(reading: folder.appendingPathComponent(shards[shard]))
      if open.count == Self.openLimit { open.removeFirst() }
      open.append((shard, file))
      return file
    }
  }
}
