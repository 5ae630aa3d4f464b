import Foundation

/// A disk that did not take what was to be written: it is full, over a quota, or failing. No mistake of the user's, so no
/// `InputError`: the command ends with exit code 1, and goes on once there is room.
public struct DiskFailure: Error, Equatable, CustomStringConvertible {
  public let path: String
  public let reason: String

  public init(path: String, reason: String) {
    self.path = path
    self.reason = reason
  }

  public var description: String { "\(path) cannot be written: \(reason)." }

  /// What a library met that could not write: the C library's word for it where it still stands.
  static func written(by library: String, _ path: String) -> DiskFailure {
    DiskFailure(
      path: path, reason: isOfDisk(errno) ? FileError.systemReason : "\(library) failed; the disk may be full")
  }

  static func isOfDisk(_ code: Int32) -> Bool { [ENOSPC, EDQUOT, EFBIG, EIO].contains(code) }
}

extension FileError {
  /// What the current `errno` says of a write that failed: the disk's failure, or a place that cannot be written to.
  public static func ofWriting(_ url: URL) -> any Error {
    DiskFailure.isOfDisk(errno)
      ? DiskFailure(path: url.path, reason: systemReason) : FileError.unwritable(path: url.path, reason: systemReason)
  }
}

/// Makes a folder, and those above it, unless it is there.
/// - Throws: `FileError.unwritable`, `DiskFailure`.
public func makeFolder(_ url: URL) throws {
  if mkdir(url.path, 0o777) == 0 { return }
  if errno == ENOENT {
    let above = url.deletingLastPathComponent()
    guard above.path != url.path else { throw FileError.ofWriting(url) }
    try makeFolder(above)
    if mkdir(url.path, 0o777) == 0 { return }
  }
  let reason = errno
  var status = stat()
  if stat(url.path, &status) == 0 {
    guard status.st_mode & S_IFMT == S_IFDIR else {
      throw FileError.unwritable(path: url.path, reason: "it is there, and no folder")
    }
    return
  }
  errno = reason
  throw FileError.ofWriting(url)
}
