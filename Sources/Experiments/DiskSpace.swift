import Files
import Foundation

/// What a piece of work will leave on disk, estimated from above.
struct DiskNeed {
  let bytes: Int
  /// Where they go; the folder need not be there yet.
  let folder: URL
  /// What they are, in a few words.
  let purpose: String
}

/// Whether the disks can hold what is about to be written, asked before it starts.
enum DiskSpace {
  /// Refuses work that won't fit: what goes to the same file system is one sum.
  /// - Throws: `DiskSpaceError`.
  static func require(_ needs: [DiskNeed]) throws {
    var sums: [(device: dev_t, place: URL, needs: [DiskNeed])] = []
    for need in needs where need.bytes > 0 {
      var place = need.folder
      while !exists(place) && place.path != "/" { place.deleteLastPathComponent() }
      var status = stat()
      guard stat(place.path, &status) == 0 else { continue }
      if let index = sums.firstIndex(where: { $0.device == status.st_dev }) {
        sums[index].needs.append(need)
      } else {
        sums.append((status.st_dev, place, [need]))
      }
    }
    for sum in sums {
      var status = statvfs()
      // A file system that doesn't say what it has is taken at its word when it is full.
      guard statvfs(sum.place.path, &status) == 0, status.f_blocks > 0 else { continue }
      let free = Int(clamping: UInt64(status.f_bavail) * UInt64(status.f_frsize))
      guard sum.needs.reduce(0, { $0 + $1.bytes }) <= free else {
        throw DiskSpaceError(path: sum.place.path, needs: sum.needs.map { ($0.purpose, $0.bytes) }, free: free)
      }
    }
  }

  /// Bytes of the files that are there.
  static func size(of files: [URL]) -> Int { files.reduce(0) { $0 + ((try? fileSize($1)) ?? 0) } }
}

/// A disk without room for what is about to be written.
public struct DiskSpaceError: InputError {
  public let path: String
  /// What is to be written, and its bytes.
  public let needs: [(purpose: String, bytes: Int)]
  /// Bytes.
  public let free: Int
  public var needed: Int { needs.reduce(0) { $0 + $1.bytes } }

  public var description: String {
    func text(_ bytes: Int) -> String {
      bytes >= 1 << 30
        ? String(format: "%.1f GiB", Double(bytes) / Double(1 << 30))
        : String(format: "%.1f MiB", Double(bytes) / Double(1 << 20))
    }
    let parts = needs.map { "\($0.purpose) (\(text($0.bytes)))" }.joined(separator: ", ")
    return "up to \(text(needed)) will be written below \(path), which has \(text(free)) free: \(parts); make room, or "
      + "set SEGBENCH_HOME to a folder on a larger disk"
  }
}
