import Foundation

/// A disk that did not take what was to be written, or give what was to be read: it is full, over a quota, or failing. No
/// mistake of the user's, so no `InputError`: the command ends with exit code 1, and goes on once the disk works.
public struct DiskFailure: Error, Equatable, CustomStringConvertible {
  public enum Access: String, Sendable {
    case read, written
  }

  public let path: String
  public let reason: String
  public let access: Access

  public init(path: String, reason: String, access: Access = .written) {
    self.path = path
    self.reason = reason
    self.access = access
  }

  /// What Foundation met that could not read, when that was the disk's failure; nil for anything else.
  public init?(reading path: String, _ error: any Error) {
    var met = error as NSError
    while met.domain != NSPOSIXErrorDomain, let cause = met.userInfo[NSUnderlyingErrorKey] as? any Error {
      met = cause as NSError
    }
    guard met.domain == NSPOSIXErrorDomain, Self.isOfDisk(Int32(truncatingIfNeeded: met.code)) else { return nil }
    self.init(path: path, reason: String(cString: strerror(Int32(met.code))), access: .read)
  }

  public var description: String { "\(path) cannot be \(access.rawValue): \(reason)." }

  /// What a library met that could not write: the C library's word for it where it still stands.
  static func written(by library: String, _ path: String) -> DiskFailure {
    DiskFailure(
      path: path, reason: isOfDisk(errno) ? FileError.systemReason : "\(library) failed; the disk may be full")
  }

  /// Whether an error is the machine's: of its disks, or of what it has left of open files and memory.
  static func isOfDisk(_ code: Int32) -> Bool {
    [ENOSPC, EDQUOT, EFBIG, EIO, ESTALE, EREMOTEIO, EUCLEAN, ENODEV, ETIMEDOUT, EMFILE, ENFILE, ENOMEM].contains(code)
  }
}

extension FileError {
  /// What the current `errno` says of a read that failed: the disk's failure, or a file that cannot be read.
  public static func ofReading(_ path: String) -> any Error {
    if errno == ENOENT { return FileError.notFound(path: path) }
    return DiskFailure.isOfDisk(errno)
      ? DiskFailure(path: path, reason: systemReason, access: .read)
      : FileError.unreadable(path: path, reason: systemReason)
  }

  /// What the current `errno` says of a write that failed: the disk's failure, or a place that cannot be written to.
  public static func ofWriting(_ url: URL) -> any Error {
    DiskFailure.isOfDisk(errno)
      ? DiskFailure(path: url.path, reason: systemReason) : FileError.unwritable(path: url.path, reason: systemReason)
  }
}

extension Data {
  /// The bytes of the file at `url`.
  /// - Throws: `DiskFailure` when the disk would not give them, `FileError` when the file is missing or may not be read.
  public init(ofFileAt url: URL, options: ReadingOptions = []) throws {
    do { self = try Data(contentsOf: url, options: options) } catch {
      if let failure = DiskFailure(reading: url.path, error) { throw failure }
      var status = stat()
      guard stat(url.path, &status) == 0 else { throw FileError.ofReading(url.path) }
      let isRegular = status.st_mode & S_IFMT == S_IFREG
      throw FileError.unreadable(
        path: url.path, reason: isRegular ? "the system refuses it" : "it is not a regular file")
    }
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
