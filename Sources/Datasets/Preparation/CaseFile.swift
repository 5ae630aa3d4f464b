import Files
import Foundation
import Synchronization

/// One prepared case: an HDF5 file with `image` (float32, [C, Z, Y, X], a chunk a slice), `label` (int8, or int16 with more
/// than 128 classes, [Z, Y, X]; -1 outside the nonzero region), `class_locations/<n>` (int32, [N, 3]: z, y, x), voxels of the
/// n-th of the dataset's targets (label n, or the n-th region) or, for n = 0 and only where the dataset has an ignore label,
/// of all that is annotated, the `properties` that lead back to the image, and in `sha256` a digest of every slice and list,
/// which is checked when it is first read.
public final class CaseFile: Sendable {
  /// The number of the list of all annotated voxels.
  public static let annotatedVoxels = 0

  public let properties: CaseProperties
  private let file: HDF5File
  private let locationCounts: [Int: Int]
  /// Whether labels are stored in one byte.
  private let isNarrow: Bool
  /// Of each slice of each channel.
  private let imageDigests: [String]
  private let labelDigests: [String]
  /// The digests' names and places that have been checked.
  private let checked = Mutex<Set<String>>([])

  /// Opens a prepared case.
  /// - Throws: `FileError`, `HDF5Error`, or `DatasetError` when the file is HDF5 but no prepared case.
  public init(_ url: URL) throws {
    file = try HDF5File(reading: url)
    properties = try CaseProperties(file)
    let expected = [properties.channelCount] + properties.shape
    guard try file.shape(of: "image") == expected, try file.shape(of: "label") == properties.shape else {
      throw DatasetError(
        "\(url.path): the datasets image and label do not have the shape that the properties tell; prepare the "
          + "case anew."
      )
    }
    isNarrow = try file.elementType(of: "label") == .int8
    imageDigests = try file.digests(of: "image") ?? []
    labelDigests = try file.digests(of: "label") ?? []
    guard imageDigests.count == properties.channelCount * properties.shape[0], labelDigests.count == properties.shape[0]
    else { throw DatasetError("\(url.path): it lacks the digests of its slices; prepare the case anew.") }
    var counts: [Int: Int] = [:]
    if file.exists("class_locations") {
      for name in try file.names(in: "class_locations") {
        let shape = try file.shape(of: "class_locations/\(name)")
        guard let label = Int(name), (0...DatasetDescription.greatestClassCount).contains(label), shape.count == 2,
          shape[1] == 3
        else {
          throw DatasetError(
            "\(url.path): class_locations/\(name) should be a list of voxels of one class, three numbers each.")
        }
        counts[label] = shape[0]
      }
    }
    locationCounts = counts
  }

  /// The targets that occur, by their numbers from 1 on, ascending.
  public var classes: [Int] { locationCounts.keys.filter { $0 != Self.annotatedVoxels }.sorted() }

  /// Sampled voxels of a class, three numbers each: z, y, x. Empty when the class does not occur.
  public func classLocations(_ label: Int) throws -> [Int32] {
    guard locationCounts[label] != nil else { return [] }
    let locations = try file.read("class_locations/\(label)", as: Int32.self).values
    try check(locations[...], "class_locations/\(label)", 0) { try file.digests(of: "class_locations/\(label)")?.first }
    let shape = properties.shape
    for i in stride(from: 0, to: locations.count, by: 3) {
      for axis in 0..<3 where locations[i + axis] < 0 || Int(locations[i + axis]) >= shape[axis] {
        throw DatasetError(
          "\(file.path): class_locations/\(label) has a voxel outside the image; prepare the case anew.")
      }
    }
    return locations
  }

  /// One slice of all channels, [C, Y, X].
  public func imageSlice(_ z: Int) throws -> [Float] {
    precondition(
      properties.shape.indices.contains(0) && (0..<properties.shape[0]).contains(z), "slice \(z) of \(properties.shape)"
    )
    let values = try file.read(
      "image", as: Float.self, start: [0, z, 0, 0],
      count: [properties.channelCount, 1, properties.shape[1], properties.shape[2]])
    let area = properties.shape[1] * properties.shape[2]
    for channel in 0..<properties.channelCount {
      let place = channel * properties.shape[0] + z
      try check(values[(channel * area)..<((channel + 1) * area)], "image", place) { imageDigests[place] }
    }
    return values
  }

