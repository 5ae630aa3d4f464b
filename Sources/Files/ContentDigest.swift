import CZlib
import Foundation

extension Digest {
  /// The SHA-256 of what a file says: of what it decompresses to where its name ends in `.gz`, else of its bytes.
  ///
  /// The same content compressed by another version of zlib, or at another level, has the same digest. A `.gz` that does not
  /// decompress to its end counts by its bytes; whoever reads it will say what is wrong with it.
  /// - Throws: `FileError`, and `CancellationError` once a stop was asked for.
  public static func sha256(ofContentOf url: URL) throws -> String {
    if url.pathExtension.lowercased() == "gz", let digest = try sha256(decompressing: url) { return digest }
    return try sha256(ofFileAt: url)
  }

  /// In blocks of 1 MiB; nil when the file is no whole gzip file.
  private static func sha256(decompressing url: URL) throws -> String? {
    _ = try fileSize(url)
    guard let file = gzopen(url.path, "rb") else { throw FileError.ofReading(url.path) }
    var stream = SHA256Stream()
    let block = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 16)
    defer { block.deallocate() }
    var count: Int32 = 0
    do {
      repeat {
        try Cancellation.check()
        count = gzread(file, block.baseAddress, UInt32(block.count))
        if count > 0 { stream.update(UnsafeRawBufferPointer(rebasing: block[..<Int(count)])) }
      } while count > 0
      var state: Int32 = 0
      _ = gzerror(file, &state)
      if state == Z_ERRNO || state == Z_MEM_ERROR { throw FileError.ofReading(url.path) }
    } catch {
      gzclose_r(file)
      throw error
    }
    // Closing tells of a file that ends too early, and of a failure of its own, which says nothing about the content.
    let closing = gzclose_r(file)
    if closing == Z_ERRNO { throw FileError.ofReading(url.path) }
    return closing == Z_OK && count == 0 ? stream.finish() : nil
  }
}
