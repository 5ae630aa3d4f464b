import Files
import Synchronization

/// Draws progress on the standard error: a bar on a terminal, a plain line now and then elsewhere. The first two reports are
/// always shown: that the work has begun, and the first step's pace.
final class ProgressDisplay: Sendable {
  private struct Work {
    let pace: Pace
    var lastDrawn: ContinuousClock.Instant
    var drawn = 1
  }
  private let title: String
  private let work = Mutex<Work?>(nil)

  init(_ title: String) { self.title = title }

  /// The receiver to hand to the work.
  var progress: Files.Progress { Files.Progress { done, total, note in self.update(done, total, note) } }

  private func update(_ done: Int, _ total: Int, _ note: String) {
    work.withLock { work in
      let now = ContinuousClock.now
      var pace = ""
      if let known = work {
        let interval: Duration = Console.isTerminal ? .milliseconds(100) : .seconds(10)
        let isDue = done == total || known.drawn < 2 || now - known.lastDrawn >= interval
        guard isDue || Console.loudness == .verbose else { return }
        work!.lastDrawn = now
        work!.drawn += 1
        pace = known.pace.text(after: done, now: now)
      } else {
        work = Work(pace: Pace(done: done, total: total, start: now), lastDrawn: now)
      }
      Console.draw(ProgressLine(title: title, done: done, total: total, pace: pace, note: note))
      if done == total { work = nil }
    }
  }
}
