import Files
import Foundation
import Imaging

/// A dataset in nnU-Net v2's raw layout: `dataset.json`, `imagesTr/CASE_0000.nii.gz` (one file a channel) and
/// `labelsTr/CASE.nii.gz`; images to predict, if any, in `imagesTs`.
public struct RawDataset: Sendable {
  /// One scan: a file for each channel, and its reference label map where it has one.
  public struct Case: Sendable, Equatable {
    public var name: String
    public var images: [URL]
    public var label: URL?
    public init(name: String, images: [URL], label: URL?) {
      self.name = name
      self.images = images
      self.label = label
    }
  }

  public let directory: URL
  public private(set) var description: DatasetDescription
  /// The training cases, sorted by name. Files that are missing are named all the same: reading them, or
  /// `DatasetVerifier`, says so.
  public let cases: [Case]
  /// The cases of `imagesTs`, sorted by name, without labels.
  public let testCases: [Case]

  /// The folder's name, such as `Dataset219_AMOS22`.
  public var name: String { directory.standardizedFileURL.lastPathComponent }

  /// Opens a dataset.
  /// - Throws: `DatasetError` or `JSONError` when `dataset.json` or `imagesTr` is missing or malformed, or there is no
  ///   case.
  public init(directory: URL) throws {
    self.directory = directory
    guard Self.isDirectory(directory) else {
      throw DatasetError("\(directory.path): there is no such folder; a dataset in nnU-Net's layout is needed.")
    }
    let file = directory.appendingPathComponent("dataset.json")
    let document = try JSONValue.read(file)
    description = try DatasetDescription(document, path: file.path)
    if let problem = Self.filesNamedElsewhere(document, path: file.path) { throw DatasetError(problem) }
    let contents = try Self.contents(of: directory, description)
    if let problem = contents.problems.first { throw DatasetError(problem) }
    (cases, testCases) = (contents.cases, contents.testCases)
  }

  /// The same with another kind of targets; nil leaves what `dataset.json` has.
  /// - Throws: `DatasetError` when it has no regions and they are asked for.
  public func learning(_ kind: TargetKind?) throws -> RawDataset {
    var copy = self
    copy.description = try description.learning(kind, path: directory.appendingPathComponent("dataset.json").path)
    return copy
  }

  /// The axis [Z, Y, X] across which a plan of this dataset has its slices: that of the greatest median spacing of the
  /// training cases. Reads their headers.
  /// - Throws: what reading a header throws.
  public func sliceAxis() throws -> Int {
    let spacings = try cases.compactMap { try $0.images.first.map { try NIfTI.readHeader($0).spacing } }
    return SlicePlane.axis(ofGreatest: (0..<3).map { axis in NumPyStatistics.median(spacings.map { $0[axis] }) })
  }

  /// The file's name of a case's channel, such as `liver_7_0000.nii.gz`.
  static func imageName(_ name: String, channel: Int, ending: String) -> String {
    let digits = String(channel)
    return "\(name)_\(String(repeating: "0", count: 4 - digits.count) + digits)\(ending)"
  }

  /// nnU-Net reads the files that `dataset.json` names under "dataset", and not those of `imagesTr`; that is not done here.
  static func filesNamedElsewhere(_ document: JSONValue, path: String) -> String? {
    guard document["dataset"] != nil else { return nil }
    return "\(path): the key \"dataset\" names files, which nnU-Net would read in place of imagesTr; "
      + "`segbench dataset import nnunet` makes a dataset with imagesTr of them."
  }

  /// The cases that the folders hold, and everything that is wrong with their names.
  /// - Throws: `DiskFailure`, which says nothing about the dataset.
  static func contents(
    of directory: URL, _ description: DatasetDescription
  ) throws -> (cases: [Case], testCases: [Case], problems: [String]) {
    let images = directory.appendingPathComponent("imagesTr")
    let labels = directory.appendingPathComponent("labelsTr")
    guard isDirectory(images) else {
      return ([], [], ["\(images.path): there is no such folder; the training images belong there."])
    }
    var problems: [String] = []
    let cases = try cases(in: images, labels: labels, description, &problems)
    problems += (try FolderListing.ifReadable(labels)?.problems ?? []).map(\.description)
    if cases.isEmpty {
      problems.append("\(images.path): no image named CASE_0000\(description.fileEnding) lies there.")
    }
    let test = directory.appendingPathComponent("imagesTs")
    return (cases, isDirectory(test) ? try Self.cases(in: test, labels: nil, description, &problems) : [], problems)
  }

  /// Whether there is a folder, or a link to one.
  static func isDirectory(_ url: URL) -> Bool {
    var isDirectory: ObjCBool = false
    return FileManager.default.fileExists(atPath: url.path, isDirectory: &isDirectory) && isDirectory.boolValue
  }

  private static func cases(
    in folder: URL, labels: URL?, _ description: DatasetDescription, _ problems: inout [String]
  ) throws -> [Case] {
    let ending = description.fileEnding
    guard let listing = try FolderListing.ifReadable(folder) else {
      problems.append("\(folder.path): the folder cannot be listed; check its permissions.")
      return []
    }
    problems += listing.problems.map(\.description)
    var names = Set<String>()
    for file in listing.names where file.hasSuffix(ending) {
      let stem = file.dropLast(ending.count)
      // The channel: an underscore and four digits.
      guard stem.utf8.count > 5, stem.utf8.dropLast(4).last == UInt8(ascii: "_"),
        stem.suffix(4).allSatisfy({ $0.isASCII && $0.isNumber })
      else {
        problems.append("\(folder.path)/\(file): an image's name must end in a channel number, such as _0000\(ending).")
        continue
      }
      names.insert(String(stem.dropLast(5)))
    }
    let sorted = names.sorted { $0.unicodeScalars.lexicographicallyPrecedes($1.unicodeScalars) }
    return sorted.map { name in
      Case(
        name: name,
        images: description.channelNames.indices.map { channel in
          folder.appendingPathComponent(imageName(name, channel: channel, ending: ending))
        },
        label: labels?.appendingPathComponent(name + ending))
    }
  }
}
