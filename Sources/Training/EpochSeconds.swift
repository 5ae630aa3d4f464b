import Files
import Foundation

/// The epochs' wall times, kept in a small text beside a checkpoint: the checkpoint's bytes must not depend on a clock.
enum EpochSeconds {
  private static func url(beside checkpoint: URL) -> URL {
    checkpoint.deletingPathExtension().appendingPathExtension("seconds.txt")
  }

  static func write(_ seconds: [Double], beside checkpoint: URL) throws {
    let text = seconds.map { String(format: "%.3f\n", $0) }.joined()
    try AtomicFile.write(Data(text.utf8), to: url(beside: checkpoint))
  }

  /// As many as there are epochs; 0 for those that no file tells.
  static func read(beside checkpoint: URL, count: Int) -> [Double] {
    let text = (try? String(contentsOf: url(beside: checkpoint), encoding: .utf8)) ?? ""
    let known = text.split(separator: "\n").prefix(count).map { Double($0) ?? 0 }
    return known + [Double](repeating: 0, count: count - known.count)
  }
}
