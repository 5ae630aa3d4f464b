import Experiments
import Files
import Foundation
import Recipes

/// Studies with all that stands behind their tables, as one page that needs no network: tables, curves, cases, figures, claims,
/// and for each run where it comes from.
public struct HTMLReport {
  /// One study's part of the page.
  public struct Part {
    let study: Study
    let tables: [TablePart]
    let claims: ClaimsReport?
    let figures: [(name: String, caption: String, picture: Data)]
  }

  let profile: String
  let parts: [Part]
  let runs: [RunPart]

  /// - Parameters:
  ///   - studies: in the order of the page.
  ///   - claims: makes the report on a study's claims; nil where it has none.
  /// - Throws: what recipes, run records and volumes throw.
  public init(_ studies: [Study], runs: ChosenRuns, claims: (Study) throws -> ClaimsReport?) throws {
    profile = runs.profile
    var collected = RunParts(runs: runs)
    parts = try studies.map { study in
      Part(
        study: study, tables: try study.items(.table).map { try TablePart($0, runs, &collected) },
        claims: try claims(study), figures: try Self.figures(of: study, runs))
    }
    self.runs = collected.parts
  }

  /// The pictures that the study's results hold, with their captions. They are drawn by `segbench figure`, which may train.
  private static func figures(of study: Study, _ runs: ChosenRuns) throws -> [(
    name: String, caption: String, picture: Data
  )] {
    let folder = runs.runner.workspace.results(profile: runs.profile, study: study.name)
    return try study.items(.figure).compactMap { item in
      let picture = folder.appendingPathComponent(item.name + ".png")
      guard FileManager.default.fileExists(atPath: picture.path) else { return nil }
      let caption = folder.appendingPathComponent(item.name + ".md")
      let hasCaption = FileManager.default.fileExists(atPath: caption.path)
      return (
        item.name, hasCaption ? String(decoding: try Data(ofFileAt: caption), as: UTF8.self) : "",
        try Data(ofFileAt: picture)
      )
    }
  }

  /// The page. Equal runs give equal bytes.
  public func html() -> String {
    let title = "SegBench: " + parts.map(\.study.title).joined(separator: ", ")
    var body = HTML.element("h1", [], HTML.text(title)) + "\n<p>Profile: \(HTML.text(profile)). "
    body +=
      "Each number of ours leads to the run behind it: its recipe with the origin of every value, its machine, its data. "
    body += "A tap on a column's title sorts.</p>\n" + contents
    for part in parts {
      body += HTML.element("h2", [("id", Self.place(part.study))], HTML.text(part.study.title)) + "\n"
      body += part.tables.map(\.html).joined()
      for figure in part.figures {
        body += "<section>\n" + Self.picture(figure.picture, named: figure.name)
        body +=
          MarkdownHTML(
            prefix: Self.place(part.study) + "-" + HTML.place(figure.name), lowering: 2
          ).html(figure.caption) + "</section>\n"
      }
      if let claims = part.claims {
        let renderer = MarkdownHTML(prefix: Self.place(part.study) + "-claims", lowering: 2) { cell in
          guard ["Cell", "Than"].contains(cell.title), let table = cell.row[cell.column].split(separator: "/").first
          else {
            return nil
          }
          return part.tables.first { $0.report.identifier == table }.map { "#\($0.place)" }
        }
        body += HTML.element(
          "section", [("id", Self.place(part.study) + "-claims")], "\n" + renderer.html(claims.markdown()))
      }
    }
    let known = Set(runs.map(\.record.description.identity))
    body += HTML.element("h2", [("id", "runs")], "Where the numbers come from") + "\n"
    body += runs.isEmpty ? "<p>Nothing has run.</p>\n" : runs.map { $0.html(known) }.joined()
    return HTMLPage.text(title: title, body: body)
  }

  private var contents: String {
    var links: [String] = []
    for part in parts {
      for table in part.tables { links.append(HTML.link("#" + table.place, HTML.text(table.report.title))) }
      if part.claims != nil {
        links.append(HTML.link("#\(Self.place(part.study))-claims", "What the paper asserts in words"))
      }
    }
    links.append(HTML.link("#runs", "Where the numbers come from"))
    return "<nav><ul>" + links.map { "<li>\($0)</li>" }.joined() + "</ul></nav>\n"
  }

  private static func place(_ study: Study) -> String { "study-" + HTML.place(study.name) }

  /// A PNG inside the page.
  static func picture(_ bytes: Data, named name: String) -> String {
    HTML.element(
      "figure", [],
      "<img alt=\"\(HTML.text(name))\" src=\"data:image/png;base64,\(bytes.base64EncodedString())\">") + "\n"
  }
}
