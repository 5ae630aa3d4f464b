import Evaluation
import Experiments
import Files
import Foundation
import Recipes

/// Archives of a small run that was really done, each with one field of its record changed to something else and sealed as
/// it should be. Verifying must end with a sentence or a broken finding: what is accepted must be the run itself.
struct ArchiveContent {
  private let workspace: Workspace
  private let run: URL
  private let record: RunRecord
  private let folder: URL

  /// Trains the run, which takes seconds.
  init(repository: URL, folder: URL) throws {
    self.folder = folder
    workspace = Workspace(root: folder.appendingPathComponent("content"), userData: nil)
    try makeFolder(workspace.root)
    if !FileManager.default.fileExists(atPath: workspace.recipes.path) {
      try FileManager.default.copyItem(at: repository.appendingPathComponent("Recipes"), to: workspace.recipes)
    }
    let recipe = try RecipeLibrary(root: workspace.recipes).resolve(
      "meddinov3/table1/1-random-init-640.yaml", profile: "quick",
      overrides: ["training.steps_per_epoch=3", "dataset.phantom.size=[48, 48, 8]"])
    let runner = Runner(workspace: workspace)
    record = try runner.run(recipe, seed: 0)
    run = runner.folder(record.description.identity)
  }

  /// The changed record of an input: its first byte chooses the field, the rest what is put there.
  private func changed(_ input: Data) -> RunRecord {
    let bytes = [UInt8](input)
    func byte(_ index: Int) -> UInt8 { index < bytes.count ? bytes[index] : 0 }
    let number = (1...8).reduce(UInt64(0)) { $0 << 8 | UInt64(byte($1)) }
    let (value, count) = (Double(bitPattern: number), Int(byte(1) % 40))
    let text = String(decoding: bytes.dropFirst().prefix(300).map { $0 == 0 ? 1 : $0 }, as: UTF8.self)
    var record = record
    var metrics = record.metrics!
    let place = Int(byte(9)) % max(metrics.classes.count, 1)
    func change(_ body: (inout ClassMetrics) -> Void) {
      if !metrics.measured.isEmpty, !metrics.classes.isEmpty { body(&metrics.measured[0].classes[place]) }
    }
    switch byte(0) % 31 {
    case 0: record.description.title = text
    case 1: record.description.kind = text
    case 2: record.description.profile = text
    case 3: record.description.seed = Int(bitPattern: UInt(number))
    case 4: record.description.dataDigest = text
    case 5: record.description.initialWeightsDigest = text
    case 6: record.description.dependencies = [text]
    case 7: record.description.dependencies = Array(repeating: record.description.identity, count: count + 1)
    case 8: record.description.weightsDigest = text
    case 9: record.description.splitsDigest = text
    case 10: record.description.predictionsDigest = text
    case 11: record.recipe = text
    case 12: record.provenance.engineVersion = text
    case 13: record.curves = .training(record.curves.epochs, classes: [text])
    case 14:
      let added = (0...count).map { CurvePoint(epoch: $0, trainingLoss: value) }
      record.curves = .training(record.curves.epochs + added, classes: [])
    case 15: metrics.measured[0].name = text
    case 16: metrics.predictionDigests[0] = text
    case 17: change { $0.dsc = value }
    case 18: change { $0.nsd = value }
    case 19: change { $0.hd95 = value }
    case 20: change { $0.referenceVoxels = Int(bitPattern: UInt(number)) }
    case 21: change { $0.predictionVoxels = Int(bitPattern: UInt(number)) }
    case 22: metrics.measured[0].diagonal = value
    case 23: metrics.classes[0].name = text
    case 24: metrics.classes[0].label = Int(bitPattern: UInt(number))
    case 25:
      guard case .training(var points, let classes) = record.curves else { break }
      switch Int(byte(9)) % (5 + classes.count) {
      case 0: points[0].trainingLoss = value
      case 1: points[0].validationLoss = value
      case 2: points[0].pseudoDice = value
      case 3: points[0].smoothedPseudoDice = value
      case 4: points[0].seconds = value
      case let column: points[0].classDice[column - 5] = value
      }
      record.curves = .training(points, classes: classes)
    case 26: record.description.seconds[byte(9) % 2 == 0 ? "predict" : text] = value.isFinite ? value : -1
    case 27: record.provenance.threads = Int(bitPattern: UInt(number))
    case 28: record.provenance.instructionSet = text
    case 29: record.provenance.processor = text
    default: setClasses(of: &metrics, count)
    }
    record.metrics = metrics
    return record
  }

