import Files
import Foundation
import Synchronization

/// Draws progress on standard error: a bar on a terminal, a plain line now and then elsewhere.
final class ProgressDisplay: Sendable {
  private struct State {
    var start = ContinuousClock.now
    var lastDrawn: ContinuousClock.Instant?
    var doneAtStart = 0
    var drawnBar = false
  }
  private let title: String
  private let isTerminal = isatty(2) == 1
  private let state = Mutex(State())

  init(_ title: String) { self.title = title }

  /// The receiver to hand to the work.
  var progress: Files.Progress { Files.Progress { done, total, note in self.update(done, total, note) } }

  private func update(_ done: Int, _ total: Int, _ note: String) {
    state.withLock { state in
      let now = ContinuousClock.now
      if state.lastDrawn == nil {
        state.start = now
        state.doneAtStart = done
      }
      let interval: Duration = isTerminal ? .milliseconds(100) : .seconds(10)
      guard done == total || state.lastDrawn == nil || now - state.lastDrawn! >= interval else { return }
      state.lastDrawn = now
      let seconds = (now - state.start) / .seconds(1)
      let rate = seconds > 0 ? Double(done - state.doneAtStart) / seconds : 0
      var line = "\(title) \(done)/\(total)"
      if rate > 0 {
        line += rate >= 1 ? String(format: "  %.1f/s", rate) : String(format: "  %.1f s each", 1 / rate)
        if done < total {
          line += "  \(TimeSpan.text(Double(total - done) / rate)) left"
        } else {
          line += "  in \(TimeSpan.text(seconds))"
        }
      }
      if !note.isEmpty { line += "  \(note)" }
      if isTerminal {
        let filled = total > 0 ? done * 24 / total : 24
        let bar = String(repeating: "#", count: filled) + String(repeating: "-", count: 24 - filled)
        write("\r\u{1B}[K[\(bar)] \(line)" + (done == total ? "\n" : ""))
      } else {
        write(line + "\n")
      }
      if done == total { state = State() }
    }
  }
}

/// Writes a message to standard error; a terminal that is gone stops nothing.
func write(_ text: String) {
  var text = text
  text.withUTF8 { bytes in
    var rest = UnsafeRawBufferPointer(bytes)
    while let start = rest.baseAddress, !rest.isEmpty {
      let count = Foundation.write(2, start, rest.count)
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { return }
      rest = UnsafeRawBufferPointer(rebasing: rest[count...])
    }
  }
}
