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

  /// A table without a paper: its datasets are those that its rows name.
  @Test(arguments: [
    ("rows: [{labels: [A], recipes: {lits: row.yaml}}]", "nothing"),
    ("row_headings: [B, C]\nrows: [{labels: [A, D], recipes: {lits: row.yaml}}]", "nothing"),
    (
      "rows: [{recipes: {lits: row.yaml}}]",
      "2:18: `rows[0].recipes` belong to a row without a name: give it `labels`"
    ),
    (
      "rows: [{labels: [A, B], recipes: {lits: row.yaml}}]",
      "2:17: `rows[0].labels` has 2 texts for the table's 1 headings: Method"
    ),
    (
      "rows: [{published: first, recipes: {lits: row.yaml}}]",
      "2:20: `rows[0].published` has no meaning in a table without `published`; give the row `labels`"
    ),
    (
      "rows: [{labels: [A], recipes: {lits: row.yaml}}, {labels: [B], recipes: {btcv: row.yaml}}]",
      "2:31: `rows[0].recipes` has no recipe for btcv"
    ),
    ("rows: [{labels: [A], recipes: {}}]", "2:7: `rows` name no recipe"),
    (
      "table: one\nrows: [{labels: [A], recipes: {lits: row.yaml}}]",
      "2:8: `table` has no meaning without `published`, the file that it would name a table of"
    ),
  ])
  func ownTables(text: String, message: String) throws {
    let found = try complaint(table: "title: T\n" + text + "\n")
    #expect(found.hasSuffix(message) && (message == "nothing" || found.hasPrefix("Recipes/s/table.yaml:")), "\(found)")
  }

  /// A row of one's own beside a paper's has as many labels as the paper's table has headings.
  @Test func ownRowsStandBesideThePapers() throws {
    let both = Self.table + "  - {labels: [Mine], recipes: {amos22: row.yaml}}\n"
    #expect(try complaint(table: both) == "nothing")
    let folder = try TemporaryLibrary([
      "s/published.yaml": Self.published, "s/mine.yaml": both, "s/row.yaml": "title: x\n",
    ])
    let table = try folder.library.table("s/mine.yaml")
    #expect(table.name == "mine" && table.paperTitle == "T" && table.published.id == "one")
    #expect(table.rows.map(\.published.labels) == [["A"], ["Mine"]] && table.rows[1].published.values.isEmpty)
    #expect(try folder.library.isTable("s/mine.yaml") && !folder.library.isTable("s/row.yaml"))
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
    let right = text.replacingOccurrences(of: ", training.epoch]", with: "]")
    try folder.write(right, to: "d.yaml")
    let ledger = try folder.library.deviations("d.yaml")
    #expect(ledger.map(\.standard) == [.paper] && ledger.map(\.change) == [.fidelity(shownBy: nil)])
    #expect(ledger[0].code.value == "c" && ledger[0].code.place == "d")
    func complaint(_ old: String, _ new: String) throws -> String {
      try folder.write(right.replacingOccurrences(of: old, with: new), to: "d.yaml")
      return folder.complaint { _ = try $0.deviations("d.yaml") }
    }
    #expect(
      try complaint("[training.epochs]", "[]")
        == "Recipes/d.yaml:7:11: `deviations[0].keys` names no key that `--fidelity` changes; if none does, say `switch: none`"
    )
    #expect(
      try complaint("keys: [training.epochs]", "keys: []\n    switch: none")
        == "Recipes/d.yaml:8:13: `deviations[0].switch` is `none`: say in `because` why nothing can be switched")
    #expect(
      try complaint("keys: [training.epochs]", "keys: [training.epochs]\n    shown_by: r.yaml").hasPrefix(
        "Recipes/d.yaml:8:15: there is no file r.yaml"))
    try folder.write(
      right.replacingOccurrences(of: "keys: [training.epochs]", with: "keys: []\n    switch: none\n    because: f"),
      to: "d.yaml")
    #expect(try folder.library.deviations("d.yaml")[0].change == .none(because: "f"))
  }
}
