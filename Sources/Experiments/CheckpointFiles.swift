import Files
import Foundation

/// The two checkpoints in a run's folder: the latest, and the one before it in case the latest was damaged.
struct CheckpointFiles {
  let latest: URL
  private let previous: URL
  private let folder: URL

  /// Makes the folder, and sees to it that `latest`, if there is one, can be read: a damaged one is set aside and the one
  /// before it takes its place.
  init(_ run: URL, say: (String) -> Void) throws {
    folder = run.appendingPathComponent("checkpoints", isDirectory: true)
    latest = folder.appendingPathComponent("latest.h5")
    previous = folder.appendingPathComponent("previous.h5")
    try makeFolder(folder)
    if try exists(latest) && !isReadable(latest) {
      let aside = folder.appendingPathComponent("damaged.h5")
      guard rename(latest.path, aside.path) == 0 else { throw FileError.ofWriting(aside) }
      say("\(latest.path) is damaged or cut short; it is set aside as \(aside.lastPathComponent)")
    }
    guard !exists(latest), exists(previous) else { return }
    if try isReadable(previous) {
      guard rename(previous.path, latest.path) == 0 else { throw FileError.ofWriting(latest) }
      say("going on from the checkpoint before it")
    } else {
      unlink(previous.path)
      say("the checkpoint before it is damaged too: the training starts again")
    }
  }

  /// - Throws: `DiskFailure` when the disk would not say, `CancellationError` when it was stopped over it: neither is damage.
  private func isReadable(_ url: URL) throws -> Bool {
    do { try HDF5Seal.check(url) } catch is HDF5Error { return false }
    return true
  }
}
