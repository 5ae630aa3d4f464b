import Foundation
import Recipes
import Testing

@Suite struct ResolutionTests {
  private func value(_ recipe: ResolvedRecipe, _ key: String) -> ResolvedValue? {
    recipe.values.first { $0.key == key }
  }

  /// One key set in every layer; taking the last layer away uncovers the one below it.
  @Test func laterLayersWin() throws {
    func epochs(_ number: Int) -> String { "training: {epochs: \(number)}\n" }
    let files = [
      "grandparent.yaml": TemporaryLibrary.base.replacingOccurrences(of: "epochs: 1000", with: "epochs: 1")
        + "profiles: {small: {training: {epochs: 7}}}\n",
      "parent.yaml": "inherits: [grandparent.yaml]\n" + epochs(2)
        + "fidelities: {code: {training: {epochs: 3}}}\nprofiles: {small: {training: {epochs: 8}}}\n",
      "row.yaml": "inherits: [parent.yaml]\n" + epochs(4)
        + "fidelities: {code: {training: {epochs: 5}}}\nprofiles: {small: {training: {epochs: 9}}}\n",
      "profiles/small.yaml": epochs(6),
      "profiles/empty.yaml": "description: nothing\n",
    ]
    let steps: [(files: [String: String?], profile: String?, overrides: [String], epochs: Int, origin: String)] = [
      ([:], "small", ["training.epochs=10", "training.epochs=11"], 11, "--set training.epochs=11"),
      ([:], "small", [], 9, "Recipes/row.yaml:4:39 (profile small)"),
      (
        ["row.yaml": "inherits: [parent.yaml]\n" + epochs(4)], "small", [], 8,
        "Recipes/parent.yaml:4:39 (profile small)"
      ),
      (
        ["row.yaml": "inherits: [parent.yaml]\n", "parent.yaml": "inherits: [grandparent.yaml]\n" + epochs(2)], "small",
        [],
        7, "Recipes/grandparent.yaml:54:39 (profile small)"
      ),
      (["row.yaml": TemporaryLibrary.base], "small", [], 6, "Recipes/profiles/small.yaml:1:20 (profile small)"),
      ([:], "empty", [], 5, "Recipes/row.yaml:3:40 (fidelity code)"),
      ([:], "empty", ["fidelity=paper"], 4, "Recipes/row.yaml:2:20"),
      (["row.yaml": "inherits: [parent.yaml]\n"], nil, [], 3, "Recipes/parent.yaml:3:40 (fidelity code)"),
      (["row.yaml": "inherits: [parent.yaml]\nfidelity: paper\n"], nil, [], 2, "Recipes/parent.yaml:2:20"),
      (["row.yaml": "inherits: [grandparent.yaml]\n"], nil, [], 1, "Recipes/grandparent.yaml:31:11"),
    ]
    for step in steps {
      let folder = try TemporaryLibrary(files.merging(step.files.compactMapValues { $0 }) { $1 })
      let recipe = try folder.library.resolve("row.yaml", profile: step.profile, overrides: step.overrides)
      #expect(recipe.recipe.segmentation?.training.epochs == step.epochs)
      #expect(value(recipe, "training.epochs")?.origin.description == step.origin)
    }
  }

