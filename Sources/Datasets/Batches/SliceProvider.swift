/// Where a batch source finds its cases: prepared volumes that are read slice by slice. Any thread may call it.
public protocol SliceProvider: Sendable {
  /// How many cases there are; at least one.
  var caseCount: Int { get }
  /// How many channels every case has.
  var channelCount: Int { get }
  /// The size [Z, Y, X] of a case.
  func shape(ofCase index: Int) throws -> [Int]
  /// The targets that have places listed in a case, ascending by their numbers from 1 on: labels, or regions.
  func classes(ofCase index: Int) throws -> [Int]
  /// Places of a target in a case: z, y, x after one another; target 0 is all that is annotated, listed only where there is
  /// an ignore label.
  func locations(ofCase index: Int, class label: Int) throws -> [Int32]
  /// Reads a rectangle of slice `z` whose corner (`y`, `x`) may lie beyond the slice on any side: out there the image is 0
  /// and the label -1.
  /// - Parameters:
  ///   - image: receives [channels, height, width].
  ///   - labels: receives [height, width].
  func readPatch(
    ofCase index: Int, z: Int, y: Int, x: Int, height: Int, width: Int, image: UnsafeMutablePointer<Float>,
    labels: UnsafeMutablePointer<Int16>
  ) throws
}

/// Some of the prepared cases of a store, such as a fold's training cases.
public struct PreparedCases: SliceProvider {
  public let store: CaseStore
  /// The cases' names, in the order of their numbers.
  public let names: [String]
  public let channelCount: Int

  /// - Parameter names: all cases of the store when nil.
  /// - Throws: what reading the cases' properties throws, and `DatasetError` when they differ in their number of channels.
  public init(store: CaseStore, names: [String]? = nil) throws {
    let names = names ?? store.names
    precondition(!names.isEmpty, "no prepared case")
    self.store = store
    self.names = names
    channelCount = try store.properties(names[0]).channelCount
    for name in names.dropFirst() {
      let count = try store.properties(name).channelCount
      if count != channelCount {
        throw DatasetError(
          "\(store.directory.path): the prepared case \(name) has \(count) channels and \(names[0]) has \(channelCount); all must have as many."
        )
      }
    }
  }

  public var caseCount: Int { names.count }

  public func shape(ofCase index: Int) throws -> [Int] { try store.properties(names[index]).shape }

  public func classes(ofCase index: Int) throws -> [Int] { try store.classes(names[index]) }

  public func locations(ofCase index: Int, class label: Int) throws -> [Int32] {
    try store.classLocations(names[index], class: label)
  }

  public func readPatch(
    ofCase index: Int, z: Int, y: Int, x: Int, height: Int, width: Int, image: UnsafeMutablePointer<Float>,
    labels: UnsafeMutablePointer<Int16>
  ) throws {
    let patch = try store.patch(names[index], z: z, y: y, x: x, height: height, width: width)
    patch.image.withUnsafeBufferPointer { image.update(from: $0.baseAddress!, count: $0.count) }
    patch.labels.withUnsafeBufferPointer { labels.update(from: $0.baseAddress!, count: $0.count) }
  }
}
