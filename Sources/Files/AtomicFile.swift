import Foundation

/// Files that appear whole or not at all: the bytes go to a hidden sibling, are synced to disk and take the final name by
/// one rename. A reader sees the old file or the new one; an interrupted writer leaves the old one.
public enum AtomicFile {
  /// Writes `data` as the file at `url`.
  /// - Throws: `FileError.unwritable`, `DiskFailure`.
  public static func write(_ data: Data, to url: URL) throws { try write([data], to: url) }

  /// Writes the pieces, one after the other, as the file at `url`, or to it where it is one of `streams`.
  /// - Throws: `FileError.unwritable`, `DiskFailure`.
  public static func write(_ pieces: [Data], to url: URL) throws {
    if let descriptor = streams[url.path] {
      // What was printed comes before it.
      fflush(nil)
      let target = descriptor < 0 ? open(url.path, O_WRONLY | O_CLOEXEC) : dup(descriptor)
      guard target >= 0 else { throw FileError.ofWriting(url) }
      return try writing(target, for: url) { for piece in pieces { try write(all: piece, to: target, for: url) } }
    }
    try replace(url) { temporary in
      let descriptor = open(temporary.path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
      guard descriptor >= 0 else { throw FileError.ofWriting(url) }
      try writing(descriptor, for: url) { for piece in pieces { try write(all: piece, to: descriptor, for: url) } }
    }
  }

  /// Names that stand for no file: what goes there is written and not renamed. Each with this process's descriptor of it;
  /// -1 where it is opened by its name.
  private static let streams: [String: Int32] = ["/dev/null": -1, "/dev/stdout": 1, "/dev/stderr": 2]

  /// Refuses a place where something lies that a file must not replace: a link, a folder, a device, a pipe, a socket.
  /// - Throws: `FileError.unwritable`, `DiskFailure`.
  public static func requireReplaceable(_ url: URL) throws {
    var status = stat()
    guard lstat(url.path, &status) == 0 else {
      // What a missing folder or a refused one is called, its opening says.
      guard DiskFailure.isOfDisk(errno) else { return }
      throw FileError.ofWriting(url)
    }
    let kind: String
    switch status.st_mode & S_IFMT {
    case S_IFREG: return
    case S_IFLNK:
      let target = (try? FileManager.default.destinationOfSymbolicLink(atPath: url.path)) ?? "another file"
      kind = "it is a symbolic link; name the file that it leads to (\(target)), or remove the link"
    case S_IFDIR: kind = "it is a folder; name a file"
    case S_IFCHR, S_IFBLK: kind = "it is a device; name a file"
    case S_IFIFO: kind = "it is a pipe; name a file, or /dev/stdout"
    default: kind = "it is no regular file; name one"
    }
    throw FileError.unwritable(path: url.path, reason: kind)
  }

  /// Writes `data` over the beginning of a file that is there.
  /// - Parameter url: what the file will be called, for messages.
  static func overwrite(_ file: URL, with data: Data, for url: URL) throws {
    let descriptor = open(file.path, O_WRONLY | O_NOFOLLOW | O_CLOEXEC)
    guard descriptor >= 0 else { throw FileError.ofWriting(url) }
    try writing(descriptor, for: url) { try write(all: data, to: descriptor, for: url) }
  }

  /// Runs `body` and closes the descriptor; some file systems tell only then that they could not write.
  private static func writing(_ descriptor: Int32, for url: URL, _ body: () throws -> Void) throws {
    do { try body() } catch {
      close(descriptor)
      throw error
    }
    guard close(descriptor) == 0 else { throw FileError.ofWriting(url) }
  }

  static func write(all data: Data, to descriptor: Int32, for url: URL) throws {
    try data.withUnsafeBytes { bytes in
      var place = 0
      while place < bytes.count {
        let count = Foundation.write(descriptor, bytes.baseAddress! + place, bytes.count - place)
        if count < 0 && errno == EINTR { continue }
        guard count > 0 else { throw FileError.ofWriting(url) }
        place += count
      }
    }
  }

  /// Puts in place of `url` whatever file `body` writes at the sibling it is given. The sibling's name ends as `url`'s
  /// does. When `body` throws, nothing is left behind and `url` stays as it was.
  /// - Throws: what `body` throws, `FileError.unwritable`, also where `url` is no regular file, or `DiskFailure`.
  public static func replace(_ url: URL, writing body: (URL) throws -> Void) throws {
    try requireReplaceable(url)
    let folder = url.deletingLastPathComponent()
    let temporary = folder.appendingPathComponent(".partial-\(UUID().uuidString)-\(url.lastPathComponent)")
    let place = UnfinishedFiles.add(temporary)
    defer { UnfinishedFiles.remove(place) }
    do {
      try body(temporary)
      try synchronize(temporary, for: url)
      guard rename(temporary.path, url.path) == 0 else { throw FileError.ofWriting(url) }
    } catch {
      unlink(temporary.path)
      throw error
    }
    try synchronize(folder: folder, for: url)
  }

  /// Makes a rename durable. A file system that cannot sync a folder has nothing better.
  private static func synchronize(folder: URL, for url: URL) throws {
    let descriptor = open(folder.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw FileError.ofWriting(url) }
    let isSynced = fsync(descriptor) == 0 || errno == EINVAL || errno == ENOTSUP
    let failure = isSynced ? nil : FileError.ofWriting(url)
    guard close(descriptor) == 0 else { throw FileError.ofWriting(url) }
    if let failure { throw failure }
  }

  /// Removes what writers that were killed left below `folder`. The caller must hold whatever keeps others from writing there.
  public static func removeLeftovers(below folder: URL) {
    guard let files = FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil) else { return }
    for case let url as URL in files where url.lastPathComponent.hasPrefix(".partial-") { unlink(url.path) }
  }

  private static func synchronize(_ temporary: URL, for url: URL) throws {
    let descriptor = open(temporary.path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC)
    guard descriptor >= 0 else { throw FileError.ofWriting(url) }
    try writing(descriptor, for: url) { guard fsync(descriptor) == 0 else { throw FileError.ofWriting(url) } }
  }
}
