import Datasets
import Files
import Foundation

/// A case to predict: its name, by which references are found, and a file for each channel.
struct PredictedCase {
  let name: String
  let images: [URL]

  /// The cases of images and folders that the user names, in that order, a folder's by name.
  /// - Parameters:
  ///   - channels: what the run's network sees.
  ///   - scratch: what DICOM series are made into lies there; the files are gone with it.
  /// - Throws: `UsageError` for a case without all its channels, two cases of one name, or a folder without images.
  static func all(_ words: [String], channels: [String], scratch: inout ScratchFolder?) throws -> [PredictedCase] {
    var files: [URL] = []
    for word in words { files += try Self.files(word, scratch: &scratch) }
    var names: [String] = []
    var images: [String: [Int: URL]] = [:]
    for file in files {
      let (name, channel) = try place(of: file, channels: channels)
      if let other = images[name]?[channel] {
        throw UsageError(
          "\(other.path) and \(file.path) would be predicted into \(name).nii.gz both: give them names of their own")
      }
      if images[name] == nil { names.append(name) }
      images[name, default: [:]][channel] = file
    }
    let missing = names.flatMap { name in
      channels.indices.filter { images[name]![$0] == nil }.map {
        "\(name)\(suffix($0)).nii.gz, the channel \(channels[$0])"
      }
    }
    guard missing.isEmpty else {
      throw UsageError(
        "the run was trained on the channels \(channels.joined(separator: ", ")), and these files were not given: "
          + missing.joined(separator: "; "))
    }
    return names.map { name in PredictedCase(name: name, images: channels.indices.map { images[name]![$0]! }) }
  }

  /// The file that a word names, the images of the folder, or the volume of its DICOM series.
  private static func files(_ word: String, scratch: inout ScratchFolder?) throws -> [URL] {
    let url = URL(fileURLWithPath: word)
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: url.path, isDirectory: &isFolder), isFolder.boolValue else {
      return [url]
    }
    let images = try FolderListing.names(in: url).filter { name in endings.contains { name.hasSuffix($0) } }
    if images.isEmpty, try DICOMSeries.isThere(in: url) {
      let folder = try scratch ?? ScratchFolder()
      scratch = folder
      let own = folder.url.appendingPathComponent(UUID().uuidString, isDirectory: true)
      try makeFolder(own)
      let (volume, warning) = try DICOMSeries.volume(of: url.standardizedFileURL, in: own)
      if let warning { Console.warn(warning) }
      return [volume]
    }
    guard !images.isEmpty else {
      throw UsageError("\(url.path) holds no .nii or .nii.gz file to predict, and no DICOM series")
    }
    return images.map { url.appendingPathComponent($0) }
  }

  private static let endings = [".nii.gz", ".nii"]

  private static func suffix(_ channel: Int) -> String { "_" + String(format: "%04d", channel) }

  /// The case that a file belongs to, and which of its channels it is.
  private static func place(of file: URL, channels: [String]) throws -> (name: String, channel: Int) {
    let full = file.lastPathComponent
    let name = endings.first { full.hasSuffix($0) }.map { String(full.dropLast($0.count)) } ?? full
    if let channel = channels.indices.first(where: { name.hasSuffix(suffix($0)) }), name.count > 5 {
      return (String(name.dropLast(5)), channel)
    }
    guard channels.count == 1 else {
      throw UsageError(
        "\(file.path): the run was trained on the channels \(channels.joined(separator: ", ")), so a file's name ends in "
          + "\(suffix(0)) to \(suffix(channels.count - 1)) before .nii.gz, by its channel")
    }
    return (name, 0)
  }
}
