import Files

/// Pieces of HTML. Every text of others passes through `text` or `attribute`.
enum HTML {
  /// A text as HTML shows it, whatever is in it.
  static func text(_ text: String) -> String {
    text.visible.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
      .replacing("\"", with: "&quot;").replacing("'", with: "&#39;")
  }

  /// An element around HTML.
  static func element(_ name: String, _ attributes: [(String, String)] = [], _ content: String) -> String {
    "<\(name)" + attributes.map { " \($0)=\"\(text($1))\"" }.joined() + ">\(content)</\(name)>"
  }

  static func link(_ target: String, _ content: String) -> String { element("a", [("href", target)], content) }

  /// A part that opens on a tap.
  static func details(_ summary: String, _ content: String, isOpen: Bool = false) -> String {
    "<details\(isOpen ? " open" : "")><summary>\(text(summary))</summary>\n\(content)\n</details>\n"
  }

  /// A text as the name of a place in the page: letters, digits and hyphens.
  static func place(_ text: String) -> String {
    String(
      text.unicodeScalars.map {
        $0.isASCII && ($0.properties.isAlphabetic || $0.properties.numericType != nil) ? Character($0) : "-"
      })
  }

  /// A table whose columns sort on a tap; a number's column is set right.
  static func table(_ headings: [String], _ rows: [[String]], isNumber: (Int) -> Bool = { _ in false }) -> String {
    func cells(_ name: String, _ texts: [String]) -> String {
      texts.enumerated().map { column, cell in
        "<\(name)\(isNumber(column) ? " class=\"number\"" : "")>\(cell)</\(name)>"
      }.joined()
    }
    return "<div class=\"scroll\"><table class=\"sortable\"><thead><tr>\(cells("th", headings))</tr></thead>\n<tbody>\n"
      + rows.map { "<tr>\(cells("td", $0))</tr>\n" }.joined() + "</tbody></table></div>\n"
  }
}
