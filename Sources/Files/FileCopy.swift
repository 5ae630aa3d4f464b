import Foundation

extension AtomicFile {
  /// Copies a file in blocks, between which a stop may be asked for; the copy appears whole or not at all.
  /// - Throws: `FileError`, `DiskFailure`, `CancellationError`.
  public static func copy(_ source: URL, to target: URL) throws {
    try replace(target) { temporary in
      let (input, output) = (
        open(source.path, O_RDONLY | O_CLOEXEC), open(temporary.path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
      )
      defer { close(input) }
      guard output >= 0 else { throw FileError.ofWriting(target) }
      do {
        guard input >= 0 else { throw FileError.ofReading(source.path) }
        let block = UnsafeMutableRawBufferPointer.allocate(byteCount: 4 << 20, alignment: 16)
        defer { block.deallocate() }
        while true {
          try Cancellation.check()
          let count = read(input, block.baseAddress!, block.count)
          if count < 0 && errno == EINTR { continue }
          guard count >= 0 else { throw FileError.ofReading(source.path) }
          if count == 0 { break }
          try write(
            all: Data(bytesNoCopy: block.baseAddress!, count: count, deallocator: .none), to: output, for: target)
        }
      } catch {
        close(output)
        throw error
      }
      guard close(output) == 0 else { throw FileError.ofWriting(target) }
    }
  }
}
