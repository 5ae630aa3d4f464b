import Files
import Foundation
import Imaging

/// What an importer found: which file becomes which.
struct ImportListing {
  var description: DatasetDescription
  var training: [RawDataset.Case] = []
  var test: [RawDataset.Case] = []
  /// Images that become new files and no links, by their paths: what writes one of their channels, and what has to be said of it.
  var conversions: [String: (_ channel: Int, _ target: URL) throws -> String?] = [:]
  /// The text of `dataset.json` where the source has one that is taken over; else it is made from `description`.
  var descriptionText: Data?
  /// Whether a label map of another direction or origin than its image is a problem and not only odd.
  var requiresOneGrid = false
  /// What keeps the dataset from being imported, each one sentence that names its file.
  var problems: [String] = []
  /// What the user should know, and does not stop anything.
  var notes: [String] = []
}

/// Every reason why a dataset cannot be imported.
public struct ImportError: InputError, Equatable {
  public let source: String
  public let dataset: PublishedDataset
  public let problems: [String]

  public var description: String {
    if problems.count == 1 { return problems[0] }
    return "\(source) cannot be imported as \(dataset.name); it has \(problems.count) problems:\n"
      + problems.map { "  " + $0 }.joined(separator: "\n")
  }
}

/// Brings a published dataset into nnU-Net's raw layout, by links to its files or by copies of them; the files themselves
/// are never changed.
public enum DatasetImporter {
  public enum Transfer: Sendable {
    /// Symbolic links with absolute paths.
    case link
    case copy
  }

  /// Imports a dataset. All is built and verified (`DatasetVerifier`) beside the destination, which appears whole or not at
  /// all.
  /// - Parameters:
  ///   - source: the folder that the owner's archive unpacks to.
  ///   - destination: the new dataset's folder, which must not be there yet.
  ///   - strictGeometry: whether what is merely odd about the grids is a problem too.
  /// - Returns: notes and warnings for the user, each one sentence.
  /// - Throws: `ImportError` with every problem found, or `DatasetError`, `JSONError` or `FileError`.
  public static func run(
    _ dataset: PublishedDataset, from source: URL, to destination: URL, transfer: Transfer = .link,
    strictGeometry: Bool = false, progress: Files.Progress = .silent
  ) throws -> [String] {
    let (source, destination) = (source.standardizedFileURL, destination.standardizedFileURL)
    let isTaken = (try? FileManager.default.attributesOfItem(atPath: destination.path)) != nil
    var problems =
      isTaken ? ["\(destination.path): there is something of that name already; choose another destination."] : []
    func refusal() -> ImportError { ImportError(source: source.path, dataset: dataset, problems: problems) }
    guard RawDataset.isDirectory(source) else {
      problems.append("\(source.path): there is no such folder.")
      throw refusal()
    }
    var listing = try dataset.listing(of: source)
    problems += listing.problems
    let problemCount = listing.problems.count
    // What can be placed is verified all the same, so that one pass tells everything that is wrong.
    guard !isTaken, !listing.training.isEmpty, !listing.description.labels.isEmpty else { throw refusal() }
    listing.training.sort { $0.name.unicodeScalars.lexicographicallyPrecedes($1.name.unicodeScalars) }
    listing.description.trainingCount = listing.training.count
    if let expected = dataset.publishedCases, expected != listing.training.count {
      listing.notes.append("The paper has \(expected) labelled cases; \(listing.training.count) are here.")
    }
    let folder = try IncomingFolder(for: destination)
    defer { withExtendedLifetime(folder) {} }
    let incoming = folder.url
    let origins = try place(&listing, in: incoming, transfer)
    problems += listing.problems.dropFirst(problemCount)
    let report = try DatasetVerifier.verify(
      incoming, strictGeometry: strictGeometry || listing.requiresOneGrid, progress: progress)
    func named(_ messages: [String]) -> [String] {
      messages.map { inWordsOfSource($0, origins, incoming, destination) }
    }
    problems += named(report.problems)
    guard problems.isEmpty else { throw refusal() }
    guard rename(incoming.path, destination.path) == 0 else {
      throw FileError.ofWriting(destination)
    }
    return listing.notes + named(report.warnings)
  }

  /// Makes the folder, and adds to the listing what converting an image brings up.
  /// - Returns: which file of it came from where.
  private static func place(
    _ listing: inout ImportListing, in folder: URL, _ transfer: Transfer
  ) throws -> [(placed: String, origin: String)] {
    var origins: [(String, String)] = []
    func put(_ origin: URL, _ subfolder: String, _ name: String) throws {
      let target = folder.appendingPathComponent(subfolder).appendingPathComponent(name)
      let resolved = origin.resolvingSymlinksInPath()
      do {
        switch transfer {
        case .link: try FileManager.default.createSymbolicLink(at: target, withDestinationURL: resolved)
        case .copy: try AtomicFile.copy(resolved, to: target)
        }
      } catch let error as CocoaError {
        throw FileError.unwritable(path: target.path, reason: "\(error.localizedDescription)")
      }
      origins.append((target.path, origin.path))
    }
    let ending = listing.description.fileEnding
    let hasTest = !listing.test.isEmpty
    for subfolder in ["imagesTr", "labelsTr"] + (hasTest ? ["imagesTs"] : []) {
      try makeFolder(folder.appendingPathComponent(subfolder))
    }
    for (cases, images) in [(listing.training, "imagesTr"), (listing.test, "imagesTs")] {
      for item in cases {
        try Cancellation.check()
        for (channel, image) in item.images.enumerated() {
          let name = RawDataset.imageName(item.name, channel: channel, ending: ending)
          if let convert = listing.conversions[image.path] {
            let target = folder.appendingPathComponent(images).appendingPathComponent(name)
            do {
              listing.notes += [try convert(channel, target)].compactMap { $0 }
            } catch let problem as DatasetError {
              listing.problems.append("\(problem)")
            }
            origins.append((target.path, image.path))
          } else {
            try put(image, images, name)
          }
        }
        if let label = item.label { try put(label, "labelsTr", item.name + ending) }
      }
    }
    let text = listing.descriptionText ?? Data(listing.description.json.text().utf8)
    try AtomicFile.write(text, to: folder.appendingPathComponent("dataset.json"))
    return origins
  }

  /// A verifier's message with the source's file in place of the unfinished folder's.
  private static func inWordsOfSource(
    _ message: String, _ origins: [(placed: String, origin: String)], _ incoming: URL, _ destination: URL
  ) -> String {
    guard message.contains(incoming.path) else { return message }
    var message = message
    for (placed, origin) in origins where message.contains(placed) {
      message = message.replacingOccurrences(of: placed, with: origin)
    }
    return message.replacingOccurrences(of: incoming.path, with: destination.path)
  }

  // MARK: - What the layouts share

  /// Whether there is a regular file, or a link to one.
  static func isFile(_ url: URL) -> Bool { (try? fileSize(url)) != nil }

  /// The names in a folder, sorted; hidden ones, such as macOS's "._" companions, are left out.
  static func names(in folder: URL) throws -> [String] {
    do { return try FolderListing.names(in: folder) } catch is FileError {
      throw DatasetError("\(folder.path): the folder cannot be listed.")
    }
  }
}
