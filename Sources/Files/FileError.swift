import Foundation

/// A file or folder that cannot be opened, read or written.
public enum FileError: InputError, Equatable {
  case notFound(path: String)
  case unreadable(path: String, reason: String)
  case unwritable(path: String, reason: String)

  public var description: String {
    switch self {
    case .notFound(let path): return "\(path): no such file."
    case .unreadable(let path, let reason): return "\(path) cannot be read: \(reason)."
    case .unwritable(let path, let reason): return "\(path) cannot be written: \(reason)."
    }
  }
}

extension FileError {
  /// The C library's words for the current `errno`.
  static var systemReason: String { String(cString: strerror(errno)) }
}

/// The size in bytes of the regular file at `url`.
/// - Throws: `FileError` when there is none, or when it is a folder or a device.
public func fileSize(_ url: URL) throws -> Int {
  var status = stat()
  guard stat(url.path, &status) == 0 else {
    throw FileError.ofReading(url.path)
  }
  guard status.st_mode & S_IFMT == S_IFREG else {
    throw FileError.unreadable(path: url.path, reason: "it is not a regular file")
  }
  return Int(status.st_size)
}
