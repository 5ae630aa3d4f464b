import Files
import Foundation

/// How fast steps go and how long the rest will take, for people to read; nothing is computed from it.
public struct Pace {
  private let start = ContinuousClock.now
  private let doneAtStart: Int
  private let total: Int

  public init(done: Int, total: Int) {
    doneAtStart = done
    self.total = total
  }

  /// Such as "2.1 steps/s, 3 min 20 s left".
  public func note(after done: Int) -> String {
    let seconds = max(1e-9, (ContinuousClock.now - start) / .seconds(1))
    let rate = Double(max(1, done - doneAtStart)) / seconds
    let speed =
      rate >= 1 ? "\(String(format: "%.1f", rate)) steps/s" : "\(String(format: "%.1f", 1 / rate)) s/step"
    return "\(speed), \(TimeSpan.text(Double(total - done) / rate)) left"
  }
}

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
