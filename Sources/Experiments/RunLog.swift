import Files
import Foundation
import Synchronization

/// What a run said, in its folder's log.txt, each line with its time in UTC: what is left when the terminal is gone. At
/// 4 MiB the file becomes log.1.txt and a new one begins.
final class RunLog: Sendable {
  static let greatestLength = 4 << 20

  private let file: URL
  private struct Work {
    let title: String
    let pace: Pace
    var done: Int
    var lastLine = ContinuousClock.now
  }
  /// What goes on, and when its last line was written.
  private let work = Mutex<Work?>(nil)

  init(folder: URL) { file = folder.appendingPathComponent("log.txt") }

  /// Adds a line. A log that can't be written stops nothing.
  func write(_ text: String) {
    var status = stat()
    if stat(file.path, &status) == 0, status.st_size > Self.greatestLength {
      rename(file.path, file.deletingLastPathComponent().appendingPathComponent("log.1.txt").path)
    }
    // Neither a link is followed nor a pipe's reader waited for.
    let descriptor = open(file.path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { return }
    defer { close(descriptor) }
    let line = Data("\(Date().formatted(.iso8601))  \(text)\n".utf8)
    _ = line.withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress, $0.count) }
  }

  /// Adds how far a piece of work is, at most once a minute and when it is done.
  func write(_ title: String, _ done: Int, _ total: Int, _ note: String) {
    let pace = work.withLock { work -> String? in
      let now = ContinuousClock.now
      guard let known = work, known.title == title, known.done <= done else {
        work = Work(title: title, pace: Pace(done: done, total: total), done: done)
        return ""
      }
      work?.done = done
      if done < total, now - known.lastLine < .seconds(60) { return nil }
      work?.lastLine = now
      return known.pace.text(after: done)
    }
    guard let pace else { return }
    write(ProgressLine(title: title, done: done, total: total, pace: pace, note: note).text)
  }
}
