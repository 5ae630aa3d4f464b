import Experiments
import Foundation
import Recipes
import TestSupport
import Testing

@Suite("Claims of a paper") struct ClaimsTests {
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
          - {id: n, heading: NSD, dataset: amos22, metric: nsd}
        rows:
          - {id: first, labels: [F], values: {d: 50, n: 40}}
          - {id: second, labels: [S], values: {d: 51.5, n: 40}}

    """
  private static let claims = """
    published: published.yaml
    claims:
      - text: second is better
        place: section 1
        parts:
          - {cell: one/second/d, relation: above, than: one/first/d, by: 1.5}

    """

  @Test func claimsNameCells() throws {
    let folder = try TemporaryLibrary(["s/published.yaml": Self.published, "s/claims.yaml": Self.claims])
    let part = try #require(try folder.library.claims("s/claims.yaml").first?.parts.first)
    #expect(part.cell.value == 51.5 && part.cell.place == "Table 1, row 2, DSC")
    #expect(part.relation == .above && part.by == 1.5 && part.within == 0)
  }

  @Test(arguments: [
    ("one/second/d", "one/secnd/d", "6:16: there is no row in one `secnd`; did you mean `second`?"),
    ("one/second/d", "two/second/d", "6:16: there is no published table `two`"),
    ("one/second/d", "one/second", "6:16: `claims[0].parts[0].cell` is no table/row/column"),
    ("one/second/d", "one/second/n", "6:53: `claims[0].parts[0].than` is of another data set or metric than `cell`"),
    (
      "by: 1.5", "within: 2",
      "6:74: `claims[0].parts[0].within` is a margin, which `above` has none of; `on-par` and `not-below` have one"
    ),
    ("above", "abov", "6:40: `claims[0].parts[0].relation` is"),
  ])
  func mistakesAreNamed(old: String, new: String, message: String) throws {
    let folder = try TemporaryLibrary([
      "s/published.yaml": Self.published, "s/claims.yaml": Self.claims.replacingOccurrences(of: old, with: new),
    ])
    let complaint = folder.complaint { _ = try $0.claims("s/claims.yaml") }
    #expect(complaint.hasPrefix("Recipes/s/claims.yaml:" + message), "\(complaint)")
  }

  @Test func shippedClaimsRestOnPublishedCells() throws {
    #expect(try RecipeLibrary(root: shippedRecipes).claims("meddinov3/claims.yaml").count == 16)
  }
}
