/// A Markdown table whose source is aligned too, so that it reads well in a terminal.
struct MarkdownTable {
  enum Alignment { case left, right }

  private let alignments: [Alignment]
  private var lines: [[String]]

  init(_ columns: [(title: String, alignment: Alignment)]) {
    alignments = columns.map(\.alignment)
    lines = [columns.map(\.title)]
  }

  mutating func append(_ cells: [String]) {
    precondition(cells.count == alignments.count, "a line of \(cells.count) cells in \(alignments.count) columns")
    lines.append(cells.map(Self.escaped))
  }

  /// A cell's text can't end the cell or the line.
  private static func escaped(_ cell: String) -> String {
    plain(cell.replacing("|", with: "\\|"))
  }

  /// A text on one line.
  static func plain(_ text: String) -> String {
    text.replacing("\r\n", with: " ").replacing("\n", with: " ").replacing("\r", with: " ")
  }

  /// A text as a code span that its own backticks don't end.
  static func code(_ text: String) -> String {
    var (longest, run) = (0, 0)
    for character in text {
      run = character == "`" ? run + 1 : 0
      longest = max(longest, run)
    }
    let fence = String(repeating: "`", count: longest + 1)
    return longest == 0 ? fence + text + fence : "\(fence) \(text) \(fence)"
  }

  /// The table's lines, each ended by a line feed.
  var text: String {
    let widths = alignments.indices.map { column in max(3, lines.map { $0[column].count }.max() ?? 0) }
    func line(_ cells: [String]) -> String { "| " + cells.joined(separator: " | ") + " |\n" }
    func padded(_ cells: [String]) -> [String] {
      cells.indices.map { column in
        let space = String(repeating: " ", count: widths[column] - cells[column].count)
        return alignments[column] == .left ? cells[column] + space : space + cells[column]
      }
    }
    let rule = alignments.indices.map { column in
      let dashes = String(repeating: "-", count: widths[column] - 1)
      return alignments[column] == .left ? dashes + "-" : dashes + ":"
    }
    return line(padded(lines[0])) + line(rule) + lines.dropFirst().map { line(padded($0)) }.joined()
  }
}
