import Experiments
import Files
import Foundation
import Imaging
import TestSupport
import Testing

/// A second study of another program's predictions: two tables, published numbers, claims. Only recipes and data are added.
@Suite struct StudyWithoutSwiftTests {
  /// All of its recipes, below an otherwise empty `Recipes` folder.
  private static let files = [
    "profiles/paper.yaml": "description: The paper's scale.\n",
    "clinic/study.yaml": """
    title: Two programs
    tables: [organs.yaml, scanners.yaml]
    published: published.yaml
    claims: claims.yaml

    """,
    "clinic/published.yaml": """
    paper: {title: Two programs, authors: [A. Author]}
    tables:
      one:
        number: Table 1
        caption: Both programs on livers.
        place: section 2
        row_headings: [Program]
        columns: [{id: lits-dsc, heading: DSC (%), dataset: lits, metric: dsc}]
        rows:
          - {id: careful, labels: [Careful], values: {lits-dsc: 70.25}}
          - {id: blunt, labels: [Blunt], values: {lits-dsc: 12.5}}
      two:
        number: Table 2
        caption: The careful program on both datasets.
        place: section 3
        row_headings: [Program]
        columns:
          - {id: lits-dsc, heading: DSC (%) LiTS, dataset: lits, metric: dsc}
          - {id: amos22-dsc, heading: DSC (%) AMOS22, dataset: amos22, metric: dsc}
        rows:
          - {id: careful, labels: [Careful], values: {lits-dsc: 70.25, amos22-dsc: 68}}

    """,
    "clinic/claims.yaml": """
    published: published.yaml
    claims:
      - text: care pays
        place: abstract
        parts: [{cell: one/careful/lits-dsc, relation: above, than: one/blunt/lits-dsc, by: 57.75}]
      - text: but not much
        place: section 4
        parts: [{cell: one/careful/lits-dsc, relation: on-par, than: one/blunt/lits-dsc, within: 2}]

    """,
    "clinic/organs.yaml": """
    title: "Table 1: livers"
    published: published.yaml
    table: one
    rows_are: steps
    rows:
      - {published: careful, recipes: {lits: rows/careful-lits.yaml}}
      - {published: blunt, recipes: {lits: rows/blunt-lits.yaml}}

    """,
    "clinic/scanners.yaml": """
    title: "Table 2: livers and kidneys"
    published: published.yaml
    table: two
    rows:
      - {published: careful, recipes: {lits: rows/careful-lits.yaml, amos22: rows/careful-amos22.yaml}}

    """,
    "clinic/protocol.yaml": """
    kind: predictions
    evaluation: {fold: 0, nsd: {kind: monai, tolerance_mm: 1.0}}

    """,
  ]

  private static func row(_ program: String, _ dataset: String) -> String {
    """
    title: \(program), \(dataset)
    inherits: [../protocol.yaml]
    dataset: {name: \(dataset), source: folder, folder: datasets/\(dataset), expected_cases: 10}
    predictions: {folder: predictions/\(program)/\(dataset)}

    """
  }

