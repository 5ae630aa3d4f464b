import Files
import Foundation

/// A dataset as its owner publishes it, or a layout that datasets come in. Each is declared in the file that reads it.
public struct PublishedDataset: CaseIterable, Equatable, Sendable, CustomStringConvertible {
  /// Every one, in the order of `segbench help dataset import`: the one line that a new importer takes beside its own file.
  public static let allCases = [amos22, kits23, lits, btcv, decathlon, nnunet]

  /// What `segbench dataset import` calls it.
  public let name: String
  /// The labelled cases that the study's paper counts; nil where it names no such dataset.
  public let publishedCases: Int?
  /// Tells which file becomes which.
  private let read: @Sendable (ImportSource) throws -> ImportListing

  init(_ name: String, publishedCases: Int? = nil, read: @escaping @Sendable (ImportSource) throws -> ImportListing) {
    (self.name, self.publishedCases, self.read) = (name, publishedCases, read)
  }

  public var description: String { name }
  public static func == (one: Self, other: Self) -> Bool { one.name == other.name }

  func listing(of folder: URL) throws -> ImportListing {
    let source = try ImportSource(folder)
    guard source.isNNUNet, self != .nnunet else { return try read(source) }
    var listing = try NNUNetLayout.listing(of: source.folder)
    listing.notes.append("\(source.folder.path): it is in nnU-Net's layout already and taken over as it is.")
    return listing
  }
}

/// A folder to import, and its `dataset.json` where it has one.
struct ImportSource {
  let folder: URL
  private let document: JSONValue?

  init(_ folder: URL) throws {
    self.folder = try SourceFiles.root(of: folder)
    let file = self.folder.appendingPathComponent("dataset.json")
    document = DatasetImporter.isFile(file) ? try JSONValue.read(file) : nil
  }

  var hasDescription: Bool { document != nil }
  /// Whether it is a copy that somebody brought into nnU-Net's layout before.
  var isNNUNet: Bool { document.map { $0["channel_names"] != nil && $0["file_ending"] != nil } ?? false }
  var isDecathlon: Bool { document.map(DecathlonLayout.isForm) ?? false }
}
