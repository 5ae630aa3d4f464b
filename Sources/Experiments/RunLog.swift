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

  /// The last that a run's log tells.
  struct LastWords {
    /// How far the work was, such as "training 12/80  2.1/s, 3 min left"; nil where no line says so.
    var progress: String?
    /// Why the run stopped; nil where it has not, or was asked to.
    var failure: String?
    /// When the file was last written to.
    var date: Date
  }

  /// Reads the end of a run's log; nil without one.
  static func lastWords(in folder: URL) -> LastWords? {
    let file = folder.appendingPathComponent("log.txt")
    var status = stat()
    guard lstat(file.path, &status) == 0, status.st_mode & S_IFMT == S_IFREG,
      let handle = try? FileHandle(forReadingFrom: file)
    else { return nil }
    defer { try? handle.close() }
    let length = (try? handle.seekToEnd()) ?? 0
    try? handle.seek(toOffset: length > 16384 ? length - 16384 : 0)
    let text = String(decoding: (try? handle.readToEnd()) ?? Data(), as: UTF8.self)
    // A line begins with its time; messages of several lines go on without one.
    let lines = text.split(separator: "\n").compactMap { $0.wholeMatch(of: #/\d{4}-\d\d-\d\dT[0-9:]+Z  (.*)/#)?.1 }
    var last = LastWords(date: Date(timeIntervalSince1970: Double(status.st_mtim.tv_sec)))
    if let line = lines.last, line.hasPrefix("stopped: "), !line.hasPrefix("stopped: interrupted") {
      last.failure = String(line.dropFirst("stopped: ".count)).visible
    }
    last.progress = lines.last { $0.contains(#/^[^:]+ \d+\/\d+(  |$)/#) }.map { String($0).visible }
    return last
  }

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