  @Test func twoTablesClaimsAndAnotherProgramsPredictionsAreReported() throws {
    try withTemporaryFolder { home in
      let recipes = home.appendingPathComponent("Recipes")
      var files = Self.files
      let rows = [("careful", "lits"), ("blunt", "lits"), ("careful", "amos22")]
      for (program, dataset) in rows { files["clinic/rows/\(program)-\(dataset).yaml"] = Self.row(program, dataset) }
      for (path, text) in files {
        let url = recipes.appendingPathComponent(path)
        try makeFolder(url.deletingLastPathComponent())
        try Data(text.utf8).write(to: url)
      }
      let data = home.appendingPathComponent("user")
      try makeFolder(data.appendingPathComponent("datasets"))
      func own(_ words: String...) throws -> String {
        let result = try segbench(
          words + (words[0] == "study-rows" || words[0] == "dataset" ? [] : ["--profile", "paper"]), home: home,
          settings: ["SEGBENCH_DATA": data.path])
        #expect(result.code == 0, "\(words): \(result.errors)")
        return result.output
      }
      for dataset in ["lits", "amos22"] {
        let folder = data.appendingPathComponent("datasets/\(dataset)")
        _ = try own("dataset", "phantom", dataset, folder.path, "--cases", "10", "--size", "40,40,8")
      }
      for (program, dataset) in rows { try predict(program, dataset, in: data) }
      _ = try own("study-rows", "clinic")

      // A run that both tables ask for runs once, and is told once.
      let folders = try own("run", "clinic/organs", "clinic/scanners").split(separator: "\n").map(String.init)
      try #require(folders.count == 3 && Set(folders).count == 3)
      let expected = try zip(rows, folders).map { row, folder in
        try dice(row.0, row.1, of: URL(fileURLWithPath: folder), in: data)
      }
      #expect(expected[0] > 0.3 && expected[1] == 0 && expected[2] > 0.3)

      func cells(_ table: String) throws -> [[String: String]] {
        let lines = try own("report", table, "--format", "csv").split(separator: "\n").map {
          $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        }
        return lines.dropFirst().map { Dictionary(zip(lines[0], $0), uniquingKeysWith: { first, _ in first }) }
      }
      let (one, two) = (try cells("clinic/organs"), try cells("clinic/scanners"))
      #expect(one.map { $0["paper_dsc"] } == ["70.25", "12.5"] && two.map { $0["dataset"] } == ["lits", "amos22"])
      #expect((one + two).allSatisfy { $0["paper_scale"] == "true" && $0["table"] != "" })
      for (found, right) in zip(one + two, [expected[0], expected[1], expected[0], expected[2]]) {
        let dsc = try #require(found["our_dsc"].flatMap(Double.init))
        #expect(abs(dsc - 100 * right) < 1e-9)
      }
      let text = try own("report", "clinic/organs")
      #expect(text.contains("Two programs Table 1") && text.contains("-57.75") && text.contains("another tool"))

      let claims = try JSONValue.parse(Data(own("report", "clinic/claims", "--format", "json").utf8), name: "claims")
      #expect(claims["paper_scale"]?.bool == true)
      let verdicts = try #require(claims["claims"]?.array)
      #expect(verdicts.map { $0["paper_verdict"]?.string } == ["holds", "fails"])
      #expect(verdicts.map { $0["our_verdict"]?.string } == ["undecided", "undecided"])
      #expect(
        verdicts[0]["undecided_because"]?.array?.compactMap(\.string) == [
          "2 cases, fewer than 6", "1 seed, fewer than 2",
        ])
      let difference = try #require(verdicts[0]["parts"]?.array?.first?["our_difference"]?.double)
      #expect(abs(difference - 100 * (expected[0] - expected[1])) < 1e-9)
    }
  }

  /// What the program makes of each case: the careful one leaves out every other slice, the blunt one everything.
  private func predict(_ program: String, _ dataset: String, in data: URL) throws {
    let labels = data.appendingPathComponent("datasets/\(dataset)/labelsTr")
    let folder = data.appendingPathComponent("predictions/\(program)/\(dataset)")
    try makeFolder(folder)
    for name in try FileManager.default.contentsOfDirectory(atPath: labels.path) {
      let reference = try NIfTI.readLabels(labels.appendingPathComponent(name))
      let plane = reference.shape[1] * reference.shape[2]
      let voxels = reference.voxels.enumerated().map {
        program == "blunt" || ($0.offset / plane) % 2 == 0 ? 0 : $0.element
      }
      try NIfTI.write(Volume(voxels: voxels, like: reference), to: folder.appendingPathComponent(name))
    }
  }

  /// The mean Dice, counted here: of each label over the scored cases that have it, then over the labels.
  private func dice(_ program: String, _ dataset: String, of run: URL, in data: URL) throws -> Double {
    let metrics = try #require(RunRecord.read(run.appendingPathComponent("run.h5")).metrics)
    var values: [Int16: [Double]] = [:]
    for name in metrics.cases {
      let reference = try NIfTI.readLabels(
        data.appendingPathComponent("datasets/\(dataset)/labelsTr/\(name).nii.gz")
      ).voxels
      let predicted = try NIfTI.readLabels(
        data.appendingPathComponent("predictions/\(program)/\(dataset)/\(name).nii.gz")
      ).voxels
      for label in Set(reference) where label != 0 {
        let both = zip(reference, predicted).count { $0 == label && $1 == label }
        let sum = reference.count { $0 == label } + predicted.count { $0 == label }
        values[label, default: []].append(2 * Double(both) / Double(sum))
      }
    }
    let means = values.values.map { $0.reduce(0, +) / Double($0.count) }
    return means.reduce(0, +) / Double(means.count)
  }
}
