import Files
import Foundation

/// The SHA-256 of a folder's files, remembered beside them so that hundreds of gigabytes are not read at every start.
/// A file is read again when its size or its time of change differs.
struct FileDigests {
  private struct Entry: Codable, Equatable {
    var size: Int
    var modified: Double
    var digest: String
  }

  /// The digest of every regular file below `folder` (hidden ones left out), by path relative to it, in sorted order.
  /// - Parameter memory: the JSON file that remembers the digests; damaged or missing, it is made anew.
  static func ofFolder(_ folder: URL, memory: URL, progress: Files.Progress = .silent) throws -> [(
    path: String, digest: String
  )] {
    let paths = try relativeFiles(of: folder)
    let decoder = JSONDecoder()
    let known = (try? decoder.decode([String: Entry].self, from: Data(contentsOf: memory))) ?? [:]
    var entries: [String: Entry] = [:]
    for (index, path) in paths.enumerated() {
      let url = folder.appendingPathComponent(path)
      let attributes = try FileManager.default.attributesOfItem(atPath: url.resolvingSymlinksInPath().path)
      let size = (attributes[.size] as? Int) ?? 0
      let modified = (attributes[.modificationDate] as? Date)?.timeIntervalSince1970 ?? 0
      if let entry = known[path], entry.size == size, entry.modified == modified {
        entries[path] = entry
      } else {
        entries[path] = Entry(size: size, modified: modified, digest: try Digest.sha256(ofFileAt: url))
      }
      progress(index + 1, of: paths.count)
    }
    if entries != known {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys, .prettyPrinted]
      try AtomicFile.write(encoder.encode(entries), to: memory)
    }
    return paths.map { ($0, entries[$0]!.digest) }
  }

  /// One digest for a whole folder: of the list of its files' paths and digests.
  static func combined(_ files: [(path: String, digest: String)]) -> String {
    Digest.sha256(of: files.map { "\($0.digest)  \($0.path)\n" }.joined())
  }

  private static func relativeFiles(of folder: URL) throws -> [String] {
    guard
      let enumerator = FileManager.default.enumerator(
        at: folder, includingPropertiesForKeys: [.isRegularFileKey], options: [.skipsHiddenFiles])
    else { throw FileError.unreadable(path: folder.path, reason: "it is not a folder") }
    let base = folder.standardizedFileURL.path
    var paths: [String] = []
    for case let url as URL in enumerator where !isDirectory(url) {
      paths.append(String(url.standardizedFileURL.path.dropFirst(base.count + 1)))
    }
    return paths.sorted()
  }
}
