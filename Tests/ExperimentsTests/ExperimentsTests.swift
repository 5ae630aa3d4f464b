import Evaluation
import Experiments
import Files
import Foundation
import Recipes
import Synchronization
import Testing

@Suite(.serialized) struct RunnerTests {
  @Test func twoRunsOfARecipeGiveTheSameBytesAndAFinishedOneIsNotRepeated() throws {
    let (first, second) = (try TemporaryWorkspace(), try TemporaryWorkspace())
    let said = Mutex<[String]>([])
    let runner = Runner(workspace: first.workspace, say: { text in said.withLock { $0.append(text) } })
    let a = try runner.run(first.row("1-random-init-640"), seed: 0)
    let b = try Runner(workspace: second.workspace).run(second.row("1-random-init-640"), seed: 0)
    #expect(a.description.identity == b.description.identity)
    #expect(a.description.weightsDigest == b.description.weightsDigest)
    let (ours, theirs) = (try #require(a.metrics), try #require(b.metrics))
    #expect(ours.predictionDigests == theirs.predictionDigests)
    #expect(ours.measured == theirs.measured)
    #expect(a.curves.epochs.map(\.trainingLoss) == b.curves.epochs.map(\.trainingLoss))

    _ = try runner.run(first.row("1-random-init-640"), seed: 0)
    #expect(said.withLock { $0.last?.contains("done before") == true })
    let prepared = try first.preparedCases()
    #expect(prepared.count == 5)
    let other = try Runner(workspace: first.workspace).run(
      first.row("1-random-init-640", ["training.epochs=1", "plan.batch_size=3"]), seed: 1)
    // Another recipe on the same data finds the cases prepared.
    #expect(try first.preparedCases() == prepared)
    #expect(other.description.identity != a.description.identity)
    #expect(other.description.weightsDigest != a.description.weightsDigest)
  }

  @Test func anInterruptedRunGoesOnToTheSameBytes() throws {
    let (whole, broken) = (try TemporaryWorkspace(), try TemporaryWorkspace())
    let a = try Runner(workspace: whole.workspace).run(whole.row("2-dinov3-640"), seed: 0)
    // Stops once in the pretraining and once or more in the training, wherever the count of questions ends.
    let (record, sessions) = try broken.run(broken.row("2-dinov3-640"), questions: { _ in 5 })
    #expect(sessions > 1)
    #expect(record.description.weightsDigest == a.description.weightsDigest)
    #expect(record.metrics?.predictionDigests == a.metrics?.predictionDigests)
    #expect(record.description.initialWeightsDigest == a.description.initialWeightsDigest)
  }

  /// Folds from a file: they decide who is evaluated, and their content, not their place or spacing, is in the identity.
  @Test func givenFoldsAreUsedAndBelongToTheIdentity() throws {
    let place = try TemporaryWorkspace(withUserData: true)
    let runner = Runner(workspace: place.workspace)
    let row = try place.row(
      "1-random-init-640", ["evaluation.splits=folds/splits_final.json", "evaluation.fold=1"])
    #expect(place.workspace.missingInputs(of: row).map(\.path) == ["folds/splits_final.json"])
    let file = place.workspace.userData!.appendingPathComponent("folds/splits_final.json")
    try FileManager.default.createDirectory(
      at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    func write(_ text: String) throws { try Data(text.utf8).write(to: file) }
    func refusal() -> String {
      do {
        _ = try runner.run(row, seed: 0)
        return "it ran"
      } catch let error as any InputError { return error.description } catch { return "no input error: \(error)" }
    }
    try write(#"[{"train": ["nobody"], "val": ["none"]}]"#)
    #expect(refusal().contains("\"nobody\" under \"train\", which is no case of the dataset"))
    let phantoms = place.workspace.generated.appendingPathComponent("phantoms")
    let dataset = try #require(FileManager.default.contentsOfDirectory(atPath: phantoms.path).first)
    let names = try FileManager.default.contentsOfDirectory(
      atPath: phantoms.appendingPathComponent("\(dataset)/labelsTr").path
    ).map { String($0.dropLast(7)) }.sorted()
    let fold = "{\"train\": [\"\(names[0])\", \"\(names[1])\"], \"val\": [\"\(names[3])\"]}"
    try write("[\(fold)]")
    #expect(refusal().contains("it has 1 folds, counted from 0; the recipe's evaluation.fold is 1"))
    try write("{")
    #expect(refusal().contains("splits_final.json"))

    try write("[{\"train\": [\"\(names[3])\"], \"val\": [\"\(names[0])\"]}, \(fold)]")
    let record = try runner.run(row, seed: 0)
    #expect(record.metrics?.cases == [names[3]])
    #expect(
      FileManager.default.fileExists(
        atPath: runner.folder(record.description.identity).appendingPathComponent("splits_final.json").path))
    try write("[ {\"val\": [\"\(names[0])\"], \"train\": [\"\(names[3])\"]},\n \(fold)]")
    #expect(try runner.finishedRun(row, seed: 0)?.description.identity == record.description.identity)
    try write("[{\"train\": [\"\(names[3])\"], \"val\": [\"\(names[1])\"]}, \(fold)]")
    let other = try runner.finishedRun(row, seed: 0)
    #expect(other == nil)
  }

  @Test func thePaperProfileNamesEverythingThatIsMissingAtOnce() throws {
    let place = try TemporaryWorkspace()
    let recipe = try RecipeLibrary(root: place.workspace.recipes).resolve(
      "meddinov3/table1/2-dinov3-640.yaml", profile: "paper")
    let missing = place.workspace.missingInputs(of: recipe)
    #expect(missing.count == 2)
    do {
      _ = try Runner(workspace: place.workspace).run(recipe, seed: 0)
      Issue.record("the run began")
    } catch let error as MissingInputs {
      for input in missing { #expect(error.description.contains(input.path)) }
    }
  }
}

@Test func aRecordReadsBackAndOthersAreRefused() throws {
  let folder = FileManager.default.temporaryDirectory.appendingPathComponent("segbench-\(UUID().uuidString)")
  try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(at: folder) }
  let url = folder.appendingPathComponent("run.h5")
  let record = RunRecord(
    description: .init(
      identity: "abc", title: "t", kind: "segmentation", profile: "quick", seed: 3, dataDigest: "d",
      initialWeightsDigest: "", dependencies: ["x"], weightsDigest: "w", seconds: ["train": 1.5]),
    recipe: "kind: segmentation\n", provenance: .current(root: folder),
    curves: .training(
      [CurvePoint(epoch: 0, trainingLoss: 1, validationLoss: 0.5, classDice: [0.25, nil], seconds: 2)],
      classes: ["label 1", "label 2"]),
    metrics: .init(
      classes: [(1, "liver"), (2, "spleen"), (3, "cyst")],
      measured: [
        CaseMetrics(
          name: "a",
          classes: [
            ClassMetrics(dsc: 0.5, nsd: 0.25, hd95: 3, referenceVoxels: 7, predictionVoxels: 5),
            ClassMetrics(dsc: nil, nsd: nil, hd95: nil, referenceVoxels: 0, predictionVoxels: 0),
            ClassMetrics(dsc: 0, nsd: 0, hd95: nil, referenceVoxels: 0, predictionVoxels: 2),
          ], diagonal: 90)
      ],
      averaging: Averaging(absent: .zero, missingDistance: .diagonal), predictionDigests: ["p"],
      priors: PriorRule.allCases.enumerated().map { index, rule in
        PredictorScores(
          name: rule.rawValue,
          scores: ScoreTable(
            classes: ["liver", "spleen", "cyst"],
            cases: [
              CaseScores(name: "a", dsc: [0.1 * Double(index), nil, index == 0 ? 0 : nil], nsd: [0.2, nil, nil])
            ]))
      }))
  try record.write(to: url)
  let copy = try RunRecord.read(url)
  #expect(copy.description.seconds == ["train": 1.5] && copy.description.dependencies == ["x"])
  #expect(copy.metrics?.measured == record.metrics?.measured && copy.curves == record.curves)
  #expect(copy.metrics?.classes.map(\.name) == ["liver", "spleen", "cyst"])
  // The values as they were measured serve both rules: a cyst that is none counts 0, or nowhere.
  let metrics = try #require(copy.metrics)
  #expect(
    metrics.averaging == Averaging(absent: .zero, missingDistance: .diagonal) && metrics.scores.mean(.dsc) == 0.25)
  let excluding = metrics.report(Averaging()).scores
  #expect(excluding.mean(.dsc) == 0.5 && excluding.cases[0].dsc == [0.5, nil, nil])
  #expect(metrics.priors.map(\.name) == PriorRule.allCases.map(\.rawValue))
  let blind = metrics.predictors().map { $0.scores.cases[0].dsc }
  #expect(blind[0] == [0, nil, 0] && blind[3] == [0.1 * 3, nil, nil])
  let evaluation = metrics.report(metrics.averaging)
  #expect(evaluation.classMeans[2].hd95 == 90 && evaluation.classCounts[2].falsePositives == 1)
  #expect(metrics.report(Averaging()).classMeans[2].hd95 == nil)

  try HDF5File.create(url, sealed: true) { file in
    try file.setAttribute("format", of: "/", to: "segbench run")
    try file.setAttribute("version", of: "/", to: 2)
  }
  #expect {
    _ = try RunRecord.read(url)
  } throws: { "\($0)".contains("format version 2, but this segbench reads version 4") }
  try Data("no HDF5".utf8).write(to: url)
  #expect {
    _ = try RunRecord.read(url)
  } throws: { $0 is any InputError }
}

