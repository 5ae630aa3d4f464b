import Datasets
import Files
import Foundation
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
  /// The metrics, taken again from the stored predictions; nil where the references are not at hand.
  public let recomputed: RunRecord.Metrics?
  /// How the run stands to the paper's row that its recipe is here; nil for a pretraining.
  public var scale: PaperScale?
  /// The same for runs that differ in nothing but their seed.
  public var cell: String
  public var isSound: Bool { findings.allSatisfy { $0.verdict != .broken } }
}

/// Checks unpacked runs as far as this machine allows.
public struct ArchiveVerification {
  /// Where `Archive.unpack` wrote.
  let unpacked: URL
  /// Where datasets are looked for, and phantoms are generated.
  let runner: Runner

  public init(unpacked: URL, runner: Runner) {
    self.unpacked = unpacked
    self.runner = runner
  }

  private func folder(_ identity: String) -> URL {
    unpacked.appendingPathComponent("runs/\(identity)", isDirectory: true)
  }

  /// Checks one run: that weights and predictions are those of its record, that its identity follows from its recipe and
  /// inputs, and that its metrics follow from its predictions.
  /// - Throws: `RunRecordError`, `RecipeError`, `FileError`: whatever keeps the run from being read at all.
  public func verify(_ identity: String) throws -> VerifiedRun {
    let folder = folder(identity)
    let record = try RunRecord.read(folder.appendingPathComponent("run.h5"))
    let recipe = try ArchivedRecipe.read(record, in: unpacked, library: RecipeLibrary(root: runner.workspace.recipes))
    var findings: [VerifiedRun.Finding] = []
    func add(_ what: String, _ isSound: Bool, _ detail: String) {
      findings.append(VerifiedRun.Finding(what: what, verdict: isSound ? .sound : .broken, detail: detail))
    }
    if recipe.recipe.predictions == nil {
      let weights = try Digest.sha256(ofFileAt: folder.appendingPathComponent("weights.safetensors"))
      add("weights", weights == record.description.weightsDigest, "SHA-256 as recorded when they were trained")
    }
    let inputs = Runner.inputs(
      data: record.description.dataDigest, weights: record.description.initialWeightsDigest,
      splits: record.description.splitsDigest, predictions: record.description.predictionsDigest)
    let rebuilt = Runner.identity(
      recipe, seed: UInt64(clamping: record.description.seed), inputs: inputs,
      engine: record.provenance.engineVersion)
    add(
      "identity", rebuilt == identity,
      recipe.recipe.predictions == nil
        ? "follows from recipe, seed, data, initial weights and engine version"
        : "follows from recipe, data, the other tool's files and engine version")
    for dependency in record.description.dependencies {
      let source = self.folder(dependency).appendingPathComponent("weights.safetensors")
      let digest = exists(source) ? try Digest.sha256(ofFileAt: source) : ""
      add(
        "initial weights", digest == record.description.initialWeightsDigest,
        "are those of run \(dependency.prefix(10))")
    }
    guard let metrics = record.metrics, let scored = recipe.recipe.scored else {
      return VerifiedRun(record: record, findings: findings, recomputed: nil, cell: identity)
    }
    let predictions = folder.appendingPathComponent("predictions", isDirectory: true)
    let digests = try metrics.cases.map {
      try Digest.sha256(ofFileAt: predictions.appendingPathComponent($0 + ".nii.gz"))
    }
    add("predictions", digests == metrics.predictionDigests, "SHA-256 of \(digests.count) files as recorded")
    let (recomputed, finding) = try recompute(metrics, scored, record, predictions)
    findings.append(finding)
    if let extent = record.description.extent {
      add(
        "cases", extent.validationCases == metrics.cases.count,
        "\(metrics.cases.count) scored, \(extent.validationCases ?? 0) recorded as the fold that was left out")
    }
    return VerifiedRun(
      record: record, findings: findings, recomputed: recomputed,
      scale: try RecipeLibrary(root: runner.workspace.recipes).scale(of: record, recipe: recipe),
      cell: (inputs + [record.provenance.engineVersion, recipe.identityText(seed: 0)]).joined(separator: "\n"))
  }

