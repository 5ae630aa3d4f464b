import Files
import Foundation

/// The SHA-256 of what a folder's files say (`Digest.sha256(ofContentOf:)`), remembered so that hundreds of gigabytes are not
/// read at every start. A file is read again when its size, a time of it, its inode or its device differs: whoever writes a
/// file may set its modification time back, but not the time of its last change.
struct FileDigests {
  /// A file's path below its folder and the SHA-256 of its content.
  typealias File = (path: String, digest: String)

  /// What the file system tells of a file, times in nanoseconds since 1970.
  private struct Mark: Codable, Equatable {
    let size, modified, changed: Int
    let inode, device: UInt64

    init(_ url: URL) throws {
      var status = stat()
      guard stat(url.path, &status) == 0 else { throw FileError.ofReading(url.path) }
      func nanoseconds(_ time: timespec) -> Int { time.tv_sec &* 1_000_000_000 &+ time.tv_nsec }
      size = Int(status.st_size)
      (modified, changed) = (nanoseconds(status.st_mtim), nanoseconds(status.st_ctim))
      (inode, device) = (UInt64(status.st_ino), UInt64(status.st_dev))
    }
  }

  private struct Entry: Codable, Equatable {
    let mark: Mark
    let digest: String
  }

  /// The digest of every regular file below `folder` (hidden ones left out), by path relative to it, in sorted order.
  /// - Parameters:
  ///   - memory: the JSON file that remembers the digests; damaged or missing, it is made anew.
  ///   - again: whether files are read whatever is remembered.
  /// - Throws: `FileError`, `FileNameError`; `CancellationError` once a stop was asked for.
  static func ofFolder(_ folder: URL, memory: URL, again: Bool = false, progress: Files.Progress = .silent) throws
    -> [File]
  {
    let known = again ? [:] : remembered(memory)
    let entries = try entries(folder, known: known, progress: progress)
    if again || entries.stable != known { try remember(entries.stable, in: memory) }
    return entries.files
  }

  /// Reads every file below `folder` again, remembers what it found, and compares it with what was remembered.
  /// - Returns: how many files there are, how many of them were remembered, and those that were remembered with another
  ///   content. A file is in `unnoticed` when its size and times are the remembered ones.
  static func compare(_ folder: URL, memory: URL, progress: Files.Progress = .silent) throws -> (
    files: Int, known: Int, changed: [String], unnoticed: [String]
  ) {
    let known = remembered(memory)
    let entries = try entries(folder, known: [:], progress: progress)
    try remember(entries.stable, in: memory)
    let different = entries.files.filter { file in known[file.path].map { $0.digest != file.digest } ?? false }
    let (unnoticed, changed) = (
      different.filter { known[$0.path]?.mark == entries.stable[$0.path]?.mark },
      different.filter { known[$0.path]?.mark != entries.stable[$0.path]?.mark }
    )
    return (
      entries.files.count, entries.files.filter { known[$0.path] != nil }.count, changed.map(\.path),
      unnoticed.map(\.path)
    )
  }

  /// Where a folder's digests are remembered below a workspace's prepared data.
  static func memory(of folder: URL, in prepared: URL) -> URL {
    prepared.appendingPathComponent("contents-\(Digest.sha256(of: folder.path).prefix(12)).json")
  }

  /// One digest for a whole folder: of the list of its files' paths and digests.
  static func combined(_ files: [File]) -> String {
    Digest.sha256(of: files.map { "\($0.digest)  \($0.path)\n" }.joined())
  }

  /// The files' digests, and of them what may be remembered.
  private static func entries(_ folder: URL, known: [String: Entry], progress: Files.Progress) throws -> (
    files: [File], stable: [String: Entry]
  ) {
    let paths = try relativeFiles(of: folder, below: "").sorted()
    var files: [File] = []
    var stable: [String: Entry] = [:]
    var reads = false
    for (index, path) in paths.enumerated() {
      let url = folder.appendingPathComponent(path)
      let mark = try Mark(url)
      if let entry = known[path], entry.mark == mark {
        files.append((path, entry.digest))
        stable[path] = entry
      } else {
        if !reads { progress(index, of: paths.count) }
        reads = true
        let start = Int(Date().timeIntervalSince1970 * 1e9)
        let digest = try Digest.sha256(ofContentOf: url)
        guard try Mark(url) == mark else {
          throw FileError.unreadable(path: url.path, reason: "it changed while it was read; let its writer end first")
        }
        files.append((path, digest))
        // The clock of changes is coarse: what changed just now may change again within one tick.
        if mark.changed < start - 1_000_000_000 { stable[path] = Entry(mark: mark, digest: digest) }
      }
      if reads { progress(index + 1, of: paths.count) }
    }
    return (files, stable)
  }

  private static func remembered(_ memory: URL) -> [String: Entry] {
    (try? JSONDecoder().decode([String: Entry].self, from: Data(contentsOf: memory))) ?? [:]
  }

  private static func remember(_ entries: [String: Entry], in memory: URL) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .prettyPrinted]
    try AtomicFile.write(encoder.encode(entries), to: memory)
  }

  /// The files below a folder; links to folders are left out.
  private static func relativeFiles(of folder: URL, below: String) throws -> [String] {
    try FolderListing.names(in: folder).flatMap { name -> [String] in
      let (url, path) = (folder.appendingPathComponent(name), below.isEmpty ? name : "\(below)/\(name)")
      guard isDirectory(url) else { return [path] }
      var status = stat()
      guard lstat(url.path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else { return [] }
      return try relativeFiles(of: url, below: path)
    }
  }
}

/// What a dataset's files are now beside what was remembered of them.
public struct DigestComparison: Sendable {
  /// How many files there are.
  public let files: Int
  /// How many of them were remembered.
  public let known: Int
  /// Files with another content than remembered, by path below the dataset's folder; the next run would have noticed.
  public let changed: [String]
  /// The same, but with the size and the times that were remembered: only reading them tells.
  public let unnoticed: [String]

  /// Reads all files of a dataset and compares them with what runs remember; what is found is remembered from now on.
  /// - Throws: `FileError`, `FileNameError`; `CancellationError` once a stop was asked for.
  public init(dataset: URL, workspace: Workspace, progress: Files.Progress = .silent) throws {
    try makeFolder(workspace.prepared)
    let memory = FileDigests.memory(of: dataset, in: workspace.prepared)
    (files, known, changed, unnoticed) = try FileDigests.compare(dataset, memory: memory, progress: progress)
  }
}
