import Files
import Foundation

/// An exclusive hold on a folder, for as long as the object lives. The kernel lets go of it when the process dies,
/// however it dies, so no stale lock is ever left.
final class FolderLock {
  private let descriptor: Int32
  /// How long a process that waits sleeps before it asks again.
  private static let pause = 0.1

  /// Takes the lock, waiting for whoever holds it.
  /// - Parameters:
  ///   - isCancelled: asked while it waits.
  ///   - waiting: called once, with the other process's id, when the lock is not free at once.
  /// - Throws: `FileError`, `LockFailure`, or `CancellationError` when it was stopped while it waited.
  init(_ folder: URL, isCancelled: () -> Bool, waiting: (String) -> Void) throws {
    try makeFolder(folder)
    let file = folder.appendingPathComponent(".lock")
    // Neither through a link nor, where a pipe lies, until someone reads.
    let descriptor = open(file.path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else {
      guard errno == ELOOP else { throw FileError.ofWriting(file) }
      throw FileError.unwritable(path: file.path, reason: "it is a symbolic link where a lock belongs; remove it")
    }
    do {
      var status = stat()
      guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
        throw FileError.unwritable(path: file.path, reason: "it is no regular file, where a lock belongs; remove it")
      }
      try Self.take(descriptor, of: folder, isCancelled: isCancelled, waiting: waiting)
    } catch {
      close(descriptor)
      throw error
    }
    self.descriptor = descriptor
    let identity = "process \(getpid())\n"
    ftruncate(descriptor, 0)
    _ = identity.withCString { pwrite(descriptor, $0, strlen($0), 0) }
  }

  deinit { close(descriptor) }

  private static func take(_ descriptor: Int32, of folder: URL, isCancelled: () -> Bool, waiting: (String) -> Void)
    throws
  {
    var hasWaited = false
    while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
      switch errno {
      case EINTR: continue
      case EWOULDBLOCK: break
      default: throw LockFailure(folder: folder.path, reason: String(cString: strerror(errno)))
      }
      if isCancelled() { throw CancellationError() }
      if !hasWaited { waiting(holder(descriptor)) }
      hasWaited = true
      Thread.sleep(forTimeInterval: pause)
    }
  }

  /// Who holds the lock, as it wrote itself down; any other text is nobody's.
  private static func holder(_ descriptor: Int32) -> String {
    var bytes = [UInt8](repeating: 0, count: 64)
    let count = max(0, pread(descriptor, &bytes, bytes.count, 0))
    let words = String(decoding: bytes.prefix(count), as: UTF8.self).split(separator: "\n").first?.split(separator: " ")
    guard let words, words.count == 2, words[0] == "process", let number = Int32(words[1]) else {
      return "another process"
    }
    return "process \(number)"
  }
}

/// A file system that gives no locks: two processes could work in one folder and never know of each other.
public struct LockFailure: Error, CustomStringConvertible {
  public let folder: String
  public let reason: String

  public var description: String {
    "\(folder) cannot be locked against other processes (\(reason)): its file system has no locks, or none left; set "
      + "SEGBENCH_HOME to a folder on one that has them"
  }
}
