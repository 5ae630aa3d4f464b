import Files
import Foundation

/// Where volumes of a collection come from: a folder, and which of the files below it.
public struct SliceSource: Sendable, Equatable {
  public var name: String
  public var folder: URL
  /// Paths below the folder in which `*`, `?` and `[...]` stand for parts of a name, as the shell has them.
  public var files: [String]
  /// How many volumes the published source has.
  public var expectedVolumes: Int?

  public init(name: String, folder: URL, files: [String], expectedVolumes: Int? = nil) {
    self.name = name
    self.folder = folder
    self.files = files
    self.expectedVolumes = expectedVolumes
  }

  /// Whether the folder is there.
  public var isPresent: Bool {
    var isFolder: ObjCBool = false
    return FileManager.default.fileExists(atPath: folder.path, isDirectory: &isFolder) && isFolder.boolValue
  }

  /// The paths of its volumes below the folder, sorted, each once; hidden files are none.
  /// - Throws: `FileNameError` for a name that is no text.
  func paths() throws -> [String] {
    try Set(files.flatMap { pattern in try matches(pattern.split(separator: "/").map(String.init)[...], below: "") })
      .sorted()
  }

  private func matches(_ pattern: ArraySlice<String>, below: String) throws -> [String] {
    guard let first = pattern.first else { return [] }
    guard let listing = try FolderListing.ifReadable(folder.appendingPathComponent(below)) else { return [] }
    if let problem = listing.problems.first { throw problem }
    return try listing.names.filter { fnmatch(first, $0, 0) == 0 }.flatMap { name -> [String] in
      let path = below.isEmpty ? name : "\(below)/\(name)"
      var isFolder: ObjCBool = false
      guard FileManager.default.fileExists(atPath: folder.appendingPathComponent(path).path, isDirectory: &isFolder)
      else { return [] }
      if pattern.count == 1 { return isFolder.boolValue ? [] : [path] }
      return isFolder.boolValue ? try matches(pattern.dropFirst(), below: path) : []
    }
  }
}