  @Test func everyValueHasAnOrigin() throws {
    let folder = try TemporaryLibrary([
      "row.yaml": TemporaryLibrary.base, "profiles/small.yaml": "plan: {batch_size: 3}\n",
    ])
    let recipe = try folder.library.resolve(
      "row.yaml", profile: "small", fidelity: .paper, overrides: ["seeds=[4, 5]"])
    #expect(value(recipe, "seeds")?.origin.description == "--set seeds=[4, 5]")
    #expect(value(recipe, "fidelity")?.origin.description == "--fidelity paper")
    #expect(value(recipe, "profile")?.origin.description == "--profile small")
    #expect(value(recipe, "plan.batch_size")?.origin.description == "Recipes/profiles/small.yaml:1:20 (profile small)")
    #expect(value(recipe, "training.optimizer.epsilon")?.origin.description == "schema default")
    #expect(value(recipe, "network.vit.width")?.origin.description == "Recipes/row.yaml:12:12")
    #expect(recipe.values.map(\.key) == recipe.values.map(\.key).sorted())
    #expect(recipe.recipe.seeds == [4, 5])
    // The explanation has a line for each, with all three columns.
    let lines = recipe.explanation.split(separator: "\n")
    #expect(lines.count == recipe.values.count)
    for (line, value) in zip(lines, recipe.values) {
      #expect(
        line.hasPrefix(value.key + " ") && line.contains(" \(value.text) ") && line.hasSuffix(value.origin.description))
    }
  }

  @Test func mappingsMergeAndListsAreReplaced() throws {
    let folder = try TemporaryLibrary([
      "base.yaml": TemporaryLibrary.base,
      "row.yaml": "inherits: [base.yaml]\nnetwork: {decoder: {blocks: [11]}}\nplan: {batch_size: 2}\n",
      "heir.yaml": "inherits: [row.yaml]\nplan: {batch_size: null}\n",
    ])
    let row = try #require(try folder.library.resolve("row.yaml").recipe.segmentation)
    #expect(row.primus.decoderBlocks == [11])
    #expect(row.primus.vit.width == 768)
    #expect(row.plan.batchSize == 2)
    #expect(try folder.library.resolve("heir.yaml").recipe.segmentation?.plan.batchSize == nil)
  }

  /// A section that changes its kind keeps nothing that belongs to the former kind alone.
  @Test func aChangedKindDropsTheFormersKeys() throws {
    let folder = try TemporaryLibrary([
      "base.yaml": TemporaryLibrary.base,
      "file.yaml": "inherits: [base.yaml]\ninitial_weights: {from: file, path: w/a.pth, layout: dinov3}\n",
      "row.yaml": "inherits: [file.yaml]\ninitial_weights: {from: random}\n",
    ])
    #expect(
      try folder.library.resolve("file.yaml").recipe.segmentation?.initialWeights
        == .file(path: "w/a.pth", layout: .dinov3))
    let row = try folder.library.resolve("row.yaml")
    #expect(row.recipe.segmentation?.initialWeights == .random)
    #expect(value(row, "initial_weights.path") == nil)
    let phantom = try folder.library.resolve(
      "row.yaml", overrides: ["dataset={source: phantom, phantom: {kind: lits, cases: 6, seed: 1, size: [32, 32, 8]}}"])
    #expect(phantom.recipe.segmentation?.dataset.name == "amos22")
    #expect(value(phantom, "dataset.folder") == nil)
  }

  @Test func aFileInheritedTwiceCountsOnce() throws {
    // If `base` were laid down again after `a`, its 12 heads would come back.
    let folder = try TemporaryLibrary([
      "base.yaml": TemporaryLibrary.base,
      "a.yaml": "inherits: [base.yaml]\nnetwork: {vit: {heads: 6}}\n",
      "b.yaml": "inherits: [base.yaml]\n",
      "row.yaml": "inherits: [a.yaml, b.yaml]\n",
    ])
    #expect(try folder.library.resolve("row.yaml").recipe.segmentation?.primus.vit.heads == 6)
  }

  @Test func cyclesAreRefused() throws {
    let folder = try TemporaryLibrary([
      "a.yaml": "inherits:\n  - deeper/b.yaml\n", "deeper/b.yaml": "inherits: [../c.yaml]\n",
      "c.yaml": "inherits: [a.yaml]\n",
      "self.yaml": "inherits: [self.yaml]\n", "profiles/p.yaml": "inherits: [q.yaml]\n",
      "profiles/q.yaml": "inherits: [p.yaml]\n",
      "row.yaml": TemporaryLibrary.base,
    ])
    #expect(
      folder.complaint("a.yaml")
        == "Recipes/c.yaml:1:12: a file inherits itself: Recipes/a.yaml -> Recipes/deeper/b.yaml -> Recipes/c.yaml -> Recipes/a.yaml"
    )
    #expect(
      folder.complaint("self.yaml")
        == "Recipes/self.yaml:1:12: a file inherits itself: Recipes/self.yaml -> Recipes/self.yaml")
    #expect(folder.complaint(profile: "p").hasPrefix("Recipes/profiles/q.yaml:1:12: a file inherits itself"))
  }

  @Test func nothingOutsideTheRootIsRead() throws {
    let folder = try TemporaryLibrary([
      "row.yaml": "inherits: [../secret.yaml]\n", "absolute.yaml": "inherits: [/etc/passwd]\n",
    ])
    try TemporaryLibrary.base.write(
      to: folder.folder.appendingPathComponent("secret.yaml"), atomically: true, encoding: .utf8)
    try FileManager.default.createSymbolicLink(
      at: folder.root.appendingPathComponent("link.yaml"),
      withDestinationURL: folder.folder.appendingPathComponent("secret.yaml"))
    try folder.write("inherits: [link.yaml]\n", to: "linked.yaml")
    let rule = "lies outside the recipes' folder Recipes; recipes and what they inherit live inside it"
    #expect(folder.complaint() == "Recipes/row.yaml:1:12: ../secret.yaml \(rule)")
    #expect(folder.complaint("absolute.yaml") == "Recipes/absolute.yaml:1:12: /etc/passwd \(rule)")
    #expect(folder.complaint("linked.yaml") == "Recipes/linked.yaml:1:12: link.yaml \(rule)")
    #expect(folder.complaint("../secret.yaml") == "../secret.yaml \(rule)")
    try folder.write("inherits: [gone.yaml]\n", to: "row.yaml")
    #expect(folder.complaint() == "Recipes/row.yaml:1:12: there is no file gone.yaml (looked at Recipes/gone.yaml)")
    #expect(folder.complaint("gone").hasPrefix("there is no file gone (looked at Recipes/gone.yaml)"))
    #expect(folder.complaint("a\0b").hasPrefix("there is no file a\\x00b"))
  }

  /// The path may be absolute or below the root, with or without its ending.
  @Test func recipesAreFoundByAnyPath() throws {
    let folder = try TemporaryLibrary(["a/row.yaml": TemporaryLibrary.base])
    for path in ["a/row.yaml", "a/row", "a/../a/row.yaml", folder.root.appendingPathComponent("a/row.yaml").path] {
      #expect(try folder.library.resolve(path).path == "a/row.yaml")
    }
  }

  @Test func unknownProfiles() throws {
    let folder = try TemporaryLibrary(["row.yaml": TemporaryLibrary.base, "profiles/phantom.yaml": "description: x\n"])
    #expect(folder.complaint(profile: "fantom") == "there is no profile `fantom`; did you mean `phantom`?")
    #expect(folder.complaint(profile: "../row").hasPrefix("there is no profile `../row`"))
  }

  @Test func aProfileServesBothKinds() throws {
    let folder = try TemporaryLibrary([
      "row.yaml": TemporaryLibrary.base, "profiles/small.yaml": "images: {count: 5}\ntraining: {epochs: 2}\n",
    ])
    let row = try folder.library.resolve("row.yaml", profile: "small")
    #expect(row.recipe.segmentation?.training.epochs == 2)
    #expect(value(row, "images.count") == nil)
    // What the profile's file may hold in vain, a recipe's own section may not.
    try folder.write(TemporaryLibrary.base + "profiles: {small: {images: {count: 5}}}\n", to: "row.yaml")
    #expect(
      folder.complaint(profile: "small").hasPrefix("Recipes/row.yaml:54:36: `images` has no meaning where `kind` is"))
  }

  @Test func profilesInheritProfiles() throws {
    let folder = try TemporaryLibrary([
      "row.yaml": TemporaryLibrary.base + "profiles: {small: {training: {validation_steps: 4}}}\n",
      "profiles/small.yaml": "training: {epochs: 2, steps_per_epoch: 3}\n",
      "profiles/tiny.yaml": "inherits: [small.yaml]\ntraining: {epochs: 1}\n",
    ])
    let training = try #require(try folder.library.resolve("row.yaml", profile: "tiny").recipe.segmentation?.training)
    let numbers: [Int] = [training.epochs, training.stepsPerEpoch, training.validationSteps]
    #expect(numbers == [1, 3, 4] as [Int])
  }

  @Test func standInsReplaceNamedValues() throws {
    let folder = try TemporaryLibrary([
      "row.yaml": TemporaryLibrary.base,
      "profiles/small.yaml":
        "stand_ins:\n  plan.configuration: {2d_640: 2d_80, 2d_80: 2d_16}\nnetwork: {vit: {patch_size: 8}}\n",
    ])
    let row = try folder.library.resolve("row.yaml", profile: "small")
    #expect(row.recipe.segmentation?.plan.configuration.name == "2d_80")
    let standIn = try #require(row.standIns.first)
    let names: [String] = [standIn.key, standIn.original, standIn.replacement]
    #expect(names == ["plan.configuration", "2d_640", "2d_80"] as [String])
    #expect(standIn.originalOrigin.description == "Recipes/row.yaml:8:18")
    #expect(value(row, "plan.configuration")?.origin.description == "Recipes/profiles/small.yaml:2:32 (profile small)")
    #expect(row.explanation.contains("stands for 2d_640 of Recipes/row.yaml:8:18"))
    let set = try folder.library.resolve("row.yaml", profile: "small", overrides: ["plan.configuration=2d_640"])
    #expect(set.recipe.segmentation?.plan.configuration.name == "2d_640")
    #expect(set.standIns.isEmpty)
    // A profile that inherits another has its own word, and the other's where it says nothing.
    try folder.write(
      "inherits: [small.yaml]\nstand_ins:\n  plan.configuration: {2d_640: 2d_64}\n", to: "profiles/finer.yaml")
    let finer = try folder.library.resolve("row.yaml", profile: "finer")
    #expect(finer.standIns.map(\.replacement) == ["2d_64"])
    try folder.write("stand_ins: {plan.configuratio: {2d_640: 2d_80}}\n", to: "profiles/small.yaml")
    #expect(
      folder.complaint(profile: "small")
        == "Recipes/profiles/small.yaml:1:13: unknown key `plan.configuratio` in `stand_ins`; did you mean `plan.configuration`?"
    )
    try folder.write("stand_ins: {plan.configuration: {2d_640: 80}}\n", to: "profiles/small.yaml")
    #expect(folder.complaint(profile: "small").hasPrefix("Recipes/profiles/small.yaml:1:42: "))
  }

  @Test func identityLeavesWordsAndPlacesOut() throws {
    let folder = try TemporaryLibrary(["row.yaml": TemporaryLibrary.base, "profiles/p.yaml": "description: x\n"])
    func identity(_ overrides: String..., profile: String? = nil, seed: UInt64 = 0) throws -> String {
      try folder.library.resolve("row.yaml", profile: profile, overrides: overrides).identityText(seed: seed)
    }
    let plain = try identity()
    #expect(
      try identity(
        "title=Another", "description=x", "seeds=[3]", "dataset.folder=elsewhere", "fidelity=paper", profile: "p")
        == plain)
    #expect(try identity("training.gradient_clip=12.0") == plain)
    #expect(try identity("training.recompute=true") == plain)
    #expect(try identity("training.epochs=999") != plain)
    #expect(try identity("network.decoder.blocks=[2, 5, 8, 10]") != plain)
    #expect(try identity(seed: 1) != plain)
    let single = "network.decoder.multi_scale=false"
    #expect(try identity(single) == identity(single, "network.decoder.blocks=[2, 5, 8, 10]"))
    #expect(plain.contains("training.optimizer.learning_rate: 0.0003\n"))
  }

  @Test func theResolvedRecipeReadsBackEqual() throws {
    let folder = try TemporaryLibrary(["row.yaml": TemporaryLibrary.base])
    let title = "Quotes \" and \\ # : {a} \u{2028} é 😀"
    let recipe = try folder.library.resolve(
      "row.yaml",
      overrides: ["title=\(YAMLWriter.inline(YAMLNode(.text(title), at: .init(source: "", line: 0, column: 0))))"])
    #expect(recipe.recipe.title == title)
    let url = folder.folder.appendingPathComponent("recipe.yaml")
    try recipe.yamlText.write(to: url, atomically: true, encoding: .utf8)
    let back = try folder.library.read(resolved: url)
    #expect(back.recipe == recipe.recipe)
    #expect(back.canonicalText == recipe.canonicalText)
    #expect(back.identityText(seed: 3) == recipe.identityText(seed: 3))
  }
}
