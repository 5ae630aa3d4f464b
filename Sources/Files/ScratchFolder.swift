import Foundation
import Synchronization

/// A temporary folder of this process's own, which is removed with the object. What processes that were killed have left is
/// removed by the next one that makes such a folder: beside each lies a file that its process holds locked while it lives.
package final class ScratchFolder {
  package let url: URL
  private let lock: (path: String, descriptor: Int32)
  private static let prefix = "segbench-scratch-"
  /// Those of this process that are there.
  private static let living = Mutex<Set<URL>>([])

  /// - Throws: `FileError`, `DiskFailure`.
  package init() throws {
    let place = FileManager.default.temporaryDirectory
    Self.removeLeftovers(in: place)
    url = place.appendingPathComponent(Self.prefix + UUID().uuidString, isDirectory: true)
    let file = url.appendingPathExtension("lock")
    while true {
      let descriptor = open(file.path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0o600)
      guard descriptor >= 0 else { throw FileError.ofWriting(file) }
      // Who cleans up at this moment may hold it, and will have removed the file.
      guard flock(descriptor, LOCK_EX) == 0 else {
        close(descriptor)
        throw FileError.ofWriting(file)
      }
      var status = stat()
      if fstat(descriptor, &status) == 0, status.st_nlink > 0 {
        lock = (file.path, descriptor)
        break
      }
      close(descriptor)
    }
    guard mkdir(url.path, 0o700) == 0 else {
      let failure = FileError.ofWriting(url)
      unlink(lock.path)
      close(lock.descriptor)
      throw failure
    }
    _ = Self.living.withLock { $0.insert(url) }
  }

  /// Removes them all, for a process that ends without unwinding.
  package static func removeAll() {
    for url in living.withLock({ $0 }) {
      try? FileManager.default.removeItem(at: url)
      unlink(url.appendingPathExtension("lock").path)
    }
  }

  deinit {
    _ = Self.living.withLock { $0.remove(url) }
    try? FileManager.default.removeItem(at: url)
    unlink(lock.path)
    close(lock.descriptor)
  }

  /// Removes the folders of this user's processes that live no more.
  private static func removeLeftovers(in place: URL) {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: place.path)) ?? []
    for name in names where name.hasPrefix(prefix) && name.hasSuffix(".lock") {
      let file = place.appendingPathComponent(name)
      let descriptor = open(file.path, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
      guard descriptor >= 0 else { continue }
      defer { close(descriptor) }
      var status = stat()
      guard fstat(descriptor, &status) == 0, status.st_uid == geteuid(), flock(descriptor, LOCK_EX | LOCK_NB) == 0
      else { continue }
      try? FileManager.default.removeItem(at: file.deletingPathExtension())
      unlink(file.path)
    }
  }
}
