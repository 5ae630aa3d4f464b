import Datasets
import Experiments
import Files
import Foundation
import Phantoms
import Recipes
import Reporting
import TestSupport
import Testing

@Suite("Whether a run is at the paper's scale") struct PaperScaleTests {
  @Test("the shipped recipes are those that the study records")
  func recorded() throws {
    let copy = try RecipesCopy()
    let text = try String(contentsOf: copy.library.paperRowsURL(of: "meddinov3"), encoding: .utf8)
    #expect(
      try copy.library.paperRowsText(of: "meddinov3") == text,
      "the study's recipes changed: segbench study-rows meddinov3 records them anew")
    // Independent of the text: every cell's recipe is at the paper's scale, with either fidelity.
    for path in try copy.library.tables() where path.hasPrefix("meddinov3/") {
      let table = try copy.library.table(path)
      for row in table.rows {
        for (dataset, recipePath) in row.recipes {
          for fidelity in Recipe.Fidelity.allCases {
            let recipe = try copy.library.resolve(recipePath, profile: "paper", fidelity: fidelity)
            let paperRow = try #require(
              try copy.library.paperRow(row, dataset: dataset, of: table, fidelity: fidelity))
            #expect(paperRow.name == "\(table.published.id)/\(row.published.id)/\(dataset)")
            #expect(try copy.library.scale(of: recipe, row: paperRow, record: nil).changes == [], "\(recipePath)")
          }
        }
      }
    }
  }

  @Test("the shipped row on all cases is, and seeds or what no result depends on change nothing")
  func shipped() throws {
    let copy = try RecipesCopy()
    let same = [
      [], ["seeds=[1, 2]"], ["title=Another"], ["training.recompute=true"], ["dataset.folder=elsewhere/amos22"],
      ["training.epochs=1000"], ["network.decoder.blocks=[0]"],
    ]
    for overrides in same {
      let scale = try copy.scale(set: overrides)
      #expect(scale.isPaper && scale.text == "at the paper's scale" && scale.shortText == "paper", "\(overrides)")
    }
  }

  @Test("options, fewer cases and other folds are not, each named")
  func overridden() throws {
    let copy = try RecipesCopy()
    let issue = try copy.scale(
      set: ["network.vit.width=96", "plan.configuration=2d_80", "training.epochs=1"], cases: 8)
    #expect(!issue.isPaper)
    #expect(
      issue.text
        == "8 of 360 cases; network.vit.width: 768 -> 96; plan.configuration: 2d_640 -> 2d_80; training.epochs: 1000 -> 1"
    )
    #expect(issue.shortText == "8 of 360 cases, 3 values changed")
    #expect(try copy.scale(cases: 359).text == "359 of 360 cases")
    #expect(try copy.scale(cases: 361).text == "361 of 360 cases")
    // What is expected is the row's to say, not the command line's.
    #expect(try copy.scale(set: ["dataset.expected_cases=8"], cases: 8).text == "8 of 360 cases")
    let folds = try copy.scale(set: ["evaluation.splits=folds/mine.json"])
    #expect(!folds.isPaper && folds.text == "evaluation.splits: none -> folds/mine.json")
    #expect(try copy.scale(set: ["evaluation.fold=3"]).text == "evaluation.fold: 0 -> 3")
    let before = try copy.library.scale(
      of: copy.library.resolve("meddinov3/table1/2-dinov3-640.yaml", profile: "paper"), row: nil, record: nil)
    #expect(!before.isPaper && !before.hasRun)
  }

  @Test("a shipped fidelity is at the paper's scale and named; so is one that --set chooses")
  func fidelity() throws {
    let copy = try RecipesCopy()
    for scale in [try copy.scale(fidelity: .paper), try copy.scale(set: ["fidelity=paper"])] {
      #expect(scale.isPaper && scale.text == "at the paper's scale; --fidelity paper")
      #expect(scale.shortText == "paper, --fidelity paper")
    }
    #expect(try copy.scale(fidelity: .code).text == "at the paper's scale")
  }

  @Test("a changed file of the study, of its methods, data or profile is noticed")
  func changedFiles() throws {
    let changes = [
      ("epochs: 1000", "epochs: 2", "meddinov3/protocol.yaml", "training.epochs: 1000 -> 2"),
      ("2d_640", "2d_64", "meddinov3/table1/2-dinov3-640.yaml", "plan.configuration: 2d_640 -> 2d_64"),
      ("expected_cases: 360", "expected_cases: 8", "datasets/amos22.yaml", "8 of 360 cases"),
      ("description:", "training: {epochs: 3}\ndescription:", "profiles/paper.yaml", "training.epochs: 1000 -> 3"),
    ]
    for (old, new, path, expected) in changes {
      let copy = try RecipesCopy()
      try copy.replace(old, by: new, in: path)
      let scale = try copy.scale(cases: path.hasPrefix("datasets") ? 8 : 360)
      #expect(!scale.isPaper && scale.text == expected, "\(path): \(scale.text)")
    }
    // A table that names another recipe for the paper's row.
    let copy = try RecipesCopy()
    try copy.replace("table1/2-dinov3-640.yaml", by: "table1/1-random-init-640.yaml", in: "meddinov3/table1.yaml")
    let scale = try copy.scale("meddinov3/table1/1-random-init-640.yaml")
    #expect(!scale.isPaper && scale.text.contains("initial_weights.from: file -> random"), "\(scale.text)")
  }

  @Test("a profile of another name that equals the paper's is; the phantom profile is not")
  func profiles() throws {
    let copy = try RecipesCopy()
    try copy.write("description: The paper's, under a name of ours.\n", "profiles/mine.yaml")
    try copy.write("inherits: [paper.yaml]\ntraining: {epochs: 7}\n", "profiles/short.yaml")
    #expect(try copy.scale(profile: "mine").isPaper)
    let short = try copy.scale(profile: "short")
    #expect(!short.isPaper && short.text == "the short profile: training.epochs: 1000 -> 7")
    let phantom = try copy.scale(profile: "phantom", set: ["training.epochs=3"], cases: 20)
    #expect(!phantom.isPaper && phantom.text.hasPrefix("the phantom profile, with "), "\(phantom.text)")
    #expect(phantom.text.contains("20 phantoms in place of 360 cases; training.epochs: 1000 -> 3"), "\(phantom.text)")
    #expect(phantom.changes.contains { $0.key == "network.vit.width" && $0.here == "96" && $0.isProfiles })
  }

  @Test("a recipe of the user's is held against the row that it is reported under")
  func ownRecipes() throws {
    let copy = try RecipesCopy()
    try copy.write("inherits: [meddinov3/table1/2-dinov3-640.yaml]\ntraining: {epochs: 5}\n", "mine.yaml")
    try copy.write("inherits: [meddinov3/table1/2-dinov3-640.yaml]\ntitle: The same\n", "same.yaml")
    #expect(try copy.scale("mine.yaml").text == "training.epochs: 1000 -> 5")
    #expect(try copy.scale("same.yaml").isPaper)
    // Under another row than the one it inherits.
    #expect(try copy.scale("same.yaml", row: 3).text.contains("plan.configuration: 2d_896 -> 2d_640"))
    // By itself it is no row of the paper's.
    let alone = try copy.library.scale(
      of: copy.record(copy.library.resolve("same.yaml", profile: "paper", overrides: ["training.epochs=9"]), cases: 360)
    )
    #expect(!alone.isPaper && alone.text.hasPrefix("a row that the paper does not have; "), "\(alone.text)")
    #expect(alone.text.hasSuffix("training.epochs: 1000 -> 9"))
    // Another tool's predictions are not the paper's training.
    try copy.write(
      "kind: predictions\ntitle: T\ninherits: [meddinov3/protocol.yaml, datasets/amos22.yaml]\n"
        + "predictions: {folder: theirs}\n", "theirs.yaml")
    #expect(try copy.scale("theirs.yaml").text == "kind: segmentation -> predictions")
  }

  @Test("a record alone says the same, whatever its machine had")
  func records() throws {
    let copy = try RecipesCopy()
    let path = "meddinov3/table1/2-dinov3-640.yaml"
    func scale(_ overrides: [String], cases: Int, path other: String? = nil) throws -> PaperScale {
      var record = try copy.record(copy.library.resolve(path, profile: "paper", overrides: overrides), cases: cases)
      if let other { record.description.recipePath = other }
      return try copy.library.scale(of: record)
    }
    #expect(try scale([], cases: 360).isPaper)
    #expect(try scale(["training.epochs=2"], cases: 9).text == "9 of 360 cases; training.epochs: 1000 -> 2")
    // Beside the number of another row it is not that row.
    let second = try copy.record(copy.library.resolve(path, profile: "paper"), cases: 360)
    func beside(_ row: String) throws -> PaperScale {
      try copy.library.scale(
        of: second, beside: ("table1", row, "amos22"), published: "meddinov3/published.yaml",
        in: Workspace(root: copy.root, userData: nil))
    }
    #expect(try beside("dinov3-640").isPaper)
    #expect(try !beside("dinov3-multi-scale-896").isPaper && !beside("no-such-row").isPaper)
    #expect(try beside("dinov3-multi-scale-896").text.contains("plan.configuration: 2d_896 -> 2d_640"))
    for other in ["", "no/such.yaml", "../../etc/passwd", "meddinov3/table1.yaml"] {
      #expect(try !scale([], cases: 360, path: other).isPaper, "\(other)")
    }
  }

  @Test("a pretraining on fewer slices than the collection has is named, and one with other values")
  func pretraining() throws {
    let copy = try RecipesCopy()
    let path = "meddinov3/table3/2-stage-1.yaml"
    let recipe = try copy.library.resolve(path, profile: "paper")
    func scale(_ images: Int) throws -> PaperScale {
      var record = try copy.record(recipe, cases: 360)
      record.description.startingRuns = [
        StartingRun(
          identity: "0123456789abcdef", title: "Stage 1",
          basis: ComputeBasis(engineVersion: "1"),
          extent: RunExtent(images: images, expectedImages: images))
      ]
      return try copy.library.scale(of: record, recipe: recipe)
    }
    #expect(try scale(3_868_833).isPaper)
    #expect(try scale(1000).text == "1000 of 3868833 slices in the pretraining 0123456789")
    try copy.replace("\n  iterations: 100000", by: "\n  iterations: 110000", in: "meddinov3/pretraining/stage-1.yaml")
    let changed = try copy.library.resolve(path, profile: "paper")
    let table = try copy.library.table("meddinov3/table3.yaml")
    let row = try copy.library.paperRow(table.rows[1], dataset: "amos22", of: table, fidelity: .code)
    let text = try copy.library.scale(of: changed, row: row, record: copy.record(changed, cases: 360)).text
    #expect(text.contains("initial_weights.recipe/self_distillation.iterations: 100000 -> 110000"), "\(text)")
  }
}
