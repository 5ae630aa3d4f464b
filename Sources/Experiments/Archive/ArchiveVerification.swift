import Datasets
import Files
import Foundation
import Imaging
import Recipes

/// What the checks of one archived run found. The archive itself was checked when it was unpacked.
public struct VerifiedRun: Sendable {
  public enum Verdict: String, Sendable {
    case sound, broken
    /// What it takes is not at hand.
    case unchecked
  }

  public struct Finding: Sendable {
    public let what: String
    public let verdict: Verdict
    public let detail: String
  }

  public let record: RunRecord
  public let findings: [Finding]
  /// The metrics, recomputed from the stored predictions; nil where the references are not at hand.
  public let recomputed: RunRecord.Metrics?
  /// How the run stands to the paper's row that its recipe is here; nil for a pretraining.
  public var scale: PaperScale?
  /// The same for runs that differ in nothing but their seed.
  public var cell: String
  public var isSound: Bool { findings.allSatisfy { $0.verdict != .broken } }
  /// What could not be checked here.
  public var unchecked: [Finding] { findings.filter { $0.verdict == .unchecked } }
}

/// Checks unpacked runs as far as this machine allows, in an order in which nothing is read, generated or computed for a run
/// that the checks before have found broken: names (`ArchivedRun`), identity, cases, files, and metrics last.
public struct ArchiveVerification {
  /// Where `Archive.unpack` wrote.
  let unpacked: URL
  /// Where datasets are looked for, and phantoms are generated.
  let runner: Runner
  let limits: TimeLimits

  /// The most voxels of phantoms that are generated because an archive asks for them, in all cases together: many times
  /// what a table's phantoms have.
  static let greatestPhantoms = 1 << 27

  public init(unpacked: URL, runner: Runner, limits: TimeLimits = .none) {
    self.unpacked = unpacked
    self.runner = runner
    self.limits = limits
  }

  /// Checks one run: that its record is of its recipe, that its identity follows from recipe and inputs, that it scores the
  /// cases of the fold that was left out, that weights and predictions are those of its record, and that its metrics follow
  /// from its predictions.
  /// - Throws: `ArchiveError`, `RunRecordError`, `RecipeError`, `FileError`: whatever keeps the run from being read at all.
  public func verify(_ identity: String) throws -> VerifiedRun {
    let library = RecipeLibrary(root: runner.workspace.recipes)
    let run = try read(identity, library)
    var findings = Findings()
    let inputs = try check(run, &findings)
    let scored = run.recipe.recipe.scored
    var recomputed: RunRecord.Metrics?
    if let scored, let metrics = run.record.metrics, findings.isSound {
      recomputed = try recompute(metrics, scored, run, &findings)
    }
    if scored != nil, findings.isSound, !findings.list.contains(where: { $0.what == "cases" }) {
      findings.leave(
        "cases", "neither the dataset nor the list of its files and folds is here to say which were left out")
    }
    return VerifiedRun(
      record: run.record, findings: findings.list, recomputed: recomputed,
      scale: scored == nil ? nil : try library.scale(of: run.record, recipe: run.recipe),
      cell: scored == nil
        ? identity
        : (inputs + [run.record.provenance.engineVersion, run.recipe.identityText(seed: 0)]).joined(separator: "\n"))
  }

  /// Reads a run with the pretrainings before it: their names and that the chain ends.
  func read(_ identity: String, _ library: RecipeLibrary) throws -> ArchivedRun {
    // A chain of them is longer than the one, and no record is longer than the archive.
    let bytes = (try? fileSize(unpacked.appendingPathComponent("runs/\(identity)/run.h5"))) ?? 0
    return try limits.within(
      TimeLimits.seconds(forBytes: ArchivedRun.greatestChain * bytes),
      "reading the record of run \(identity.prefix(10))"
    ) { try ArchivedRun(identity, in: unpacked, library: library) }
  }

