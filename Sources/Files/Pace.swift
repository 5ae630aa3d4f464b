import Foundation

/// How fast units are done and how long the rest will take, for people to read; nothing is computed from it.
public struct Pace: Sendable {
  private let start: ContinuousClock.Instant
  private let doneAtStart: Int
  private let total: Int

  /// - Parameter done: the units that were done before the clock started.
  public init(done: Int, total: Int, start: ContinuousClock.Instant = .now) {
    self.start = start
    doneAtStart = done
    self.total = total
  }

  /// Such as "2.1/s, 3 min 20 s left" or "4.0 s each, 2 days 3 h left"; "in 40 s" when all is done, and "" before the first
  /// unit is.
  public func text(after done: Int, now: ContinuousClock.Instant = .now) -> String {
    let seconds = max(1e-9, (now - start) / .seconds(1))
    guard done > doneAtStart else { return "" }
    let rate = Double(done - doneAtStart) / seconds
    let speed = rate >= 1 ? String(format: "%.1f/s", rate) : String(format: "%.1f s each", 1 / rate)
    return speed + (done < total ? ", \(timeText(Double(total - done) / rate)) left" : ", in \(timeText(seconds))")
  }
}