  /// Takes the metrics again from the stored predictions.
  private func recompute(
    _ metrics: RunRecord.Metrics, _ scored: (dataset: DatasetSettings, scoring: ScoringSettings), _ record: RunRecord,
    _ predictions: URL
  ) throws -> (RunRecord.Metrics?, VerifiedRun.Finding) {
    func unchecked(_ detail: String) -> (RunRecord.Metrics?, VerifiedRun.Finding) {
      (nil, VerifiedRun.Finding(what: "metrics", verdict: .unchecked, detail: detail))
    }
    if case .folder(let path, _) = scored.dataset.source {
      guard let data = runner.workspace.userData, exists(data.appendingPathComponent(path)) else {
        return unchecked("\(scored.dataset.name) is not below SEGBENCH_DATA, so they could not be taken again")
      }
    }
    let dataset = try DatasetPreparation(runner: runner, dataset: scored.dataset).rawDataset()
    guard dataset.digest == record.description.dataDigest else {
      return unchecked("the \(scored.dataset.name) at hand is not the one of the run: its files' SHA-256 differ")
    }
    let report = try RunEvaluation(dataset: dataset.raw, settings: scored.scoring).report(
      cases: metrics.cases, predictions: predictions, progress: runner.progress("evaluating"))
    var again = metrics
    again.dsc = RunEvaluation.table(report.cases, \.dsc)
    again.nsd = RunEvaluation.table(report.cases, \.nsd)
    again.hd95 = RunEvaluation.table(report.cases, \.hd95)
    again.referenceVoxels = report.cases.map { $0.classes.map(\.referenceVoxels) }
    again.predictionVoxels = report.cases.map { $0.classes.map(\.predictionVoxels) }
    again.diagonals = report.cases.map(\.diagonal)
    let difference = metrics.firstDifference(from: again)
    return (
      again,
      VerifiedRun.Finding(
        what: "metrics", verdict: difference == nil ? .sound : .broken,
        detail: ([difference ?? "taken again from the predictions: the same to the last bit"]
          + FileWarning.grouped(report.warnings)).joined(separator: "; "))
    )
  }
}

extension RunRecord.Metrics {
  /// The first case, class and score in which two tables of the same cases and classes differ; nil when every bit agrees.
  func firstDifference(from other: RunRecord.Metrics) -> String? {
    guard cases == other.cases, classes.map(\.name) == other.classes.map(\.name) else {
      return "other cases or classes"
    }
    for (name, mine, its) in [("DSC", dsc, other.dsc), ("NSD", nsd, other.nsd), ("HD95", hd95, other.hd95)] {
      for row in cases.indices {
        for column in classes.indices {
          let (a, b) = (mine[row][column], its[row][column])
          if a.bitPattern != b.bitPattern && !(a.isNaN && b.isNaN) {
            return "\(name) of \(classes[column].name) in \(cases[row]): \(a) recorded, \(b) now"
          }
        }
      }
    }
    for (name, mine, its) in [
      ("reference's", referenceVoxels, other.referenceVoxels),
      ("prediction's", predictionVoxels, other.predictionVoxels),
    ] {
      for row in cases.indices {
        for column in classes.indices where mine[row][column] != its[row][column] {
          return "the \(name) voxels of \(classes[column].name) in \(cases[row]): \(mine[row][column]) recorded, "
            + "\(its[row][column]) now"
        }
      }
    }
    for row in cases.indices where diagonals[row] != other.diagonals[row] {
      return "the image diagonal of \(cases[row]): \(diagonals[row]) mm recorded, \(other.diagonals[row]) mm now"
    }
    return nil
  }
}

/// The recipe of an archived run, with the archived recipe of the run it started from.
enum ArchivedRecipe {
  static func read(_ record: RunRecord, in unpacked: URL, library: RecipeLibrary) throws -> ResolvedRecipe {
    let pretraining = try record.description.dependencies.first.map { dependency in
      try read(
        RunRecord.read(unpacked.appendingPathComponent("runs/\(dependency)/run.h5")), in: unpacked, library: library)
    }
    return try library.read(resolvedText: record.recipe, pretraining: pretraining)
  }
}