  /// As many classes, the further ones without a voxel.
  private func setClasses(of metrics: inout RunRecord.Metrics, _ count: Int) {
    func fitted<Value>(_ row: [Value], _ value: (Int) -> Value) -> [Value] {
      row.prefix(count) + (min(row.count, count)..<count).map(value)
    }
    metrics.classes = fitted(metrics.classes) { (label: 100 + $0, name: "\($0)") }
    for row in metrics.measured.indices {
      metrics.measured[row].classes = fitted(metrics.measured[row].classes) { _ in
        ClassMetrics(dsc: nil, nsd: nil, hd95: nil, referenceVoxels: 0, predictionVoxels: 0)
      }
    }
    let names = metrics.classes.map(\.name)
    metrics.priors = metrics.priors.map { predictor in
      PredictorScores(
        name: predictor.name,
        scores: ScoreTable(
          classes: names,
          cases: predictor.scores.cases.map { item in
            CaseScores(name: item.name, dsc: fitted(item.dsc) { _ in nil }, nsd: fitted(item.nsd) { _ in nil })
          }))
    }
  }

  /// Whether a record differs from the run's only in what a run on another machine, or on a worse day, could have left:
  /// losses, seconds and the processor's name are taken as they are recorded.
  private func isPossible(_ changed: RunRecord) -> Bool {
    var other = changed
    guard case .training(let points, let classes) = changed.curves, points.count == record.curves.epochs.count else {
      return false
    }
    let losses = points.flatMap { [$0.trainingLoss, $0.validationLoss ?? .nan] }
    let seconds = changed.description.seconds
    guard losses.allSatisfy(\.isFinite), seconds.keys == record.description.seconds.keys,
      seconds.values.allSatisfy({ $0 >= 0 }), (1...4096).contains(changed.provenance.threads),
      ["baseline", "avx2", "avx512"].contains(changed.provenance.instructionSet),
      !changed.provenance.processor.isEmpty,
      changed.provenance.processor.unicodeScalars.allSatisfy({ $0.properties.generalCategory != .control })
    else { return false }
    other.curves = .training(
      zip(points, record.curves.epochs).map { point, own in
        var point = point
        (point.trainingLoss, point.validationLoss) = (own.trainingLoss, own.validationLoss)
        return point
      }, classes: classes)
    other.description.seconds = record.description.seconds
    other.provenance = record.provenance
    return other.provenance.engineVersion == changed.provenance.engineVersion
      && other.provenance.libraries == changed.provenance.libraries
      && (try? bytes(of: other)) == (try? bytes(of: record))
  }

  private func bytes(of record: RunRecord) throws -> Data {
    let file = folder.appendingPathComponent("other.h5")
    try record.write(to: file)
    return try Data(contentsOf: file)
  }

  /// Packs, unpacks and verifies the run that an input makes.
  /// - Throws: an `InputError` when it was refused; `Usage` when a wrong field was called sound.
  func read(_ input: Data) throws {
    let changed = changed(input)
    let copy = folder.appendingPathComponent("changed", isDirectory: true)
    let output = folder.appendingPathComponent("unpacked", isDirectory: true)
    let archive = folder.appendingPathComponent("content.segbench")
    try? FileManager.default.removeItem(at: copy)
    defer { try? FileManager.default.removeItem(at: output) }
    let target = copy.appendingPathComponent(record.description.identity, isDirectory: true)
    try makeFolder(copy)
    try FileManager.default.copyItem(at: run, to: target)
    do { try changed.write(to: target.appendingPathComponent("run.h5")) } catch {
      throw Refused(description: "no file can hold it")
    }
    try Data(changed.recipe.utf8).write(to: target.appendingPathComponent("recipe.yaml"))
    do {
      _ = try Archive.pack([target], of: workspace, to: archive)
      _ = try Archive.unpack(archive, to: output)
    } catch is any InputError {
      // Its names never reach an archive, or are refused there: verifying must not rely on that.
      try? FileManager.default.removeItem(at: output)
      try makeFolder(output.appendingPathComponent("runs"))
      try FileManager.default.copyItem(
        at: target, to: output.appendingPathComponent("runs/\(record.description.identity)"))
    }
    let verified = try ArchiveVerification(unpacked: output, runner: Runner(workspace: workspace))
      .verify(record.description.identity)
    if let broken = verified.findings.first(where: { $0.verdict == .broken }) {
      throw Refused(description: broken.what)
    }
    guard !isPossible(changed) else { return }
    let stored = try Data(contentsOf: target.appendingPathComponent("run.h5"))
    guard try stored == Data(contentsOf: run.appendingPathComponent("run.h5")) else {
      throw Usage("a wrong field was called sound (input \([UInt8](input.prefix(12))))")
    }
  }

  /// What calls the run unsound.
  private struct Refused: InputError { let description: String }
}
