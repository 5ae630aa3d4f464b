import Evaluation
import Files
import Foundation
import Imaging
import Recipes

/// An archived run, run again, and how the two compare.
public struct Replay: Sendable {
  public enum Verdict: String, Sendable {
    case equalBits = "equal bits"
    /// The engine's version or the device differ, and the table's cell lies within the tolerance.
    case withinTolerance = "equal within tolerance"
    case different
  }

  public let archived: RunRecord
  public let again: RunRecord
  public let verdict: Verdict
  /// In what the two runs differ, of that which the bits depend on.
  public let warnings: [String]
  /// The first of data, initial weights, learning curves, weights, predictions and metrics that differs, and where.
  public let firstDifference: String?
  /// The replayed table cell less the archived one, as fractions; nil for a pretraining.
  public let cellDifferences: [Score: Double]

  /// What is compared within when bits cannot be expected to agree, of DSC and NSD as fractions.
  public static let standardTolerance = 0.02

  /// Runs an archived run again, after those it started from, and compares.
  /// - Parameter runner: of a workspace without that run.
  public init(_ replayable: ReplayableRun, runner: Runner, tolerance: Double = standardTolerance) throws {
    let run = replayable.run
    let (folder, record, recipe) = (run.folder, run.record, run.recipe)
    archived = record
    again = try runner.run(recipe, seed: UInt64(clamping: record.description.seed))
    warnings = record.provenance.differences(from: again.provenance)
    let other = (record: again, folder: runner.folder(again.description.identity))
    firstDifference = try replayable.limits.within(
      TimeLimits.seconds(forBytes: replayable.bytes), "comparing run \(record.description.identity.prefix(10))"
    ) { try Self.firstDifference(record, folder, other.record, other.folder) }
    var cells: [Score: Double] = [:]
    if let before = record.metrics?.scores, let after = again.metrics?.scores {
      for score in Score.allCases {
        if let a = before.mean(score), let b = after.mean(score) { cells[score] = b - a }
      }
    }
    cellDifferences = cells
    verdict = Self.verdict(firstDifference, warnings, cells, tolerance: tolerance)
  }

  package static func verdict(
    _ firstDifference: String?, _ warnings: [String], _ cells: [Score: Double], tolerance: Double
  ) -> Verdict {
    if firstDifference == nil { return .equalBits }
    let isClose = !cells.isEmpty && cells.values.allSatisfy { abs($0) <= tolerance }
    return !warnings.isEmpty && isClose ? .withinTolerance : .different
  }

  /// Compared in the order in which one follows from the other.
  private static func firstDifference(_ a: RunRecord, _ aFolder: URL, _ b: RunRecord, _ bFolder: URL) throws
    -> String?
  {
    if a.description.dataDigest != b.description.dataDigest {
      return "the data: SHA-256 over all files \(a.description.dataDigest.prefix(12)) then, "
        + "\(b.description.dataDigest.prefix(12)) now"
    }
    if a.description.initialWeightsDigest != b.description.initialWeightsDigest { return "the initial weights" }
    for (curve, other) in zip(a.curves.columns, b.curves.columns) where curve.name != "seconds" {
      guard curve.name == other.name, curve.values.count == other.values.count else { return "the learning curves" }
      for (place, (then, now)) in zip(curve.values, other.values).enumerated()
      where then.bitPattern != now.bitPattern && !(then.isNaN && now.isNaN) {
        return "the \(curve.name), entry \(place + 1) of \(curve.values.count): \(then) then, \(now) now"
      }
    }
    if a.description.weightsDigest != b.description.weightsDigest {
      return try weightsDifference(
        aFolder.appendingPathComponent("weights.safetensors"), bFolder.appendingPathComponent("weights.safetensors"))
    }
    guard let mine = a.metrics, let its = b.metrics else { return nil }
    guard mine.cases == its.cases else { return "the cases" }
    for (index, name) in mine.cases.enumerated() where mine.predictionDigests[index] != its.predictionDigests[index] {
      let path = "predictions/\(name).nii.gz"
      let (before, after) = (aFolder.appendingPathComponent(path), bFolder.appendingPathComponent(path))
      guard try NIfTI.readHeader(before).shape == NIfTI.readHeader(after).shape else {
        return "the prediction of \(name): another grid"
      }
      let (then, now) = (try NIfTI.readLabels(before), try NIfTI.readLabels(after))
      let count = zip(then.voxels, now.voxels).reduce(0) { $0 + ($1.0 == $1.1 ? 0 : 1) }
      return "the prediction of \(name): \(count) of \(then.voxels.count) voxels"
    }
    return mine.firstDifference(from: its)
  }

  private static func weightsDifference(_ a: URL, _ b: URL) throws -> String {
    let (then, now) = (try Safetensors.read(a), try Safetensors.read(b))
    for name in then.keys.sorted() {
      guard let mine = then[name], let its = now[name], mine.shape == its.shape else { return "the weights: \(name)" }
      guard let before = mine.floats(), let after = its.floats() else { continue }
      for (place, (x, y)) in zip(before, after).enumerated() where x.bitPattern != y.bitPattern {
        return "the weights: \(name), element \(place): \(x) then, \(y) now"
      }
    }
    return "the weights"
  }
}

/// An archived run that can be run again: its names, its chain, its record, its identity, the cases that it scores and its
/// files were found sound, and those of the pretrainings before it, before anything runs.
public struct ReplayableRun {
  let run: ArchivedRun
  let limits: TimeLimits

  /// - Parameters:
  ///   - unpacked: where `Archive.unpack` wrote.
  ///   - runner: of the workspace in which folds of the user's are looked for.
  ///   - library: of this machine's recipes; the archived ones are what runs.
  /// - Throws: `ArchiveError`, `RunRecordError`, `RecipeError`, `FileError`.
  public init(
    _ identity: String, unpacked: URL, runner: Runner, library: RecipeLibrary, limits: TimeLimits = .none
  ) throws {
    let verification = ArchiveVerification(unpacked: unpacked, runner: runner, limits: limits)
    run = try verification.read(identity, library)
    self.limits = limits
    guard run.recipe.recipe.predictions == nil else { throw ArchiveError.onlyPredictions("run \(identity.prefix(10))") }
    for record in run.start.reversed() {
      try verification.requireSound(verification.read(record.description.identity, library))
    }
    try verification.requireSound(run)
  }

  /// What a comparison reads of the archived run.
  fileprivate var bytes: Int {
    let predictions = (run.record.metrics?.cases ?? []).map { "predictions/\($0).nii.gz" }
    // Label maps unpack to many times their files' length.
    return 100
      * DiskSpace.size(of: (["weights.safetensors"] + predictions).map { run.folder.appendingPathComponent($0) })
  }
}

extension Provenance {
  /// Sentences on what differs of what a run's bits depend on: on CPUs the engine's version alone.
  package func differences(from now: Provenance) -> [String] {
    var lines: [String] = []
    func compare(_ what: String, _ then: String, _ now: String) {
      if then != now { lines.append("\(what): \(then) then, \(now) now") }
    }
    compare("engine version", engineVersion, now.engineVersion)
    compare("device", device ?? "CPU", now.device ?? "CPU")
    if device == nil, now.device == nil { return lines }
    compare("threads", "\(threads)", "\(now.threads)")
    for name in Set(libraries.keys).union(now.libraries.keys).sorted() {
      compare(name, libraries[name] ?? "none", now.libraries[name] ?? "none")
    }
    return lines
  }
}
