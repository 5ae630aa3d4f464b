import Files
import Synchronization

/// Counts finished units from any thread and reports them.
final class ProgressCounter: Sendable {
  private let done = Mutex(0)
  private let total: Int
  private let progress: Progress

  init(total: Int, progress: Progress) {
    self.total = total
    self.progress = progress
    if total > 0 { progress(0, of: total) }
  }

  func advance(note: String = "") {
    // Reported under the lock, so that the count never goes back.
    done.withLock {
      $0 += 1
      progress($0, of: total, note: note)
    }
  }
}
