import Files
import Foundation

/// An exclusive hold on a folder, for as long as the object lives. The kernel lets go of it when the process dies,
/// however it dies, so no stale lock is ever left.
final class FolderLock {
  private let descriptor: Int32

  /// Takes the lock, waiting for whoever holds it.
  /// - Parameter waiting: called once, with the other process's id, when the lock is not free at once.
  init(_ folder: URL, waiting: (String) -> Void) throws {
    try makeFolder(folder)
    let file = folder.appendingPathComponent(".lock")
    let path = file.path
    descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw FileError.ofWriting(file) }
    if flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
      let holder = (try? String(contentsOfFile: path, encoding: .utf8))?.trimmingCharacters(in: .whitespacesAndNewlines)
      waiting(holder ?? "another process")
      while flock(descriptor, LOCK_EX) != 0 && errno == EINTR {}
    }
    let identity = "process \(getpid())\n"
    ftruncate(descriptor, 0)
    _ = identity.withCString { pwrite(descriptor, $0, strlen($0), 0) }
  }

  deinit { close(descriptor) }
}
