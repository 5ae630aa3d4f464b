import Experiments
import Foundation
import Pretraining
import Recipes
import TestSupport
import Testing

@Suite struct ShippedRecipesTests {
  let library = RecipeLibrary(root: shippedRecipes)

  private func files(_ folder: String) throws -> [String] {
    let root = shippedRecipes.appendingPathComponent(folder)
    let names = try #require(FileManager.default.enumerator(atPath: root.path)).compactMap { $0 as? String }
    return names.filter { $0.hasSuffix(".yaml") }.map { "\(folder)/\($0)" }.sorted()
  }

  @Test func everyRecipeResolvesInEveryProfileAndFidelity() throws {
    #expect(try Set(library.profiles).isSuperset(of: ["paper", "phantom", "quick"]))
    let paths =
      try ["meddinov3/table1", "meddinov3/table2", "meddinov3/table3", "meddinov3/pretraining"].flatMap(files)
      + ["datasets/ct3m.yaml", "real-ct/multi-scale.yaml"]
    #expect(paths.count >= 5)
    let folder = try TemporaryLibrary()
    for path in paths {
      for profile in try library.profiles {
        for fidelity in Recipe.Fidelity.allCases {
          let recipe = try library.resolve(path, profile: profile, fidelity: fidelity)
          #expect(recipe.recipe.fidelity == fidelity)
          // What a run folder keeps reads back to the same recipe and the same identity.
          let url = folder.folder.appendingPathComponent("recipe.yaml")
          try recipe.yamlText.write(to: url, atomically: true, encoding: .utf8)
          let back = try library.read(resolved: url)
          #expect(back.recipe == recipe.recipe)
          #expect(back.canonicalText == recipe.canonicalText)
          #expect(back.identityText(seed: 0) == recipe.identityText(seed: 0))
          #expect(back.pretraining?.path == recipe.pretraining?.path)
        }
      }
    }
  }

