import Files
import Foundation

/// The first 512 bytes of an archive: its length and the SHA-256 of everything after them, in plain text. HDF5 leaves this
/// block to whoever wants it, so the file stays an ordinary HDF5 file; `tail -c +513 FILE | sha256sum` checks it by hand.
///
/// libhdf5 believes much of what it reads and can crash on damaged files; nothing of an archive is given to it before the
/// seal is found whole.
enum ArchiveSeal {
  static let length = 512

  private static func text(digest: String, bytes: Int) -> Data {
    var data = Data("segbench archive 1\nsha256 \(digest)\nbytes \(bytes)\n".utf8)
    data.append(contentsOf: [UInt8](repeating: 0, count: length - data.count))
    return data
  }

  /// Writes the seal into the block that was left free at the file's beginning.
  static func close(_ url: URL) throws {
    let seal = text(digest: try digest(afterBlockOf: url), bytes: try fileSize(url) - length)
    let file = try FileHandle(forWritingTo: url)
    defer { try? file.close() }
    try file.write(contentsOf: seal)
    try file.synchronize()
  }

  /// The digest under the seal.
  /// - Throws: `ArchiveError` when the file is no archive, or any of its bytes is another than when it was sealed.
  @discardableResult
  static func check(_ url: URL) throws -> String {
    let size = try fileSize(url)
    let file = try FileHandle(forReadingFrom: url)
    defer { try? file.close() }
    let block = try file.read(upToCount: length) ?? Data()
    guard size > length, block.starts(with: Data("segbench archive".utf8)) else {
      throw ArchiveError.notAnArchive(url.path)
    }
    guard block.starts(with: Data("segbench archive 1\n".utf8)) else { throw ArchiveError.otherVersion(url.path) }
    let digest = try digest(afterBlockOf: url)
    // The block holds nothing but what is derived from the rest, so that a change within it shows as well.
    guard block == text(digest: digest, bytes: size - length) else { throw ArchiveError.changed(url.path) }
    return digest
  }

  private static func digest(afterBlockOf url: URL) throws -> String {
    let file = try FileHandle(forReadingFrom: url)
    defer { try? file.close() }
    try file.seek(toOffset: UInt64(length))
    var stream = SHA256Stream()
    while let block = try file.read(upToCount: 1 << 20), !block.isEmpty { stream.update(block) }
    return stream.finish()
  }
}

/// What can be wrong with an archive.
public enum ArchiveError: InputError {
  case notAnArchive(String)
  case otherVersion(String)
  case changed(String)
  case unsound(String, String)
  case otherFile(path: String, name: String)
  case missingFile(String)
  case nothingToReplay(String)
  case notEmpty(String)

  public var description: String {
    switch self {
    case .notAnArchive(let path): "\(path) is not an archive that segbench archive pack wrote"
    case .otherVersion(let path):
      "\(path) is an archive of another version than 1: use the segbench that wrote it"
    case .changed(let path):
      "\(path) was changed, damaged or cut short after it was packed: its bytes do not have the SHA-256 that it carries; "
        + "nothing of it was read"
    case .unsound(let path, let problem): "\(path) is no sound archive: \(problem)"
    case .otherFile(let path, let name):
      "\(path): \(name) is not the file that was packed (its SHA-256 differs from the manifest's)"
    case .missingFile(let path): "\(path) is missing: a run without it cannot be packed"
    case .nothingToReplay(let path): "\(path) holds no run with that identity"
    case .notEmpty(let path): "\(path) is not empty: name another folder"
    }
  }
}