/// Curves that no run has: of other names, of different lengths, a class twice.
@Test func curvesOfNoRunAreRefused() throws {
  let names = ["training loss", "validation loss", "mean pseudo-Dice", "smoothed pseudo-Dice", "seconds"]
  let common: [(name: String, values: [Double])] = names.map { ($0, [1.0, 0.5]) }
  let folder = FileManager.default.temporaryDirectory.appendingPathComponent("segbench-\(UUID().uuidString)")
  try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(at: folder) }
  let url = folder.appendingPathComponent("run.h5")
  let description = RunRecord.Description(
    identity: "abc", title: "t", kind: "segmentation", profile: "quick", seed: 3, dataDigest: "d",
    initialWeightsDigest: "", dependencies: [], weightsDigest: "w", seconds: [:])
  func read(_ columns: [(name: String, values: [Double])]) throws -> RunCurves {
    try HDF5File.create(url, sealed: true) { file in
      try file.setAttribute("format", of: "/", to: "segbench run")
      try file.setAttribute("version", of: "/", to: 4)
      func json(_ value: some Encodable) throws -> String {
        String(decoding: try JSONEncoder().encode(value), as: UTF8.self)
      }
      try file.write(text: json(description), to: "description")
      try file.write(text: "kind: segmentation\n", to: "recipe")
      try file.write(text: json(Provenance.current(root: folder)), to: "provenance")
      try file.createGroup("curves")
      for column in columns { try file.write(column.values, shape: [column.values.count], to: "curves/\(column.name)") }
      try file.write(texts: columns.map(\.name), to: "curve names")
    }
    return try RunRecord.read(url).curves
  }
  #expect(try read(common + [("pseudo-Dice of label 1", [.nan, 0.25])]).epochs.map(\.classDice) == [[nil], [0.25]])
  #expect(try read([]) == .none)
  let wrong: [[(name: String, values: [Double])]] = [
    [("loss", [1, 0.5])] + common.dropFirst(), Array(common.dropLast()), common.dropLast() + [("seconds", [1])],
    common + [("pseudo-Dice of label 1\u{1b}", [1, 1])], common + [("label 1", [1, 1])],
    [("view loss", [1])],
  ]
  for columns in wrong {
    #expect("\(columns.map(\.name))") { _ = try read(columns) } throws: {
      "\($0)".contains("\"curves\" cannot be read")
    }
  }
}
