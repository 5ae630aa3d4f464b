import Files
import Foundation

/// What a piece of work will leave on disk, estimated before it starts.
enum DiskSpace {
  /// Refuses work that won't fit.
  /// - Parameters:
  ///   - bytes: an estimate from above.
  ///   - folder: where they go; the folder or one above it exists.
  ///   - purpose: what they are, in a few words.
  /// - Throws: `DiskSpaceError`.
  static func require(_ bytes: Int, in folder: URL, for purpose: String) throws {
    var place = folder
    while !exists(place) && place.path != "/" { place.deleteLastPathComponent() }
    var status = statvfs()
    // A file system that doesn't say what it has is taken at its word when it is full.
    guard statvfs(place.path, &status) == 0, status.f_blocks > 0 else { return }
    let free = Int(clamping: UInt64(status.f_bavail) * UInt64(status.f_frsize))
    guard bytes <= free else {
      throw DiskSpaceError(path: place.path, purpose: purpose, needed: bytes, free: free)
    }
  }
}

/// A disk without room for what is about to be written.
public struct DiskSpaceError: InputError {
  public let path: String
  public let purpose: String
  /// Bytes.
  public let needed: Int
  public let free: Int

  public var description: String {
    func text(_ bytes: Int) -> String {
      bytes >= 1 << 30
        ? String(format: "%.1f GiB", Double(bytes) / Double(1 << 30))
        : String(format: "%.1f MiB", Double(bytes) / Double(1 << 20))
    }
    return "\(purpose) will take up to \(text(needed)) in \(path), which has \(text(free)) free: make room, or set "
      + "SEGBENCH_HOME to a folder on a larger disk"
  }
}
