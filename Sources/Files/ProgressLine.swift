/// How far a piece of work is, on one line.
public struct ProgressLine: Sendable {
  public let title: String
  public let done: Int
  public let total: Int
  /// What `Pace` says.
  public let pace: String
  public let note: String

  public init(title: String, done: Int, total: Int, pace: String, note: String) {
    self.title = title
    self.done = done
    self.total = total
    self.pace = pace
    self.note = note
  }

  /// Title, count, pace and note, for a file or a log.
  public var text: String { [head, pace, note.visible].filter { !$0.isEmpty }.joined(separator: "  ") }

  private var head: String { "\(title) \(done)/\(total)" }

  /// With a bar before it, and in no more than so many columns: where there is too little room the note is cut or left out,
  /// then the bar, and last of all count and pace are cut.
  public func text(columns: Int) -> String {
    let essential = [head, pace].filter { !$0.isEmpty }.joined(separator: "  ")
    let room = columns - essential.count
    let bar = [24, 12].first { $0 + 3 <= room }.map { Self.bar(done, total, width: $0) + " " } ?? ""
    let line = bar + text
    if line.count <= columns { return line }
    let kept = bar + essential
    // Two spaces, two characters of the note and the ellipsis say something.
    if kept.count <= columns && kept.count + 5 > columns { return kept }
    return columns > 0 ? String(line.prefix(columns - 1)) + "…" : ""
  }

  private static func bar(_ done: Int, _ total: Int, width: Int) -> String {
    let filled = total > 0 ? min(width, max(0, done) * width / total) : width
    return "[" + String(repeating: "#", count: filled) + String(repeating: "-", count: width - filled) + "]"
  }
}
