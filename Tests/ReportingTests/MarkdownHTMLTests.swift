import Foundation
import FoundationXML
import Reporting
import Testing

@Suite struct MarkdownHTMLTests {
  private let renderer = MarkdownHTML(prefix: "t", lowering: 1)

  @Test(arguments: [
    ("# A & B", "<h2>A &amp; B</h2>\n"), ("###### F", "<h6>F</h6>\n"), ("#no heading", "<p>#no heading</p>\n"),
    ("one\ntwo\n\nthree", "<p>one two</p>\n<p>three</p>\n"),
    ("**a `b`** c", "<p><strong>a <code>b</code></strong> c</p>\n"),
    ("`` a`b ``", "<p><code>a`b</code></p>\n"), ("a ` b", "<p>a ` b</p>\n"),
    ("- a\n- b\n  c", "<ul>\n<li>a</li>\n<li>b c</li>\n</ul>\n"),
    ("<b onclick='x'>", "<p>&lt;b onclick=&#39;x&#39;&gt;</p>\n"),
    (
      "x [^1]\n[^1]: why",
      "<p>x <sup><a href=\"#t-note-1\">1</a></sup></p>\n<p class=\"note\" id=\"t-note-1\"><sup>1</sup> why</p>\n"
    ),
    ("[^x]: no", "<p>[^x]: no</p>\n"), ("a\u{1B}[31m", "<p>a\\u{1b}[31m</p>\n"), ("", ""),
  ])
  func whatReportsWrite(markdown: String, html: String) {
    #expect(renderer.html(markdown) == html)
  }

  @Test func aTablesCellsLeadWhereTheyAreToldTo() {
    var seen: [String] = []
    let renderer = MarkdownHTML(prefix: "t") { cell in
      seen.append("\(cell.section)/\(cell.title)/\(cell.number)/\(cell.row[cell.column])")
      return cell.title == "Our" && cell.row[cell.column] != "missing" ? "#x" : nil
    }
    let html = renderer.html("## S\n\n| Name | Our |\n| ---- | --: |\n| a\\|b\\ | 1.5 [^1] |\n|  | missing |\n")
    #expect(seen == ["S/Name/0/a|b\\", "S/Our/0/1.5 [^1]", "S/Our/1/missing"])
    #expect(html.contains("<td>a|b\\</td><td class=\"number\"><a href=\"#x\">1.5</a> <sup>"))
    #expect(html.contains("<td></td><td class=\"number\">missing</td>"))
  }

  /// What a chart shows, read back as XML by another parser.
  private func elements(_ svg: String) throws -> [(name: String, attributes: [String: String])] {
    final class Reader: NSObject, XMLParserDelegate {
      var found: [(String, [String: String])] = []
      func parser(
        _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
        attributes: [String: String] = [:]
      ) { found.append((name, attributes)) }
    }
    let (parser, reader) = (XMLParser(data: Data(svg.utf8)), Reader())
    parser.delegate = reader
    #expect(parser.parse(), "\(parser.parserError.map { "\($0)" } ?? "")")
    return reader.found
  }

  @Test func chartsAreXMLAndShowWhatCanBeSeen() throws {
    let chart = LineChart(
      title: "<T> & \"t\"", horizontalTitle: "epoch", verticalTitle: "loss",
      lines: [
        .init(name: "a", points: [(1, 0.2), (2, .nan), (3, 0.7), (4, 0.9)]), .init(name: "empty", points: [(1, .nan)]),
        .init(name: "b", points: [(1, 1e40), (4, 0.4)]),
      ])
    let svg = SVGChart.lines(chart)
    let found = try elements(svg)
    // The first line is broken in two, a dot and a line; the third is a dot; the second is not named.
    #expect(found.filter { $0.name == "polyline" }.count == 1 && found.filter { $0.name == "circle" }.count == 2)
    #expect(!svg.contains("empty") && svg.contains(">a</text>") && svg.contains(">loss</text>"))
    // The axes end at round numbers that hold all values: 0.2 to 0.9 between these, one tick on each end.
    let box = try #require(found.first { $0.name == "svg" }?.attributes["viewBox"]).split(separator: " ").compactMap {
      Double($0)
    }
    for element in found {
      for (key, low, high) in [("x", 0.0, box[2]), ("cx", 0, box[2]), ("y", 0, box[3]), ("cy", 0, box[3])] {
        if let value = element.attributes[key].flatMap(Double.init) { #expect((low...high).contains(value)) }
      }
    }
    #expect(svg.contains(">0.2</text>") && svg.contains(">0.9</text>") && !svg.contains(">0.1</text>"))
    // Equal values lie on the line of equality.
    let scatter = try elements(
      SVGChart.scatter([("c", 10, 10), ("d", 30, 50)], title: "S", horizontalTitle: "x", verticalTitle: "y"))
    let line = try #require(scatter.first { $0.attributes["class"] == "equal" }?.attributes).compactMapValues(
      Double.init)
    let dots = scatter.filter { $0.name == "circle" }.map { $0.attributes.compactMapValues(Double.init) }
    let (x, y) = (try #require(dots[0]["cx"]), try #require(dots[0]["cy"]))
    let share = (x - line["x1"]!) / (line["x2"]! - line["x1"]!)
    #expect(abs(y - (line["y1"]! + share * (line["y2"]! - line["y1"]!))) < 0.2)
    #expect(try #require(dots[1]["cy"]) < y)
    let bars = try elements(
      SVGChart.bars(["k"], [("one", [50]), ("two", [nil]), ("three", [100])], title: "B", valueTitle: "DSC (%)"))
    let widths = bars.filter { $0.name == "rect" && $0.attributes["height"] == "7.0" }.compactMap {
      $0.attributes["width"].flatMap(Double.init)
    }
    #expect(widths.count == 2 && abs(2 * widths[0] - widths[1]) < 0.3)
  }
}