  /// All that is checked before anything is generated, computed or run: record, identity, cases by the archive's own list of
  /// the dataset's files, and files.
  /// - Returns: the inputs that decide the identity.
  private func check(_ run: ArchivedRun, _ findings: inout Findings) throws -> [String] {
    checkRecord(run, &findings)
    let inputs = checkIdentity(run, &findings)
    let name = run.record.description.identity.prefix(10)
    let bytes = DiskSpace.size(of: [run.folder.appendingPathComponent(Archive.dataListingName)])
    if let scored = run.recipe.recipe.scored, findings.isSound {
      try limits.within(TimeLimits.seconds(forBytes: bytes), "comparing the cases of run \(name)") {
        try checkCases(run, scored, named: listedCases(run, &findings), &findings)
      }
    }
    if findings.isSound { try checkFiles(run, &findings) }
    return inputs
  }

  /// - Throws: `ArchiveError.unsoundRun` for the first of the checks that finds something wrong.
  func requireSound(_ run: ArchivedRun) throws {
    var findings = Findings()
    _ = try check(run, &findings)
    if let broken = findings.list.first(where: { $0.verdict == .broken }) {
      throw ArchiveError.unsoundRun(run.record.description.identity, "\(broken.what): \(broken.detail)")
    }
  }

  // MARK: - What follows from the record alone

  private func checkRecord(_ run: ArchivedRun, _ findings: inout Findings) {
    let problem = run.record.problem(of: run.recipe, after: run.start)
    guard problem == nil, run.record.provenance.isLater else {
      return findings.add(
        "record", problem == nil, problem ?? "curves, times and provenance as the recipe's run leaves them")
    }
    findings.leave(
      "record",
      "engine \(run.record.provenance.engineVersion) made it, which is later than this program's \(engineVersion)")
  }

  /// - Returns: the inputs that decide the identity.
  private func checkIdentity(_ run: ArchivedRun, _ findings: inout Findings) -> [String] {
    let (description, recipe) = (run.record.description, run.recipe)
    let inputs = InputDigests(
      data: description.dataDigest, weights: description.initialWeightsDigest,
      splits: description.splitsDigest, predictions: description.predictionsDigest)
    let rebuilt = Runner.identity(
      recipe, seed: UInt64(clamping: description.seed), inputs: inputs,
      device: run.record.provenance.device, engine: run.record.provenance.engineVersion)
    findings.add(
      "identity", rebuilt == description.identity,
      recipe.recipe.predictions == nil
        ? "follows from recipe, seed, data, initial weights and engine version"
        : "follows from recipe, data, the other tool's files and engine version")
    return inputs.lines
  }

  // MARK: - Cases

  /// The names of the dataset's cases by the archive's list of its files; nil where there is none.
  private func listedCases(_ run: ArchivedRun, _ findings: inout Findings) throws -> [String]? {
    let file = run.folder.appendingPathComponent(Archive.dataListingName)
    guard exists(file) else { return nil }
    let data = try Data(contentsOf: file)
    guard Digest.sha256(of: data) == run.record.description.dataDigest else {
      findings.add("data", false, "the list of the dataset's files has not the SHA-256 that was recorded")
      return nil
    }
    let images = String(decoding: data, as: UTF8.self).split(separator: "\n").compactMap { line -> String? in
      guard let start = line.range(of: "  imagesTr/"), let end = line.range(of: "_0000.", options: .backwards),
        start.upperBound <= end.lowerBound
      else { return nil }
      return String(line[start.upperBound..<end.lowerBound])
    }
    return Set(images).sorted()
  }

