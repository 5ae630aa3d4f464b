import Foundation

/// The first 512 bytes of a sealed file: the length and the SHA-256 of everything after them, in plain text. HDF5 leaves
/// this block to whoever wants it, so the file stays an ordinary HDF5 file; `tail -c +513 FILE | sha256sum` checks it by hand.
///
/// libhdf5 believes much of what it reads and can crash on damaged files: nothing of a sealed file is given to it before the
/// seal is found whole. A seal shows damage, not ill will: whoever makes a file can seal it.
public enum HDF5Seal {
  public static let length = 512

  private static let title = "segbench sealed HDF5 1\n"

  private static func text(digest: String, bytes: Int) -> Data {
    var data = Data("\(title)sha256 \(digest)\nbytes \(bytes)\n".utf8)
    data.append(contentsOf: [UInt8](repeating: 0, count: length - data.count))
    return data
  }

  /// Writes the seal into the block that was left free at the beginning of `temporary`, and checks it.
  /// - Parameter url: what the file will be called, for messages.
  static func close(_ temporary: URL, for url: URL) throws {
    let seal = text(
      digest: try Digest.sha256(ofFileAt: temporary, from: length), bytes: try fileSize(temporary) - length)
    try AtomicFile.overwrite(temporary, with: seal, for: url)
    // What it says was read from the file.
    guard try beginning(of: temporary) == seal else {
      throw DiskFailure(
        path: url.path, reason: "its seal does not read back as it was written; the disk may be failing")
    }
  }

  /// The digest under the seal.
  /// - Throws: `HDF5Error.unsealed` when there is none, `HDF5Error.changed` when any byte is another than when it was sealed.
  @discardableResult
  public static func check(_ url: URL) throws -> String {
    let size = try fileSize(url)
    let block = try beginning(of: url)
    guard block.starts(with: Data(title.utf8)) else { throw HDF5Error.unsealed(path: url.path) }
    guard size > length else { throw HDF5Error.changed(path: url.path) }
    let digest = try Digest.sha256(ofFileAt: url, from: length)
    // The block holds nothing but what follows from the rest, so that a change within it shows as well.
    guard block == text(digest: digest, bytes: size - length) else { throw HDF5Error.changed(path: url.path) }
    return digest
  }

  /// Whether these first bytes of a file begin a seal.
  public static func begins(_ data: Data) -> Bool { data.starts(with: Data(title.utf8)) }

  private static func beginning(of url: URL) throws -> Data {
    do {
      let file = try FileHandle(forReadingFrom: url)
      defer { try? file.close() }
      return try file.read(upToCount: length) ?? Data()
    } catch {
      throw DiskFailure(reading: url.path, error) ?? FileError.ofReading(url.path)
    }
  }
}