  /// One slice of the label map, [Y, X]; -1 outside the nonzero region.
  public func labelSlice(_ z: Int) throws -> [Int16] {
    precondition((0..<properties.shape[0]).contains(z), "slice \(z) of \(properties.shape)")
    let (start, count) = ([z, 0, 0], [1, properties.shape[1], properties.shape[2]])
    if isNarrow {
      let values = try file.read("label", as: Int8.self, start: start, count: count)
      try check(values[...], "label", z) { labelDigests[z] }
      return values.map { Int16($0) }
    }
    let values = try file.read("label", as: Int16.self, start: start, count: count)
    try check(values[...], "label", z) { labelDigests[z] }
    return values
  }

  /// Compares values with the digest they were stored with, the first time they are read.
  private func check<Element: HDF5Element>(
    _ values: ArraySlice<Element>, _ name: String, _ place: Int, _ digest: () throws -> String?
  ) throws {
    let key = "\(name) \(place)"
    if checked.withLock({ $0.contains(key) }) { return }
    guard try values.withUnsafeBytes({ Digest.sha256(of: $0) }) == digest() else {
      throw DatasetError(
        "\(file.path): \(name) (\(place)) is not what was prepared: its SHA-256 differs; remove the file, and the case is "
          + "prepared anew.")
    }
    checked.withLock { _ = $0.insert(key) }
  }
}

extension CaseProperties {
  private static let group = "properties"

  func write(to file: HDF5File) throws {
    let group = Self.group
    try file.createGroup(group)
    try file.setAttribute("format", of: group, to: "segbench case 3")
    try file.setAttribute("name", of: group, to: name)
    try file.setAttribute("key", of: group, to: key)
    try file.setAttribute("channels", of: group, to: channelCount)
    try file.setAttribute("shape", of: group, to: shape)
    try file.setAttribute("spacing", of: group, to: spacing)
    try file.setAttribute("original_shape", of: group, to: originalShape)
    try file.setAttribute("original_spacing", of: group, to: originalSpacing)
    try file.setAttribute("bounds_start", of: group, to: bounds.map(\.lowerBound))
    try file.setAttribute("bounds_end", of: group, to: bounds.map(\.upperBound))
    try file.setAttribute("transpose_forward", of: group, to: transposeForward)
    try file.setAttribute("has_reference", of: group, to: hasReference ? 1 : 0)
  }

  init(_ file: HDF5File) throws {
    let group = Self.group
    guard file.exists(group), file.hasAttribute("format", of: group),
      try file.attribute("format", of: group) == "segbench case 3"
    else { throw DatasetError("\(file.path): this HDF5 file is no prepared case; prepare the dataset anew.") }
    func whole(_ name: String) throws -> [Int] { try file.attribute(name, of: group, as: Int.self) }
    func numbers(_ name: String) throws -> [Double] { try file.attribute(name, of: group, as: Double.self) }
    name = try file.attribute("name", of: group)
    key = try file.attribute("key", of: group)
    channelCount = try whole("channels").first ?? 0
    shape = try whole("shape")
    spacing = try numbers("spacing")
    originalShape = try whole("original_shape")
    originalSpacing = try numbers("original_spacing")
    bounds = []
    let starts = try whole("bounds_start")
    let ends = try whole("bounds_end")
    transposeForward = try whole("transpose_forward")
    hasReference = try whole("has_reference").first == 1
    let threes = [shape, originalShape, starts, ends, transposeForward]
    guard threes.allSatisfy({ $0.count == 3 }), spacing.count == 3, originalSpacing.count == 3,
      (shape + originalShape).allSatisfy({ (1...65536).contains($0) }), transposeForward.sorted() == [0, 1, 2],
      (0..<3).allSatisfy({ starts[$0] >= 0 && starts[$0] < ends[$0] && ends[$0] <= originalShape[$0] }),
      (spacing + originalSpacing).allSatisfy({ $0 > 0 && $0.isFinite }),
      (1...DatasetDescription.greatestChannelCount).contains(channelCount)
    else { throw DatasetError("\(file.path): the properties contradict one another; prepare the case anew.") }
    bounds = (0..<3).map { starts[$0]..<ends[$0] }
  }
}
