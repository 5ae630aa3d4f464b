import Files
import Foundation

/// An exclusive hold on a folder, for as long as the object lives. The kernel lets go of it when the process dies,
/// however it dies, so no stale lock is ever left.
final class FolderLock {
  private let descriptor: Int32
  /// How long a process that waits sleeps before it asks again.
  private static let pause = 0.1
  /// How long a process that does not wait asks all the same: `isHeld` takes a lock for a moment.
  private static let moment = 1.0

  /// Takes the lock, waiting for whoever holds it.
  /// - Parameters:
  ///   - isCancelled: asked while it waits.
  ///   - waits: whether it waits for the other process for as long as that takes.
  ///   - waiting: called once, with the other process's id, when the lock is not free at once.
  /// - Throws: `FileError`, `LockFailure`, `BusyFolder` when it does not wait, or `CancellationError` when it was stopped
  ///   while it waited.
  init(_ folder: URL, isCancelled: () -> Bool, waits: Bool = true, waiting: (String) -> Void) throws {
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
      try Self.take(descriptor, of: folder, isCancelled: isCancelled, waits: waits, waiting: waiting)
    } catch {
      close(descriptor)
      throw error
    }
    self.descriptor = descriptor
    let identity = "process \(getpid()) on \(Self.host)\n"
    ftruncate(descriptor, 0)
    _ = identity.withCString { pwrite(descriptor, $0, strlen($0), 0) }
  }

  deinit { close(descriptor) }

  /// Whether another process holds a folder's lock now, and who, as it wrote itself down; nil when none does.
  static func holder(of folder: URL) -> String? {
    let file = folder.appendingPathComponent(".lock")
    let descriptor = open(file.path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    // Closing lets go of what was taken.
    defer { close(descriptor) }
    return flock(descriptor, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK ? holder(descriptor) : nil
  }

  /// This machine's name, of the characters that such names have.
  private static let host: String = {
    var name = [CChar](repeating: 0, count: 65)
    gethostname(&name, name.count - 1)
    let known = name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }.filter(isOfHostName)
    return known.isEmpty ? "localhost" : String(decoding: known, as: UTF8.self)
  }()

  private static func isOfHostName(_ byte: UInt8) -> Bool {
    (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
      || byte == 0x2D || byte == 0x2E
  }

  private static func take(
    _ descriptor: Int32, of folder: URL, isCancelled: () -> Bool, waits: Bool, waiting: (String) -> Void
  ) throws {
    var hasWaited = false
    let start = ContinuousClock.now
    while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
      switch errno {
      case EINTR: continue
      case EWOULDBLOCK: break
      default: throw LockFailure(folder: folder.path, reason: String(cString: strerror(errno)))
      }
      if isCancelled() { throw CancellationError() }
      if !waits {
        guard ContinuousClock.now - start < .seconds(moment) else {
          throw BusyFolder(folder: folder.path, holder: holder(descriptor))
        }
      } else if !hasWaited {
        waiting(holder(descriptor))
      }
      hasWaited = true
      Thread.sleep(forTimeInterval: pause)
    }
  }

  /// Who holds the lock, as it wrote itself down; any other text is nobody's.
  private static func holder(_ descriptor: Int32) -> String {
    var bytes = [UInt8](repeating: 0, count: 128)
    let count = max(0, pread(descriptor, &bytes, bytes.count, 0))
    let words = String(decoding: bytes.prefix(count), as: UTF8.self).split(separator: "\n").first?.split(separator: " ")
    guard let words, words.count == 4, words[0] == "process", let number = Int32(words[1]), words[2] == "on",
      words[3].utf8.allSatisfy(isOfHostName)
    else { return "another process" }
    return "process \(number)" + (words[3] == host ? "" : " on \(words[3])")
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

/// A run at which another process is at work, and which was to be left to it.
public struct BusyFolder: Error, CustomStringConvertible {
  public let folder: String
  let holder: String

  public var description: String { "\(holder) is at work in \(folder): left to it, as asked" }
}
