import Files
@preconcurrency import Glibc

/// What commands print.
enum StandardOutput {
  /// Hands what was printed to whoever reads it. The C library keeps it until then, and a full disk may refuse it: a command
  /// whose result did not arrive has failed.
  /// - Throws: `DiskFailure`.
  static func flush() throws {
    errno = 0
    guard fflush(stdout) == 0, ferror(stdout) == 0 else {
      throw DiskFailure(path: "standard output", reason: String(cString: strerror(errno == 0 ? EIO : errno)))
    }
  }
}
