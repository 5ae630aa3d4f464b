import Foundation
import Imaging

/// How many cases may be read at a time, so that memory stays bounded whatever their size and number.
package enum CaseMemory {
  /// What the cases at work may hold together: an eighth of the machine's memory, at least 3 GiB. One case is always
  /// let through.
  package static let limit = max(3 << 30, Int(clamping: ProcessInfo.processInfo.physicalMemory / 8))

  /// Divides `workers` threads: how many cases go at once, and how many threads each of them gets. The largest case
  /// decides.
  package static func divide(_ cases: [RawDataset.Case], workers: Int, limit: Int = limit) -> (cases: Int, threads: Int)
  {
    let largest = cases.map(bytes).max() ?? 0
    let fitting = max(1, limit / max(1, largest))
    let atOnce = max(1, min(workers, cases.count, fitting))
    return (atOnce, max(1, workers / atOnce))
  }

  /// About what a case takes while it is prepared or fingerprinted: up to 4 bytes a voxel for each channel, 2 for labels,
  /// 2 for flags and lists of voxels.
  private static func bytes(of source: RawDataset.Case) -> Int {
    // A header that cannot be read is reported when its volume is.
    guard let first = source.images.first, let header = try? NIfTI.readHeader(first) else { return 0 }
    return header.shape.reduce(4 * source.images.count + 4, *)
  }
}
