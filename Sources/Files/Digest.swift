import CCrypto
import Foundation

/// SHA-256 of bytes and files, by libcrypto.
public enum Digest {
  /// The SHA-256 of `data` in 64 lower-case hexadecimal digits.
  public static func sha256(of data: Data) -> String {
    var stream = SHA256Stream()
    stream.update(data)
    return stream.finish()
  }

  /// The SHA-256 of bytes in memory.
  public static func sha256(of bytes: UnsafeRawBufferPointer) -> String {
    var stream = SHA256Stream()
    stream.update(bytes)
    return stream.finish()
  }

  /// The SHA-256 of a text's UTF-8 bytes.
  public static func sha256(of text: String) -> String { sha256(of: Data(text.utf8)) }

  /// The SHA-256 of the file at `url`, read in blocks of 1 MiB.
  /// - Parameter offset: how many bytes at its beginning are left out.
  /// - Throws: `FileError`, and `CancellationError` once a stop was asked for.
  public static func sha256(ofFileAt url: URL, from offset: Int = 0) throws -> String {
    _ = try fileSize(url)
    guard let file = fopen(url.path, "rb") else {
      throw FileError.ofReading(url.path)
    }
    defer { fclose(file) }
    guard offset == 0 || fseek(file, offset, SEEK_SET) == 0 else {
      throw FileError.ofReading(url.path)
    }
    var stream = SHA256Stream()
    let block = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 16)
    defer { block.deallocate() }
    while true {
      try Cancellation.check()
      let count = fread(block.baseAddress, 1, block.count, file)
      if count == 0 { break }
      stream.update(UnsafeRawBufferPointer(rebasing: block[..<count]))
    }
    guard ferror(file) == 0 else {
      throw FileError.ofReading(url.path)
    }
    return stream.finish()
  }
}

/// A SHA-256 fed piece by piece.
public struct SHA256Stream: ~Copyable {
  private let context: OpaquePointer

  public init() {
    guard let context = EVP_MD_CTX_new(), EVP_DigestInit_ex(context, EVP_sha256(), nil) == 1 else {
      preconditionFailure("libcrypto has no SHA-256")
    }
    self.context = context
  }

  deinit { EVP_MD_CTX_free(context) }

  public mutating func update(_ bytes: UnsafeRawBufferPointer) {
    let result = EVP_DigestUpdate(context, bytes.baseAddress, bytes.count)
    precondition(result == 1, "libcrypto refused bytes")
  }

  public mutating func update(_ data: Data) {
    data.withUnsafeBytes { update($0) }
  }

  /// The digest of some bytes.
  static func digest(of bytes: UnsafeRawBufferPointer) -> String {
    var stream = SHA256Stream()
    stream.update(bytes)
    return stream.finish()
  }

  /// The digest of all bytes given, in 64 lower-case hexadecimal digits.
  public consuming func finish() -> String {
    var digest = [UInt8](repeating: 0, count: 32)
    let result = EVP_DigestFinal_ex(context, &digest, nil)
    precondition(result == 1, "libcrypto could not finish a digest")
    let digits = Array("0123456789abcdef".utf8)
    var text: [UInt8] = []
    text.reserveCapacity(64)
    for byte in digest {
      text.append(digits[Int(byte >> 4)])
      text.append(digits[Int(byte & 15)])
    }
    return String(decoding: text, as: UTF8.self)
  }
}
