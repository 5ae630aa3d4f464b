import Datasets
import Files
import Foundation
import Imaging
import Phantoms
import Recipes

/// A raw dataset and the hash of all its files.
struct IdentifiedDataset {
  let raw: RawDataset
  let digest: String
  /// Every file, by path below the dataset's folder.
  let files: [(path: String, digest: String)]
}

/// What training and evaluation read: the plan, the prepared cases, and which of them are for what.
struct PreparedDataset {
  let plans: Plans
  let configuration: Plans.Configuration
  let store: CaseStore
  let fold: Splits.Fold
}

/// Brings a recipe's dataset from where it comes from to prepared cases. Everything it makes is named by what it was made
/// from, so that recipes share it and nothing is made twice.
struct DatasetPreparation {
  let context: RunContext
  let dataset: DatasetSettings

  /// The dataset in nnU-Net's raw layout, generated first if it is a phantom.
  func rawDataset() throws -> IdentifiedDataset {
    if let existing = try existingRawDataset() { return existing }
    guard case .phantom(let phantom) = dataset.source else {
      preconditionFailure("missing folders are named before anything starts")
    }
    let folder = phantomFolder(phantom)
    let lock = try FolderLock(folder, isCancelled: context.isCancelled) {
      context.say("waiting for \($0), which generates \(dataset.name)'s phantoms")
    }
    defer { withExtendedLifetime(lock) {} }
    if try !isGenerated(phantom, in: folder) {
      AtomicFile.removeLeftovers(below: folder)
      let voxels = phantom.size.reduce(phantom.cases, *)
      try DiskSpace.require([DiskNeed(bytes: 3 * voxels, folder: folder, purpose: "\(dataset.name)'s phantoms")])
      context.say("Generating \(phantom.cases) phantoms of \(dataset.name) in \(folder.path)")
      try MemoryAdvice.generating.during {
        _ = try PhantomGenerator.write(
          kind: phantom.kind, style: phantom.style, cases: phantom.cases, seed: phantom.seed,
          size: SIMD3(phantom.size[0], phantom.size[1], phantom.size[2]), to: folder,
          progress: context.progress("phantoms"))
      }
    }
    return try identified(folder)
  }

  /// The dataset if it is there already.
  func existingRawDataset() throws -> IdentifiedDataset? {
    switch dataset.source {
    case .folder(let path, _): return try identified(context.workspace.userData!.appendingPathComponent(path))
    case .phantom(let phantom):
      let folder = phantomFolder(phantom)
      return try isGenerated(phantom, in: folder) ? try identified(folder) : nil
    }
  }

  /// Whether the phantoms lie there as this program generates them. Their description is the last file to appear.
  private func isGenerated(_ phantom: PhantomSettings, in folder: URL) throws -> Bool {
    let text = PhantomGenerator.descriptionText(
      kind: phantom.kind, style: phantom.style, cases: phantom.cases, seed: phantom.seed)
    return try unlessRefused { try Data(ofFileAt: folder.appendingPathComponent("dataset.json")) } == Data(text.utf8)
  }

  /// - Throws: `DatasetError` when regions are to be scored and the dataset has none.
  func requireClasses(_ scoring: ScoringSettings, of dataset: IdentifiedDataset) throws {
    let file = dataset.raw.directory.appendingPathComponent("dataset.json").path
    _ = try dataset.raw.description.learning(
      scoring.classes, key: "evaluation.classes", path: file)
  }

  /// Verifies the dataset, once: what was found is kept beside the prepared cases.
  /// - Returns: the warnings, one line for each kind.
  /// - Throws: `DatasetError` with every problem.
  func verified(_ dataset: IdentifiedDataset) throws -> [String] {
    let folder = preparedFolder(dataset)
    let file = folder.appendingPathComponent("verification.json")
    let directory = dataset.raw.directory.path
    var known = (try? Data(contentsOf: file)).flatMap { try? JSONDecoder().decode(Verification.self, from: $0) }
    if known?.version != DatasetVerifier.version || known?.directory != directory {
      context.say("Verifying \(dataset.raw.cases.count) cases of \(self.dataset.name)")
      let report = try MemoryAdvice.preparing.during {
        try DatasetVerifier.verify(dataset.raw.directory, progress: context.progress("verifying"))
      }
      known = Verification(version: DatasetVerifier.version, directory: directory, report: report)
      try makeFolder(folder)
      try AtomicFile.write(JSONEncoder().encode(known), to: file)
    }
    let report = known!.report
    guard report.isSound else {
      throw DatasetError(
        "\(directory) cannot be used for \(report.problems.count) reason(s):\n  "
          + report.problems.joined(separator: "\n  "))
    }
    return FileWarning.grouped(report.remarks)
  }

