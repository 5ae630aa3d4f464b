import Foundation

/// The Markdown that our reports write, as HTML: headings, paragraphs, lists, tables, code, strong words and footnotes. What it
/// does not know stays text.
package struct MarkdownHTML {
  /// A table's cell, for whoever knows where it leads.
  package struct Cell {
    /// The last heading above it, without its marks.
    package let section: String
    /// Counted from 0 in the whole document.
    package let table: Int
    package let columns: [String]
    package let column: Int
    /// The row's number from 0 and its cells as text.
    package let number: Int
    package let row: [String]

    /// The title of its column.
    package var title: String { columns[column] }
  }

  /// What footnotes' places begin with, so that two documents fit into one page.
  let prefix: String
  /// Levels that headings are lowered by.
  let lowering: Int
  /// Where a cell leads, such as "#run-78f0c73278".
  let target: (Cell) -> String?

  package init(prefix: String, lowering: Int = 0, target: @escaping (Cell) -> String? = { _ in nil }) {
    self.prefix = prefix
    self.lowering = lowering
    self.target = target
  }

  package func html(_ markdown: String) -> String {
    var html = ""
    var section = ""
    var tables = 0
    var lines = markdown.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)[...]
    func take(while belongs: (String) -> Bool) -> [String] {
      let taken = lines.prefix(while: belongs)
      lines = lines.dropFirst(taken.count)
      return Array(taken)
    }
    while let line = lines.first {
      if line.isEmpty {
        lines = lines.dropFirst()
      } else if let level = Self.headingLevel(line) {
        section = String(line.dropFirst(level + 1))
        let name = "h\(min(6, level + lowering))"
        html += HTML.element(name, [], inline(section)) + "\n"
        lines = lines.dropFirst()
      } else if line.hasPrefix("|") {
        html += table(take { $0.hasPrefix("|") }, section, tables)
        tables += 1
      } else if line.hasPrefix("- ") {
        // An item's further lines are indented.
        let items = take { $0.hasPrefix("- ") || $0.hasPrefix("  ") }.reduce(into: [String]()) { items, line in
          if line.hasPrefix("- ") {
            items.append(String(line.dropFirst(2)))
          } else {
            items[items.count - 1] += line.dropFirst()
          }
        }
        html += "<ul>\n" + items.map { "<li>\(inline($0))</li>\n" }.joined() + "</ul>\n"
      } else if let (number, text) = Self.footnote(line) {
        html += "<p class=\"note\" id=\"\(prefix)-note-\(number)\"><sup>\(number)</sup> \(inline(text))</p>\n"
        lines = lines.dropFirst()
      } else {
        let paragraph = take {
          !$0.isEmpty && !$0.hasPrefix("|") && !$0.hasPrefix("- ") && Self.headingLevel($0) == nil
            && Self.footnote($0) == nil
        }
        html += "<p>\(inline(paragraph.joined(separator: " ")))</p>\n"
      }
    }
    return html
  }

  private static func headingLevel(_ line: String) -> Int? {
    let level = line.prefix { $0 == "#" }.count
    return (1...6).contains(level) && line.dropFirst(level).hasPrefix(" ") ? level : nil
  }

  private static func footnote(_ line: String) -> (number: String, text: String)? {
    guard line.hasPrefix("[^"), let end = line.firstIndex(of: "]") else { return nil }
    let number = line[line.index(line.startIndex, offsetBy: 2)..<end]
    let rest = line[line.index(after: end)...]
    guard rest.hasPrefix(": "), !number.isEmpty, number.allSatisfy(\.isNumber) else { return nil }
    return (String(number), String(rest.dropFirst(2)))
  }

  // MARK: - Tables

  private func table(_ lines: [String], _ section: String, _ number: Int) -> String {
    let rows = lines.map(Self.cells)
    guard rows.count >= 2 else { return rows.map { "<p>\(inline($0.joined(separator: " | ")))</p>\n" }.joined() }
    let columns = rows[0]
    func isNumber(_ column: Int) -> Bool { column < rows[1].count && rows[1][column].hasSuffix(":") }
    let body = rows.dropFirst(2).enumerated().map { place, row in
      row.indices.map { column -> String in
        let content = inline(row[column])
        guard column < columns.count, !content.isEmpty else { return content }
        let cell = Cell(
          section: section, table: number, columns: columns, column: column, number: place, row: row)
        guard let place = target(cell) else { return content }
        // A link can't hold the link of a footnote.
        let parts = row[column].split(separator: " [^", maxSplits: 1).map(String.init)
        return HTML.link(place, inline(parts[0])) + (parts.count > 1 ? inline(" [^" + parts[1]) : "")
      }
    }
    return HTML.table(columns.map(inline), body, isNumber: isNumber)
  }

  /// A line's cells; a bar after a backslash is part of one.
  static func cells(_ line: String) -> [String] {
    var cells: [String] = [""]
    var isEscaped = false
    for character in line.dropFirst() {
      if character == "|" && !isEscaped {
        cells.append("")
      } else {
        if isEscaped && character != "|" { cells[cells.count - 1].append("\\") }
        if character != "\\" || isEscaped { cells[cells.count - 1].append(character) }
      }
      isEscaped = character == "\\" && !isEscaped
    }
    if cells.last?.allSatisfy(\.isWhitespace) == true { cells.removeLast() }
    return cells.map { cell in
      let words = cell.drop { $0 == " " }
      return String(words[..<(words.lastIndex { $0 != " " }.map(words.index(after:)) ?? words.startIndex)])
    }
  }

  // MARK: - Words

  private func inline(_ text: String) -> String {
    var html = ""
    var rest = text[...]
    while let character = rest.first {
      if character == "`" {
        let fence = rest.prefix { $0 == "`" }
        let body = rest.dropFirst(fence.count)
        if let end = body.range(of: String(fence)) {
          let code = body[..<end.lowerBound]
          html += HTML.element(
            "code", [], HTML.text(fence.count > 1 ? String(code.dropFirst().dropLast()) : String(code)))
          rest = body[end.upperBound...]
          continue
        }
      } else if rest.hasPrefix("**"), let end = rest.dropFirst(2).range(of: "**") {
        html += HTML.element("strong", [], inline(String(rest.dropFirst(2)[..<end.lowerBound])))
        rest = rest[end.upperBound...]
        continue
      } else if rest.hasPrefix("[^"), let end = rest.firstIndex(of: "]") {
        let number = String(rest.dropFirst(2)[..<end])
        if !number.isEmpty, number.allSatisfy(\.isNumber) {
          html += "<sup>" + HTML.link("#\(prefix)-note-\(number)", number) + "</sup>"
          rest = rest[rest.index(after: end)...]
          continue
        }
      }
      html += HTML.text(String(character))
      rest = rest.dropFirst()
    }
    return html
  }
}
