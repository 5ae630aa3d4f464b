import Foundation

/// Descriptors 0 to 2 of a process that was started without them.
enum StandardDescriptors {
  /// Opens those that are closed on /dev/null: the next file to be opened would take their number, and what is printed
  /// would be written into it.
  static func open() {
    for descriptor: Int32 in 0...2 where fcntl(descriptor, F_GETFD) < 0 && errno == EBADF {
      // The lowest free number, which is this one.
      _ = Foundation.open("/dev/null", O_RDWR)
    }
  }
}