  /// What verifying a dataset found.
  private struct Verification: Codable {
    let version: Int
    /// The files' paths stand in the report.
    let directory: String
    let report: DatasetVerifier.Report
  }

  private func preparedFolder(_ dataset: IdentifiedDataset) -> URL {
    // A fingerprint or a plan of an earlier version of this program is not taken up.
    let key = Digest.sha256(of: "\(dataset.digest) \(Preprocessor.version)").prefix(12)
    return context.workspace.prepared.appendingPathComponent("\(self.dataset.name)-\(key)", isDirectory: true)
  }

  /// The folds that the recipe gives, by its file or by a count; nil when it leaves them to nnU-Net.
  /// - Throws: `SplitsError` when they do not fit the dataset, or lack the fold that is left out.
  func givenSplits(_ evaluation: ScoringSettings, of dataset: IdentifiedDataset) throws -> Splits? {
    if let count = evaluation.trainingCases { return try Splits(training: count, of: dataset.raw.cases.map(\.name)) }
    guard let path = evaluation.splits else { return nil }
    let file = context.workspace.userData!.appendingPathComponent(path)
    let splits = try Splits(contentsOf: file, cases: dataset.raw.cases.map(\.name))
    guard evaluation.fold < splits.folds.count else {
      throw SplitsError(
        "\(file.path): it has \(splits.folds.count) folds, counted from 0; the recipe's evaluation.fold is "
          + "\(evaluation.fold).")
    }
    return splits
  }

  /// The fold that is left out, of the user's folds or nnU-Net's.
  func fold(_ scoring: ScoringSettings, of dataset: IdentifiedDataset, splits given: Splits?) throws -> Splits.Fold {
    try (given ?? Splits(cases: dataset.raw.cases.map(\.name))).folds[scoring.fold]
  }

  /// Fingerprints, plans and prepares the dataset for a configuration.
  /// - Parameters:
  ///   - given: the user's folds; nnU-Net's when nil.
  ///   - following: what the work after it will leave on disk. Nothing is prepared unless there is room for both.
  /// - Throws: `DiskSpaceError` beside what preparing throws.
  func prepare(
    _ dataset: IdentifiedDataset, plan: PlanSettings, fold: Int, splits given: Splits? = nil,
    following: (Plans.Configuration, Splits.Fold) throws -> [DiskNeed] = { _, _ in [] }
  ) throws -> PreparedDataset {
    let folder = preparedFolder(dataset)
    let lock = try FolderLock(folder, isCancelled: context.isCancelled) {
      context.say("waiting for \($0), which prepares \(self.dataset.name)")
    }
    defer { withExtendedLifetime(lock) {} }
    AtomicFile.removeLeftovers(below: folder)
    let plans = try plans(dataset.raw, in: folder, size: plan.configuration.patchSize)
    let configuration = try plans.configuration(plan.configuration.name)
    let splits = try given ?? Splits(cases: dataset.raw.cases.map(\.name))
    // What nnU-Net would write beside its plans.
    if given == nil { try splits.write(to: folder.appendingPathComponent("splits_final.json")) }
    let digests = dataset.files.map { (dataset.raw.directory.appendingPathComponent($0.path).path, $0.digest) }
    let preprocessor = try Preprocessor(
      plans: plans, configuration: configuration.name, description: dataset.raw.description,
      digests: Dictionary(uniqueKeysWithValues: digests))
    // Named by what the cases are made from, whichever dataset or recipe asks for them.
    let key = try preprocessor.key(of: dataset.raw.cases).prefix(12)
    let cases = context.workspace.prepared.appendingPathComponent(
      "cases/\(configuration.name)-\(key)", isDirectory: true)
    let casesLock = try FolderLock(cases, isCancelled: context.isCancelled) {
      context.say("waiting for \($0), which prepares the same cases")
    }
    defer { withExtendedLifetime(casesLock) {} }
    AtomicFile.removeLeftovers(below: cases)
    try DiskSpace.require(
      [need(of: dataset.raw, configuration, plans, in: cases)] + following(configuration, splits.folds[fold]))
    let store = try MemoryAdvice.preparing.during {
      try preprocessor.prepare(
        dataset.raw.cases, into: cases, progress: context.progress("preparing \(configuration.name)"))
    }
    return PreparedDataset(plans: plans, configuration: configuration, store: store, fold: splits.folds[fold])
  }