  /// Checks that exactly the cases of the fold that was left out are scored, where the dataset's cases are known.
  private func checkCases(
    _ run: ArchivedRun, _ scored: (dataset: DatasetSettings, scoring: ScoringSettings), named cases: [String]?,
    _ findings: inout Findings
  ) throws {
    guard let metrics = run.record.metrics, let cases, let fold = try fold(run, scored.scoring, cases) else { return }
    let (found, wanted) = (metrics.cases.sorted(), fold.validation.sorted())
    if let other = found.first(where: { !wanted.contains($0) }) {
      return findings.add(
        "cases", false,
        "\(other) is scored, which is no case of the fold that was left out"
          + (fold.train.contains(other) ? ": it was learned from" : ""))
    }
    if let lacking = wanted.first(where: { !found.contains($0) }) {
      return findings.add("cases", false, "\(lacking) of the fold that was left out is not scored")
    }
    guard metrics.cases == Set(metrics.cases).sorted() else {
      return findings.add("cases", false, "they are not in the order of their names")
    }
    var expected: Int?
    if case .folder(_, let published) = scored.dataset.source { expected = published }
    let extent = RunExtent(
      cases: cases.count, expectedCases: expected, trainingCases: fold.train.count,
      validationCases: fold.validation.count, patch: run.record.description.extent?.patch)
    guard run.record.description.extent ?? extent == extent else {
      return findings.add(
        "cases", false, "how many there are is recorded otherwise than the fold and the recipe have it")
    }
    findings.add("cases", true, "the \(found.count) of the fold that was left out, each once")
  }

  /// The fold that is left out; nil where the user's folds are not at hand.
  private func fold(_ run: ArchivedRun, _ scoring: ScoringSettings, _ cases: [String]) throws -> Splits.Fold? {
    let splits: Splits
    if let digest = run.record.description.splitsDigest {
      let packed = run.folder.appendingPathComponent("splits_final.json")
      let own = scoring.splits.flatMap { runner.workspace.userData?.appendingPathComponent($0) }
      guard let file = exists(packed) ? packed : own, exists(file) else { return nil }
      splits = try Splits(contentsOf: file, cases: cases)
      guard splits.digest == digest else { return nil }
    } else {
      splits = try Splits(cases: cases)
    }
    return splits.folds.indices.contains(scoring.fold) ? splits.folds[scoring.fold] : nil
  }

  // MARK: - Files

  private func checkFiles(_ run: ArchivedRun, _ findings: inout Findings) throws {
    let description = run.record.description
    func digest(_ folder: URL, _ name: String) throws -> String {
      let file = folder.appendingPathComponent(name)
      guard exists(file) else { return "" }
      return try limits.within(
        TimeLimits.seconds(forBytes: fileSize(file)), "hashing \(name) of run \(folder.lastPathComponent.prefix(10))"
      ) {
        try Digest.sha256(ofContentOf: file)
      }
    }
    guard try digest(run.folder, "recipe.yaml") == Digest.sha256(of: run.record.recipe) else {
      return findings.add("recipe", false, "recipe.yaml is not the recipe of the record")
    }
    if run.recipe.recipe.predictions == nil {
      findings.add(
        "weights", try digest(run.folder, "weights.safetensors") == description.weightsDigest,
        "SHA-256 as recorded when they were trained")
    }
    for dependency in description.dependencies {
      let source = unpacked.appendingPathComponent("runs/\(dependency)", isDirectory: true)
      findings.add(
        "initial weights", try digest(source, "weights.safetensors") == description.initialWeightsDigest,
        "are those of run \(dependency.prefix(10))")
    }
    guard let metrics = run.record.metrics else { return }
    let digests = try metrics.cases.map { try digest(run.folder, "predictions/\($0).nii.gz") }
    findings.add(
      "predictions", digests == metrics.predictionDigests, "SHA-256 of \(digests.count) files as recorded")
  }

  // MARK: - Metrics

