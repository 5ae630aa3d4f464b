import Foundation

/// Files that appear whole or not at all: the bytes go to a hidden sibling, are synced to disk and take the final name by
/// one rename. A reader sees the old file or the new one; an interrupted writer leaves the old one.
public enum AtomicFile {
  /// Writes `data` as the file at `url`.
  /// - Throws: `FileError.unwritable`, `DiskFailure`.
  public static func write(_ data: Data, to url: URL) throws { try write([data], to: url) }

  /// Writes the pieces, one after the other, as the file at `url`.
  /// - Throws: `FileError.unwritable`, `DiskFailure`.
  public static func write(_ pieces: [Data], to url: URL) throws {
    try replace(url) { temporary in
      guard let file = fopen(temporary.path, "wb") else { throw FileError.ofWriting(url) }
      var isWhole = true
      for piece in pieces where isWhole && !piece.isEmpty {
        isWhole = piece.withUnsafeBytes { fwrite($0.baseAddress, 1, $0.count, file) } == piece.count
      }
      guard isWhole else {
        // What stopped the writing, not what closing makes of it.
        let failure = FileError.ofWriting(url)
        fclose(file)
        throw failure
      }
      guard fclose(file) == 0 else { throw FileError.ofWriting(url) }
    }
  }

  /// Puts in place of `url` whatever file `body` writes at the sibling it is given. The sibling's name ends as `url`'s
  /// does. When `body` throws, nothing is left behind and `url` stays as it was.
  /// - Throws: what `body` throws, `FileError.unwritable` or `DiskFailure`.
  public static func replace(_ url: URL, writing body: (URL) throws -> Void) throws {
    let folder = url.deletingLastPathComponent()
    let temporary = folder.appendingPathComponent(".partial-\(UUID().uuidString)-\(url.lastPathComponent)")
    do {
      try body(temporary)
      try synchronize(temporary, for: url)
      guard rename(temporary.path, url.path) == 0 else { throw FileError.ofWriting(url) }
    } catch {
      unlink(temporary.path)
      throw error
    }
    // The rename itself is durable once the folder is synced; a file system that cannot do so has nothing better.
    let descriptor = open(folder.path, O_RDONLY | O_DIRECTORY)
    if descriptor >= 0 {
      fsync(descriptor)
      close(descriptor)
    }
  }

  /// Removes what writers that were killed left below `folder`. The caller must hold whatever keeps others from writing there.
  public static func removeLeftovers(below folder: URL) {
    guard let files = FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil) else { return }
    for case let url as URL in files where url.lastPathComponent.hasPrefix(".partial-") { unlink(url.path) }
  }

  private static func synchronize(_ temporary: URL, for url: URL) throws {
    let descriptor = open(temporary.path, O_RDONLY)
    guard descriptor >= 0 else { throw FileError.ofWriting(url) }
    defer { close(descriptor) }
    guard fsync(descriptor) == 0 else { throw FileError.ofWriting(url) }
  }
}