  /// The paper's scale and settings (sections 3.1 and 4.1; notes on the published code).
  @Test func thePaperProfileIsThePapers() throws {
    let rows = try library.table("meddinov3/table1").rows
    var encoderRates: [[Recipe.Fidelity: Double]] = []
    for (index, row) in rows.enumerated() {
      var rates: [Recipe.Fidelity: Double] = [:]
      for fidelity in Recipe.Fidelity.allCases {
        let resolved = try library.resolve(row.recipes[0].path, profile: "paper", fidelity: fidelity)
        let recipe = try #require(resolved.recipe.segmentation)
        let vit = recipe.primus.vit
        let shape: [Int] = [vit.width, vit.depth, vit.heads, vit.patchSize, vit.inputChannels]
        #expect(shape == [768, 12, 12, 16, 3] as [Int])
        #expect(vit.storageTokens == (fidelity == .paper ? 4 : 0))
        #expect(vit.layerNormEpsilon == (fidelity == .paper ? 1e-5 : 1e-6))
        #expect(vit.maskKBias == (fidelity == .paper))
        #expect(vit.ropeBase == 100 && vit.layerScale == 1e-5 && vit.dropPath == 0.2 && vit.mlpRatio == 4)
        #expect(recipe.primus.decoderBlocks == (index < 2 ? [11] : [2, 5, 8, 11]))
        #expect(recipe.plan.configuration.name == (index < 3 ? "2d_640" : "2d_896"))
        #expect(recipe.plan.batchSize == nil)
        let training = recipe.training
        let length: [Int] = [training.epochs, training.stepsPerEpoch, training.validationSteps]
        #expect(length == [1000, 250, 50] as [Int])
        #expect(
          training.gradientClip == 12 && training.foregroundOversampling == 0.33
            && training.schedule.kind == .polynomial(power: 1))
        #expect(training.augmentation == .nnUNetDefault)
        let optimizer = training.optimizer
        #expect(optimizer.learningRate == 3e-4 && optimizer.betas == [0.9, 0.98])
        #expect(optimizer.weightDecay == 5e-2)
        rates[fidelity] = optimizer.encoderLearningRate
        let scoring = recipe.evaluation.scoring
        #expect(
          scoring.fold == 0 && scoring.toleranceMM == 1 && scoring.surfaceDice == .monai)
        #expect(recipe.dataset.source == .folder(path: "datasets/amos22", expectedCases: 360))
        #expect(
          recipe.initialWeights
            == (index == 0
              ? .random : .file(path: "weights/dinov3_vitb16_pretrain_lvd1689m-73cec8be.pth", layout: .dinov3)))
        #expect(resolved.standIns.isEmpty && resolved.pretraining == nil)
      }
      encoderRates.append(rates)
    }
    #expect(encoderRates == [[.paper: 3e-4, .code: 3e-4]] + Array(repeating: [.paper: 3e-4, .code: 1e-4], count: 3))
  }

  @Test func thePhantomProfileChangesOnlyTheScale() throws {
    var identities: Set<String> = []
    for (index, row) in try library.table("meddinov3/table1").rows.enumerated() {
      let resolved = try library.resolve(row.recipes[0].path, profile: "phantom")
      let recipe = try #require(resolved.recipe.segmentation)
      guard case .phantom(let phantom) = recipe.dataset.source else {
        Issue.record("\(row.recipes[0].path) does not run on phantoms")
        continue
      }
      #expect(phantom.kind == .amos22)
      #expect(recipe.primus.multiScale == (index >= 2))
      #expect(resolved.standIns.map(\.original) == [index < 3 ? "2d_640" : "2d_896"])
      // The rows with pretrained weights share one pretraining, whose encoder fits theirs.
      #expect(resolved.pretraining?.path == (index == 0 ? nil : "meddinov3/pretraining/natural-images.yaml"))
      identities.insert(resolved.identityText(seed: 0))
    }
    #expect(identities.count == 4)
    let sizes = try library.table("meddinov3/table1").rows.map {
      try #require(
        try library.resolve($0.recipes[0].path, profile: "phantom").recipe.segmentation?.plan.configuration.patchSize)
    }
    #expect(Double(sizes[3]) / Double(sizes[0]) == 896.0 / 640.0)
    #expect(Set(sizes[0...2]).count == 1)
  }

  /// nnU-Net's rows: the paper's section 4.1 item 1, on the plan's own patch and topology.
  @Test(arguments: ["amos22", "kits23", "lits", "btcv"])
  func nnUNetsRowsAreThePapers(dataset: String) throws {
    for fidelity in Recipe.Fidelity.allCases {
      let row = "meddinov3/table2/\(dataset)-nnu-net.yaml"
      let recipe = try #require(
        try library.resolve(row, profile: "paper", fidelity: fidelity).recipe.segmentation)
      #expect(recipe.dataset.name == dataset && recipe.plan.configuration.name == "2d" && recipe.plan.batchSize == nil)
      let network = try #require(recipe.network.kind as? UNetSettings)
      #expect(network.deepSupervision && network.features == nil && network.stages == nil)
      let training = recipe.training
      #expect(training.optimizer.algorithm == .sgd(momentum: 0.99, nesterov: true))
      #expect(training.optimizer.learningRate == 1e-2 && training.optimizer.weightDecay == 3e-5)
      #expect(training.optimizer.encoderLearningRate == nil && training.schedule.kind == .polynomial(power: 0.9))
      #expect(training.gradientClip == 12 && training.epochs == 1000 && training.augmentation == .nnUNetDefault)
      #expect(recipe.initialWeights == .random)
      let phantom = try #require(try library.resolve(row, profile: "phantom").recipe.segmentation)
      guard case .phantom(let settings) = phantom.dataset.source else {
        Issue.record("\(row) does not run on phantoms")
        continue
      }
      #expect(settings.kind.rawValue == dataset)
      #expect((phantom.network.kind as? UNetSettings)?.deepSupervision == true)
    }
  }

  /// The tables agree with each other and with the differences that the paper's text states.
  @Test func publishedNumbersAgree() throws {
    let tables = try library.publishedTables("meddinov3/published.yaml")
    func value(_ table: String, _ row: String, _ column: String = "amos22-dsc") throws -> Double {
      try #require(tables.table(table)?.value(row: row, column: column))
    }
    func hundredths(_ value: Double) -> Int { Int((value * 100).rounded()) }
    let one = try ["random-init-640", "dinov3-640", "dinov3-multi-scale-640", "dinov3-multi-scale-896"].map {
      try value("table1", $0)
    }
    let three = try ["no-stage", "stage-1", "stages-1-2", "stages-1-2-3"].map { try value("table3", $0) }
    #expect(one[3] == three[0])
    #expect(try value("table2", "meddinov3") == three[3])
    // Section 3.1: +2.96 by DINOv3, +2.10 by several scales, +2.06 by resolution; the introduction: from 78.39 to 85.51.
    #expect(zip(one.dropFirst(), one).map { hundredths($0 - $1) } == [296, 210, 206])
    #expect(one[0] == 78.39 && one[3] == 85.51)
    // Section 4.3: +1.07 by stage 1, +0.84 by stage 3.
    #expect(hundredths(three[1] - three[0]) == 107 && hundredths(three[3] - three[2]) == 84)
    // The introduction: +2.57 on AMOS22 and +5.49 on BTCV over nnU-Net, 70.68 on KiTS23, 75.28 on LiTS.
    #expect(try hundredths(value("table2", "meddinov3") - value("table2", "nnu-net")) == 257)
    #expect(try hundredths(value("table2", "meddinov3", "btcv-dsc") - value("table2", "nnu-net", "btcv-dsc")) == 549)
    #expect(try value("table2", "meddinov3", "kits23-dsc") == 70.68)
    #expect(try value("table2", "meddinov3", "lits-dsc") == 75.28)
    // Bold in Table 2: MedDINOv3 is best but for NSD on KiTS23 and LiTS, where nnU-Net is.
    let two = try #require(tables.table("table2"))
    #expect(two.rows.count == 4 && two.columns.count == 8)
    for column in two.columns {
      let best = two.rows.max { $0.values[column.id]! < $1.values[column.id]! }
      #expect(best?.id == (["kits23-nsd", "lits-nsd"].contains(column.id) ? "nnu-net" : "meddinov3"))
    }
    // All 40 numbers: a typing error in any of them changes the sum.
    let sum = tables.tables.reduce(0) {
      $0 + $1.rows.reduce(0) { $0 + $1.values.values.reduce(0) { $0 + hundredths($1) } }
    }
    #expect(tables.tables.map { $0.rows.reduce(0) { $0 + $1.values.count } } == [4, 32, 4])
    #expect(sum == 32870 + 204702 + 34601)
    #expect(two.place(row: "segformer", column: "btcv-nsd") == "Table 2, row 2, NSD (%) BTCV")
  }

  /// The example in Recipes/README.md, put where it says it belongs, does what it says.
  @Test func theReadmesExampleResolves() throws {
    let readme = try String(contentsOf: shippedRecipes.appendingPathComponent("README.md"), encoding: .utf8)
    let parts = readme.components(separatedBy: "```")
    let example = try #require(parts.first { $0.hasPrefix("yaml\n") }).dropFirst(5)
    let folder = try TemporaryLibrary()
    try FileManager.default.removeItem(at: folder.root)
    try FileManager.default.copyItem(at: shippedRecipes, to: folder.root)
    try folder.write(String(example), to: "meddinov3/own.yaml")
    let blocks = try ["paper", "phantom"].map {
      try folder.library.resolve("meddinov3/own.yaml", profile: $0).recipe.segmentation?.primus.decoderBlocks
    }
    #expect(blocks == [[8, 9, 10, 11], [2, 3]])
  }

  @Test func tableOneListsItsRowsInOrder() throws {
    let table = try library.table("meddinov3/table1")
    #expect(table.rows.map(\.published.id) == table.published.rows.map(\.id))
    #expect(table.rows.map { $0.recipes.map(\.dataset) } == Array(repeating: ["amos22"], count: 4))
    #expect(try library.footnotes(of: table, profile: "paper").isEmpty)
    #expect(try library.footnotes(of: table, profile: "phantom").count == 2)
    #expect(try library.footnotes(of: table, profile: "quick") == library.footnotes(of: table, profile: "phantom"))
  }

  @Test func tableThreeSharesItsFirstRowWithTableOne() throws {
    let table = try library.table("meddinov3/table3")
    #expect(table.rows.map(\.published.id) == table.published.rows.map(\.id))
    let one = try #require(try library.table("meddinov3/table1").rows.last)
    for profile in try library.profiles {
      let rows = try table.rows.map { try library.resolve($0.recipes[0].path, profile: profile) }
      let last = try library.resolve(one.recipes[0].path, profile: profile)
      #expect(rows[0].identityText(seed: 0) == last.identityText(seed: 0))
      #expect(Set(rows.map { $0.identityText(seed: 0) }).count == 4)
      let stages: [String?] = (1...3).map { "meddinov3/pretraining/stage-\($0).yaml" }
      let found: [String?] = rows.dropFirst().map { $0.pretraining?.path }
      #expect(found == stages)
      // Each stage goes on from the one before; the first from DINOv3 or what stands for it.
      let starts: [String?] = rows.dropFirst().map { $0.pretraining?.pretraining?.path }
      let first: String? = profile == "paper" ? nil : "meddinov3/pretraining/natural-images.yaml"
      let expected: [String?] = [first, stages[0], stages[1]]
      #expect(starts == expected)
      // Rows differ from each other in their initial weights alone.
      let networks = rows.dropFirst().compactMap(\.recipe.segmentation).map(\.network)
      #expect(networks.count == 3)
      #expect(networks.allSatisfy { $0 == networks[0] })
    }
  }

  /// Section 3.2 and 4.1's numbers, and where the paper contradicts itself.
  @Test func theStagesAreThePapers() throws {
    func stage(_ number: Int, _ fidelity: Recipe.Fidelity) throws -> PretrainingRecipe {
      let path = "meddinov3/pretraining/stage-\(number).yaml"
      return try #require(try library.resolve(path, profile: "paper", fidelity: fidelity).recipe.pretraining)
    }
    for fidelity in Recipe.Fidelity.allCases {
      let stages = try (1...3).map { try stage($0, fidelity) }
      let settings = stages.map(\.selfDistillation)
      let isPaper = fidelity == .paper
      let iterations: [Int] = [100_000, isPaper ? 20_000 : 10_000, 10_000]
      let later: Double = isPaper ? 1.0 : 0.1
      let koLeo: [Double] = [0.1, later, later]
      // The code's configurations are multiplied by 4 √(512 / 1024), which is √8.
      let scale: Double = isPaper ? 1 : 8.0.squareRoot()
      let rates: [Double] = [2e-4 * scale, 5e-5 * scale, 2.5e-5 * scale]
      let schedules: [PretrainingSchedule] = [.cosine(finalLearningRate: 1e-6), .constant, .rising]
      let starts: [HeadStart] = [.random, .previous, .previous]
      #expect(settings.map(\.iterations) == iterations)
      #expect(zip(settings.map(\.learningRate), rates).allSatisfy { abs($0 / $1 - 1) < 1e-12 })
      #expect(settings.map(\.optimizer.schedule) == schedules)
      #expect(settings.map(\.optimizer.warmupIterations) == [10_000, 0, 10_000])
      let small: [[Double]] = isPaper ? [[1, 1], [1, 1], [1, 1]] : [[1, 1], [1, 0.5], [0.5, 0.5]]
      #expect(settings.map { [$0.localLoss.weight.first, $0.localLoss.weight.last] } == small)
      #expect(settings.map(\.localLoss.iterations) == [0, isPaper ? 0 : 1000, 0])
      #expect(settings.allSatisfy { $0.koLeoGroup == 16 && $0.head.initialDeviation == 0.02 })
      #expect(settings.allSatisfy { $0.gradientClip == 3 && $0.gradientClipScope == .module })
      #expect(settings.map(\.koLeoWeight) == koLeo)
      #expect(settings.map(\.head.start) == starts)
      #expect(settings.allSatisfy { $0.batchSize == 512 })
      let (second, third) = (settings[1], settings[2])
      #expect(settings[0].gram == nil)
      #expect(second.gram?.weight == 2)
      #expect(second.gram?.warmupIterations == (isPaper ? 0 : 1000))
      #expect(third.gram?.weight == (isPaper ? 2 : 1.5))
      #expect(third.gram?.warmupIterations == 0)
      let normalization: GramLoss.Normalization = isPaper ? .frobenius : .mean
      #expect(second.gram?.normalization == normalization)
      #expect(second.gram?.teacher == .snapshot(iteration: 20_000))
      #expect(third.gram?.teacher == .previous)
      #expect(second.crops.sizes.count == 1)
      #expect(second.crops.sizes[0].global == 256)
      #expect(second.crops.sizes[0].gram == 512)
      let sizes = third.crops.sizes
      var sum = 0.0
      for size in sizes {
        sum += size.ratio
        #expect(size.global == 512 || size.global == 768)
        #expect(size.local >= 112)
        #expect(size.local <= 336)
      }
      #expect(abs(sum - 1) < 1e-12)
      for stage in stages {
        #expect(stage.vit.storageTokens == 4)
        #expect(stage.vit.qkvBias == isPaper)
        guard case .slices(let slices) = stage.images else {
          Issue.record("a stage sees no CT")
          continue
        }
        #expect(slices.sources.count == 17)
        #expect(slices.expectedSlices == 3_868_833)
        #expect(slices.pixelMM == 0.45)
        #expect(slices.size == 256)
        #expect(slices.window.lowerBound == -1000)
        #expect(slices.window.upperBound == 1000)
        #expect(slices.mean == 65.1084213256836)
        #expect(slices.deviation == 178.01663208007812)
      }
      #expect(
        stages[0].initialWeights
          == .file(path: "weights/dinov3_vitb16_pretrain_lvd1689m-73cec8be.pth", layout: .dinov3))
    }
  }

  /// How a batch is divided is no part of a run's identity; KoLeo's groups are. A smaller batch is one group.
  @Test func partsOfABatchAreNoPartOfTheIdentity() throws {
    func stage(_ settings: String...) throws -> ResolvedRecipe {
      try library.resolve("meddinov3/pretraining/stage-2.yaml", profile: "phantom", overrides: settings)
    }
    let plain = try stage().identityText(seed: 0)
    try #expect(stage("self_distillation.micro_batch_size=4").identityText(seed: 0) == plain)
    try #expect(stage("self_distillation.koleo_group_size=8").identityText(seed: 0) != plain)
    let small = try stage("self_distillation.batch_size=4", "self_distillation.micro_batch_size=2")
    #expect(small.recipe.pretraining?.selfDistillation.koLeoGroup == 4)
  }

  /// What a stage takes from the one before must be there.
  @Test func aStageThatAsksForWhatIsMissingIsRefused() throws {
    let folder = try TemporaryLibrary()
    try FileManager.default.removeItem(at: folder.root)
    try FileManager.default.copyItem(at: shippedRecipes, to: folder.root)
    func problem(_ setting: String, stage: Int = 2) -> String {
      do {
        _ = try folder.library.resolve(
          "meddinov3/pretraining/stage-\(stage).yaml", profile: "paper", overrides: [setting])
        return "none"
      } catch { return "\(error)" }
    }
    #expect(
      problem("self_distillation.gram.teacher.iteration=30000").hasSuffix(
        "is 30000, but meddinov3/pretraining/stage-1.yaml keeps its teacher only after 20000, 40000, 60000, 80000, 100000"
      ))
    #expect(
      problem("self_distillation.head.prototypes=64").hasSuffix(
        "`self_distillation.head.prototypes` is 64, but the heads that meddinov3/pretraining/stage-1.yaml leaves have 65536"
      ))
    #expect(
      problem("initial_weights={from: random}").contains("asks in `gram` for what an earlier pretraining left"))
    #expect(problem("self_distillation.micro_batch_size=7").contains("is 7, which does not divide the batch of 512"))
    #expect(problem("self_distillation.koleo_group_size=24").hasSuffix("is 24, which does not divide the batch of 512"))
    #expect(
      problem("self_distillation.optimizer.warmup_iterations=10000").hasSuffix(
        "is 10000, but there are only 10000 iterations"))
    #expect(
      problem("self_distillation.optimizer={schedule: cosine, final_learning_rate: 1.5e-4}").hasSuffix(
        "is 0.00015, above the highest rate, which is 0.0001414213562373095: `learning_rate` 5e-05 with `rate_scaling` "
          + "sqrt-wrt-1024 at a batch of 512"))
    #expect(problem("self_distillation.snapshots=[20000]").contains("names iteration 20000, but there are only 10000"))
    #expect(
      problem("initial_weights.recipe=meddinov3/pretraining/stage-1.yaml", stage: 3).hasSuffix(
        "is `previous`, but meddinov3/pretraining/stage-1.yaml has no Gram teacher"))
  }
}