  /// Takes the metrics again from the stored predictions.
  private func recompute(
    _ metrics: RunRecord.Metrics, _ scored: (dataset: DatasetSettings, scoring: ScoringSettings), _ run: ArchivedRun,
    _ findings: inout Findings
  ) throws -> RunRecord.Metrics? {
    let preparation = DatasetPreparation(context: runner.context, dataset: scored.dataset)
    let name = "run \(run.record.description.identity.prefix(10))"
    var generation: Double?
    switch scored.dataset.source {
    case .folder(let path, _):
      guard let data = runner.workspace.userData, exists(data.appendingPathComponent(path)) else {
        findings.leave(
          "metrics", "\(scored.dataset.name) is not below SEGBENCH_DATA, so they could not be recomputed")
        return nil
      }
    case .phantom(let phantom):
      let voxels = phantom.size.reduce(phantom.cases, *)
      guard try voxels <= Self.greatestPhantoms || preparation.existingRawDataset() != nil else {
        findings.leave(
          "metrics",
          "its \(phantom.cases) phantoms of about \(phantom.size.map(String.init).joined(separator: " x ")) voxels are "
            + "more than an archive has generated (\(Self.greatestPhantoms) voxels in all), so they could not be recomputed"
        )
        return nil
      }
      generation = TimeLimits.seconds(forPhantomVoxels: voxels)
    }
    let dataset =
      try generation.map { seconds in
        try limits.within(seconds, "generating the phantoms of \(name)") { try preparation.rawDataset() }
      } ?? preparation.rawDataset()
    guard dataset.digest == run.record.description.dataDigest else {
      findings.leave(
        "metrics", "the \(scored.dataset.name) at hand is not the one of the run: its files' SHA-256 differ")
      return nil
    }
    let names = dataset.raw.cases.map(\.name)
    if !findings.list.contains(where: { $0.what == "cases" }) { try checkCases(run, scored, named: names, &findings) }
    guard findings.isSound else { return nil }
    guard let fold = try fold(run, scored.scoring, names) else {
      findings.leave("metrics", "the folds that the recipe names are not at hand, so they could not be recomputed")
      return nil
    }
    let predictions = run.folder.appendingPathComponent("predictions", isDirectory: true)
    let (problem, voxels) = try grids(dataset.raw, metrics.cases, predictions)
    if let problem {
      findings.add("metrics", false, problem)
      return nil
    }
    let evaluation = RunEvaluation(dataset: dataset.raw, settings: scored.scoring)
    let seconds = TimeLimits.seconds(forScoredVoxels: voxels, classes: evaluation.classes.count)
    let (again, report) = try limits.within(seconds, "scoring the predictions of \(name)") {
      let report = try evaluation.report(
        cases: metrics.cases, predictions: predictions, progress: runner.context.progress("evaluating"))
      return (try evaluation.metrics(report, learnedFrom: fold.train, predictions: predictions), report)
    }
    let difference = metrics.firstDifference(from: again)
    findings.add(
      "metrics", difference == nil,
      ([difference ?? "recomputed from the predictions: the same to the last bit"]
        + FileWarning.grouped(report.warnings)).joined(separator: "; "))
    return again
  }

  /// The first prediction on another grid than its reference's, and how many voxels the references have, by their headers:
  /// what a small file unpacks to is not asked for before.
  private func grids(_ dataset: RawDataset, _ cases: [String], _ predictions: URL) throws -> (
    problem: String?, voxels: Int
  ) {
    var voxels = 0
    for source in dataset.cases where cases.contains(source.name) {
      guard let label = source.label else { continue }
      let reference = try NIfTI.readHeader(label).shape
      let found = try NIfTI.readHeader(predictions.appendingPathComponent(source.name + ".nii.gz")).shape
      if found != reference {
        return ("the prediction of \(source.name) has \(found) voxels [z, y, x], its reference \(reference)", voxels)
      }
      voxels += reference.reduce(1, *)
    }
    return (nil, voxels)
  }
}

/// What the checks of a run have found so far.
private struct Findings {
  private(set) var list: [VerifiedRun.Finding] = []
  var isSound: Bool { list.allSatisfy { $0.verdict != .broken } }

  mutating func add(_ what: String, _ isSound: Bool, _ detail: String) {
    list.append(VerifiedRun.Finding(what: what, verdict: isSound ? .sound : .broken, detail: detail))
  }

  /// Says what could not be checked, and why.
  mutating func leave(_ what: String, _ detail: String) {
    list.append(VerifiedRun.Finding(what: what, verdict: .unchecked, detail: detail))
  }
}
