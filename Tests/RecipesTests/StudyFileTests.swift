import Foundation
import Recipes
import Testing

/// Wrong tables, published numbers and ledgers are refused with their place.
@Suite struct StudyFileTests {
  private static let published = """
    paper: {title: T, authors: [A]}
    tables:
      one:
        number: Table 1
        caption: C
        place: P
        row_headings: [Method]
        columns:
          - {id: d, heading: DSC, dataset: amos22, metric: dsc}
        rows:
          - {id: first, labels: [A], values: {d: 50.5}}

    """
  private static let table = """
    title: T
    published: published.yaml
    table: one
    rows:
      - {published: first, recipes: {amos22: row.yaml}}

    """

  private func complaint(published: String = published, table: String = table) throws -> String {
    let folder = try TemporaryLibrary([
      "s/published.yaml": published, "s/table.yaml": table, "s/row.yaml": "title: x\n",
    ])
    return folder.complaint { _ = try $0.table("s/table.yaml") }
  }

  @Test func rightOnesAreRead() throws {
    #expect(try complaint() == "nothing")
  }

  @Test(arguments: [
    (
      "values: {d: 50.5}", "values: {d: 150.5}",
      "11:46: `tables.one.rows[0].values.d` is the number 150.5, but must be a number of at least 0.0 and at most 100.0"
    ),
    ("values: {d: 50.5}", "values: {e: 50.5}", "11:46: there is no column `e`; did you mean `d`?"),
    ("values: {d: 50.5}", "values: {}", "11:42: `tables.one.rows[0].values` has 0 numbers for 1 columns"),
    ("labels: [A]", "labels: [A, B]", "11:29: `tables.one.rows[0].labels` has 2 texts for 1 headings"),
    (
      "metric: dsc", "metric: dice",
      "9:56: `tables.one.columns[0].metric` is the text \"dice\", but must be one of `dsc`, `nsd`; did you mean `dsc`?"
    ),
    ("    caption: C\n", "", "4:5: `tables.one.caption` (its caption) is missing; it must be a text"),
  ])
  func publishedNumbers(old: String, new: String, message: String) throws {
    let text = Self.published.replacingOccurrences(of: old, with: new)
    #expect(try complaint(published: text) == "Recipes/s/published.yaml:" + message)
  }

  @Test(arguments: [
    ("table: one", "table: ones", "3:8: there is no published table `ones`; did you mean `one`?"),
    ("published: first,", "published: frist,", "5:17: there is no published row `frist`; did you mean `first`?"),
    (
      "{amos22: row.yaml}", "{amos2: row.yaml}",
      "5:41: there is no dataset in this table `amos2`; did you mean `amos22`?"
    ),
    ("{amos22: row.yaml}", "{}", "5:33: `rows[0].recipes` has no recipe for amos22"),
    ("{amos22: row.yaml}", "{amos22: raw.yaml}", "5:42: there is no file raw.yaml (looked at Recipes/s/raw.yaml)"),
    (
      "{amos22: row.yaml}", "{amos22: ../../x.yaml}",
      "5:42: ../../x.yaml lies outside the recipes' folder Recipes; recipes and what they inherit live inside it"
    ),
    ("title: T", "title: T\nfootnotes: {fantom: []}", "2:13: there is no profile `fantom`; there are: none"),
    ("title: T", "titel: T", "1:1: unknown key `titel`; did you mean `title`?"),
  ])
  func tables(old: String, new: String, message: String) throws {
    #expect(
      try complaint(table: Self.table.replacingOccurrences(of: old, with: new)) == "Recipes/s/table.yaml:" + message)
  }

  @Test func ledgersNameRealKeys() throws {
    let text = """
      deviations:
        - topic: T
          paper: {value: a, place: b}
          code: {value: c, place: d}
          default: paper
          reason: e
          keys: [training.epochs, training.epoch]

      """
    let folder = try TemporaryLibrary(["d.yaml": text])
    #expect(
      folder.complaint { _ = try $0.deviations("d.yaml") }
        == "Recipes/d.yaml:7:29: there is no recipe key `training.epoch`; did you mean `training.epochs`?")
    try folder.write(text.replacingOccurrences(of: ", training.epoch]", with: "]"), to: "d.yaml")
    let ledger = try folder.library.deviations("d.yaml")
    #expect(ledger.map(\.standard) == [.paper])
    #expect(ledger[0].code.value == "c" && ledger[0].code.place == "d")
  }
}
