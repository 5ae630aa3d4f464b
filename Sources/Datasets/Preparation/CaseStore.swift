import Files
import Foundation
import Synchronization

/// A folder of prepared cases. Any thread may read; slices and lists of voxels read lately stay in memory, up to a
/// bound.
public final class CaseStore: Sendable {
  /// An image slice [C, Y, X] and its label slice [Y, X].
  public final class Slice: Sendable {
    public let image: [Float]
    /// 0 is the background, -1 what lies outside the nonzero region.
    public let labels: [Int16]
    init(image: [Float], labels: [Int16]) {
      self.image = image
      self.labels = labels
    }
    var byteCount: Int { image.count * 4 + labels.count * 2 }
  }

  /// A rectangle of one slice: `image` [C, height, width], `labels` [height, width]. Beyond the slice the image is 0
  /// and the label -1, as nnU-Net pads.
  public struct Patch: Sendable {
    public var image: [Float]
    public var labels: [Int16]
  }

  public let directory: URL
  /// The cases' names, sorted.
  public let names: [String]

  private struct Voxels: Sendable { let list: [Int32] }
  private let files: Mutex<BoundedCache<String, CaseFile>>
  private let slices: Mutex<BoundedCache<SliceKey, Slice>>
  private let voxels: Mutex<BoundedCache<SliceKey, Voxels>>

  /// A slice of a case, or a class of it.
  private struct SliceKey: Hashable {
    var name: String
    var index: Int
  }

  /// Opens a folder.
  /// - Parameters:
  ///   - names: the cases that must be there; all that are, when nil.
  ///   - cacheBytes: how much memory slices may stay in.
  /// - Throws: `DatasetError` when a case is missing or there is none.
  public init(directory: URL, names: [String]? = nil, cacheBytes: Int = 1 << 30) throws {
    self.directory = directory
    guard let entries = try FolderListing.ifReadable(directory) else {
      throw DatasetError("\(directory.path): there is no such folder; a folder of prepared cases is needed.")
    }
    let there = Set(entries.names.filter { $0.hasSuffix(".h5") }.map { String($0.dropLast(3)) })
    if let missing = names?.first(where: { !there.contains($0) }) {
      throw DatasetError("\(directory.path): the prepared case \(missing).h5 is missing; prepare the dataset.")
    }
    self.names = (names ?? Array(there)).sorted { $0.unicodeScalars.lexicographicallyPrecedes($1.unicodeScalars) }
    guard !self.names.isEmpty else {
      throw DatasetError("\(directory.path): no prepared case lies there; prepare the dataset.")
    }
    files = Mutex(BoundedCache(limit: 128))
    slices = Mutex(BoundedCache(limit: cacheBytes))
    voxels = Mutex(BoundedCache(limit: 256 << 20))
  }

  /// The prepared case of a name.
  public func file(_ name: String) throws -> CaseFile {
    if let file = files.withLock({ $0[name] }) { return file }
    let file = try CaseFile(directory.appendingPathComponent(name + ".h5"))
    files.withLock { $0.insert(file, for: name, cost: 1) }
    return file
  }

  public func properties(_ name: String) throws -> CaseProperties { try file(name).properties }

  /// The classes that occur in a case, ascending, without the background.
  public func classes(_ name: String) throws -> [Int] { try file(name).classes }

  /// Sampled voxels of a class in a case, three numbers each: z, y, x. Empty when it does not occur.
  public func classLocations(_ name: String, class label: Int) throws -> [Int32] {
    let key = SliceKey(name: name, index: label)
    if let found = voxels.withLock({ $0[key] }) { return found.list }
    let list = try file(name).classLocations(label)
    voxels.withLock { $0.insert(Voxels(list: list), for: key, cost: 4 * list.count + 64) }
    return list
  }

  /// One slice.
  public func slice(_ name: String, z: Int) throws -> Slice {
    let key = SliceKey(name: name, index: z)
    if let slice = slices.withLock({ $0[key] }) { return slice }
    let file = try file(name)
    let slice = Slice(image: try file.imageSlice(z), labels: try file.labelSlice(z))
    slices.withLock { $0.insert(slice, for: key, cost: slice.byteCount) }
    return slice
  }

  /// A rectangle of one slice whose upper left corner is at (`y`, `x`), which may lie beyond the slice on any side.
  public func patch(_ name: String, z: Int, y: Int, x: Int, height: Int, width: Int) throws -> Patch {
    let properties = try properties(name)
    let slice = try slice(name, z: z)
    let (rows, columns) = (properties.shape[1], properties.shape[2])
    var patch = Patch(
      image: [Float](repeating: 0, count: properties.channelCount * height * width),
      labels: [Int16](repeating: -1, count: height * width))
    let fromX = max(0, x)
    let toX = min(columns, x + width)
    guard fromX < toX else { return patch }
    slice.image.withUnsafeBufferPointer { image in
      slice.labels.withUnsafeBufferPointer { labels in
        patch.image.withUnsafeMutableBufferPointer { out in
          patch.labels.withUnsafeMutableBufferPointer { outLabels in
            for row in max(0, y)..<max(max(0, y), min(rows, y + height)) {
              let target = (row - y) * width + fromX - x
              let count = toX - fromX
              for channel in 0..<properties.channelCount {
                (out.baseAddress! + channel * height * width + target)
                  .update(from: image.baseAddress! + (channel * rows + row) * columns + fromX, count: count)
              }
              (outLabels.baseAddress! + target).update(from: labels.baseAddress! + row * columns + fromX, count: count)
            }
          }
        }
      }
    }
    return patch
  }
}

/// A dictionary that forgets what was used longest ago once its costs exceed a limit.
private struct BoundedCache<Key: Hashable & Sendable, Value: Sendable>: Sendable {
  private struct Entry {
    var value: Value
    var cost: Int
    var lastUse: UInt64
  }
  private var entries: [Key: Entry] = [:]
  private var cost = 0
  private var clock: UInt64 = 0
  private let limit: Int

  init(limit: Int) { self.limit = limit }

  subscript(key: Key) -> Value? {
    mutating get {
      clock += 1
      guard let index = entries.index(forKey: key) else { return nil }
      entries.values[index].lastUse = clock
      return entries.values[index].value
    }
  }

  mutating func insert(_ value: Value, for key: Key, cost added: Int) {
    clock += 1
    if let old = entries[key] { cost -= old.cost }
    entries[key] = Entry(value: value, cost: added, lastUse: clock)
    cost += added
    guard cost > limit else { return }
    // An eighth at once, so that the search for the oldest is seldom.
    for (key, entry) in entries.map({ ($0.key, $0.value) }).sorted(by: { $0.1.lastUse < $1.1.lastUse }) {
      guard cost > limit - limit / 8, entries.count > 1 else { break }
      entries[key] = nil
      cost -= entry.cost
    }
  }
}
