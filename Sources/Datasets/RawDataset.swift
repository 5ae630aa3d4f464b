import Files
import Foundation

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
  public let description: DatasetDescription
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
    description = try DatasetDescription(contentsOf: directory.appendingPathComponent("dataset.json"))
    let images = directory.appendingPathComponent("imagesTr")
    guard Self.isDirectory(images) else {
      throw DatasetError("\(images.path): there is no such folder; the training images belong there.")
    }
    cases = try Self.cases(in: images, labels: directory.appendingPathComponent("labelsTr"), description)
    guard !cases.isEmpty else {
      throw DatasetError("\(images.path): no image named CASE_0000\(description.fileEnding) lies there.")
    }
    let test = directory.appendingPathComponent("imagesTs")
    testCases = Self.isDirectory(test) ? try Self.cases(in: test, labels: nil, description) : []
  }

  private static func isDirectory(_ url: URL) -> Bool {
    (try? url.resourceValues(forKeys: [.isDirectoryKey]))?.isDirectory == true
  }

  private static func cases(in folder: URL, labels: URL?, _ description: DatasetDescription) throws -> [Case] {
    let ending = description.fileEnding
    guard let files = try? FileManager.default.contentsOfDirectory(atPath: folder.path) else {
      throw DatasetError("\(folder.path): the folder cannot be listed; check its permissions.")
    }
    var names = Set<String>()
    for file in files where file.hasSuffix(ending) && !file.hasPrefix(".") {
      let stem = file.dropLast(ending.count)
      // The channel: an underscore and four digits.
      guard stem.utf8.count > 5, stem.utf8.dropLast(4).last == UInt8(ascii: "_"),
        stem.suffix(4).allSatisfy({ $0.isASCII && $0.isNumber })
      else {
        throw DatasetError(
          "\(folder.path)/\(file): an image's name must end in a channel number, such as _0000\(ending).")
      }
      names.insert(String(stem.dropLast(5)))
    }
    let sorted = names.sorted { $0.unicodeScalars.lexicographicallyPrecedes($1.unicodeScalars) }
    return sorted.map { name in
      Case(
        name: name,
        images: description.channelNames.indices.map { channel in
          let digits = String(channel)
          let number = String(repeating: "0", count: 4 - digits.count) + digits
          return folder.appendingPathComponent("\(name)_\(number)\(ending)")
        },
        label: labels?.appendingPathComponent(name + ending))
    }
  }
}