  /// The plan of a dataset for a recipe, made where it is not there yet.
  func plans(_ dataset: IdentifiedDataset, _ plan: PlanSettings) throws -> Plans {
    let folder = preparedFolder(dataset)
    let lock = try FolderLock(folder, isCancelled: context.isCancelled) {
      context.say("waiting for \($0), which prepares \(self.dataset.name)")
    }
    defer { withExtendedLifetime(lock) {} }
    return try plans(dataset.raw, in: folder, size: plan.configuration.patchSize)
  }

  /// The configuration of the plan that is there; nil before it is made.
  func existingConfiguration(_ plan: PlanSettings) throws -> Plans.Configuration? {
    guard let dataset = try existingRawDataset() else { return nil }
    let file = preparedFolder(dataset).appendingPathComponent("nnUNetPlans.json")
    guard exists(file) else { return nil }
    let plans = try Plans(contentsOf: file)
    guard plans.configurationNames.contains(plan.configuration.name) else { return nil }
    return try plans.configuration(plan.configuration.name)
  }

  /// What the cases that are not there yet will take, at the configuration's spacing, before compression.
  private func need(
    of raw: RawDataset, _ configuration: Plans.Configuration, _ plans: Plans, in folder: URL
  ) throws -> DiskNeed {
    var bytes = 0.0
    for source in raw.cases where !exists(folder.appendingPathComponent(source.name + ".h5")) {
      let voxels = plans.preparedVoxels(try NIfTI.readHeader(source.images[0]), for: configuration)
      bytes += voxels * Double(4 * source.images.count + 2)
    }
    return DiskNeed(
      bytes: Int(min(bytes, 1e18)), folder: folder, purpose: "\(dataset.name) prepared for \(configuration.name)")
  }

  private func plans(_ raw: RawDataset, in folder: URL, size: Int?) throws -> Plans {
    let fingerprintFile = folder.appendingPathComponent("dataset_fingerprint.json")
    let plansFile = folder.appendingPathComponent("nnUNetPlans.json")
    if !exists(fingerprintFile) {
      context.say("Fingerprinting \(raw.cases.count) cases of \(dataset.name)")
      try MemoryAdvice.preparing.during {
        try Fingerprint(raw, progress: context.progress("fingerprint")).write(to: fingerprintFile)
      }
    }
    var plans =
      exists(plansFile)
      ? try Plans(contentsOf: plansFile)
      : try Plans(fingerprint: Fingerprint(contentsOf: fingerprintFile), dataset: raw)
    if let size, !plans.configurationNames.contains("2d_\(size)") { plans = try plans.adding(size: size) }
    try plans.write(to: plansFile)
    return plans
  }

  private func phantomFolder(_ phantom: PhantomSettings) -> URL {
    let size = phantom.size.map(String.init).joined(separator: "x")
    let style = phantom.style == .clinical ? "" : "-\(phantom.style.rawValue)"
    return context.workspace.generated.appendingPathComponent(
      "phantoms/\(phantom.kind.rawValue)\(style)-\(phantom.cases)-\(size)-seed\(phantom.seed)", isDirectory: true)
  }

  private func identified(_ folder: URL) throws -> IdentifiedDataset {
    let raw = try RawDataset(directory: folder).learning(dataset.targets)
    try DatasetVerifier.requireComplete(raw)
    let memory = FileDigests.memory(of: folder, in: context.workspace.prepared)
    try makeFolder(context.workspace.prepared)
    let files = try FileDigests.ofFolder(
      folder, memory: memory, again: context.readsAgain(folder), progress: context.progress("checksums"))
    return IdentifiedDataset(raw: raw, digest: FileDigests.combined(files), files: files)
  }
}
