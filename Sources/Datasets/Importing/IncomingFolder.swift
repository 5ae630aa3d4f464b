import Files
import Foundation

/// The hidden folder beside a destination in which a dataset is built before it appears. A process that was killed leaves
/// its own; the next import to that destination removes it.
final class IncomingFolder {
  let url: URL
  /// Held locked while the process lives.
  private let descriptor: Int32

  /// - Throws: `FileError`, `DiskFailure`.
  init(for destination: URL) throws {
    let parent = destination.deletingLastPathComponent()
    let prefix = ".\(destination.lastPathComponent).importing-"
    for name in (try? FileManager.default.contentsOfDirectory(atPath: parent.path)) ?? [] where name.hasPrefix(prefix) {
      let left = parent.appendingPathComponent(name, isDirectory: true)
      let descriptor = open(left.path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
      guard descriptor >= 0 else { continue }
      defer { close(descriptor) }
      if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { try? FileManager.default.removeItem(at: left) }
    }
    url = parent.appendingPathComponent(prefix + UUID().uuidString, isDirectory: true)
    try makeFolder(url)
    descriptor = open(url.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw FileError.ofWriting(url) }
    // Where there are no locks, nobody takes it for a dead process's either.
    flock(descriptor, LOCK_EX | LOCK_NB)
  }

  deinit {
    try? FileManager.default.removeItem(at: url)
    close(descriptor)
  }
}
