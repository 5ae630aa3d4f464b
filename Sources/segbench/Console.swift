import Files
import Foundation
import Synchronization

/// What is said beside a command's result, on the standard error. Messages and progress take turns there.
enum Console {
  enum Loudness {
    /// Warnings and errors alone.
    case quiet
    case usual
    /// Each message and each step of progress on a line of its own, with the time.
    case verbose
  }

  enum Colour: String {
    case red = "31"
    case yellow = "33"
  }

  private struct State {
    var loudness = Loudness.usual
    /// Whether the last line is a bar that the next step draws again.
    var endsInBar = false
    var paths = GivenPaths([])
  }
  private static let state = Mutex(State())

  static let isTerminal = isatty(2) == 1

  /// Colour is for terminals that have it, and for users who want it (https://no-color.org).
  private static let isColoured: Bool = {
    func setting(_ name: String) -> String { getenv(name).map { String(cString: $0) } ?? "" }
    return isTerminal && setting("NO_COLOR").isEmpty && setting("TERM") != "dumb"
  }()

  static var loudness: Loudness {
    get { state.withLock { $0.loudness } }
    set { state.withLock { $0.loudness = newValue } }
  }

  /// What the command line named; messages say it so.
  static func speak(of paths: GivenPaths) { state.withLock { $0.paths = paths } }

  /// The columns of the terminal; nil where the standard error is none, or doesn't say.
  static var columns: Int? {
    guard isTerminal else { return nil }
    var size = winsize()
    guard ioctl(2, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
    return Int(size.ws_col)
  }

  /// Says a message, on lines of its own. A warning is said to quiet users too.
  static func say(_ text: String) {
    let isWarning = text.hasPrefix("warning: ")
    let shown = isWarning ? coloured("warning:", .yellow) + text.dropFirst("warning:".count) : text
    put(shown, unlessQuiet: !isWarning)
  }

  static func warn(_ text: String) { say("warning: " + text) }

  /// Says why a command ends.
  static func fail(_ text: String) {
    put(coloured("segbench:", .red) + " " + text, unlessQuiet: false, withTime: false)
  }

  /// Draws progress: on a terminal in place of what was drawn before, elsewhere on a line of its own.
  static func draw(_ line: ProgressLine) {
    guard let columns, loudness == .usual else { return put(line.text, unlessQuiet: true) }
    state.withLock { state in
      let isDone = line.done == line.total
      // One column is left for the cursor: terminals break a full line.
      raw("\r\u{1B}[K" + line.text(columns: columns - 1) + (isDone ? "\n" : ""))
      state.endsInBar = !isDone
    }
  }

  private static func put(_ text: String, unlessQuiet: Bool, withTime: Bool = true) {
    state.withLock { state in
      guard !unlessQuiet || state.loudness != .quiet else { return }
      let isTimed = withTime && state.loudness == .verbose
      let time = isTimed ? Date().formatted(.iso8601) + "  " : ""
      raw((state.endsInBar ? "\n" : "") + time + state.paths.restored(in: text) + "\n")
      state.endsInBar = false
    }
  }

  private static func coloured(_ text: String, _ colour: Colour) -> String {
    isColoured ? "\u{1B}[\(colour.rawValue)m\(text)\u{1B}[0m" : text
  }

  /// Writes to the standard error; a terminal that is gone stops nothing.
  private static func raw(_ text: String) {
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
}
