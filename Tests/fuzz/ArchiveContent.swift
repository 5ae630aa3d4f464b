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
    func place<Value>(_ rows: inout [[Value]], _ value: Value) {
      guard !rows.isEmpty, !rows[0].isEmpty else { return }
      rows[0][Int(byte(9)) % rows[0].count] = value
    }
    func columns<Value>(_ rows: [[Value]], _ filler: Value) -> [[Value]] {
      rows.map { Array($0.prefix(count)) + Array(repeating: filler, count: max(0, count - $0.count)) }
    }
    switch byte(0) % 26 {
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
    case 13: record.curves[0].name = text
    case 14: record.curves[0].values = Array(repeating: value, count: record.curves[0].values.count + 1 + count)
    case 15: metrics.cases[0] = text
    case 16: metrics.predictionDigests[0] = text
    case 17: place(&metrics.dsc, value)
    case 18: place(&metrics.nsd, value)
    case 19: place(&metrics.hd95, value)
    case 20: place(&metrics.referenceVoxels, Int(bitPattern: UInt(number)))
    case 21: place(&metrics.predictionVoxels, Int(bitPattern: UInt(number)))
    case 22: metrics.diagonals[0] = value
    case 23: metrics.classes[0].name = text
    case 24: metrics.classes[0].label = Int(bitPattern: UInt(number))
    default:
      let further = (0..<max(0, count - metrics.classes.count)).map { (label: 100 + $0, name: "\($0)") }
      metrics.classes = Array(metrics.classes.prefix(count)) + further
      (metrics.dsc, metrics.nsd) = (columns(metrics.dsc, .nan), columns(metrics.nsd, .nan))
      metrics.hd95 = columns(metrics.hd95, .nan)
      metrics.referenceVoxels = columns(metrics.referenceVoxels, 0)
      metrics.predictionVoxels = columns(metrics.predictionVoxels, 0)
      for index in metrics.positionPredictors.indices {
        metrics.positionPredictors[index].dsc = columns(metrics.positionPredictors[index].dsc, .nan)
        metrics.positionPredictors[index].nsd = columns(metrics.positionPredictors[index].nsd, .nan)
      }
    }
    record.metrics = metrics
    return record
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
    let stored = try Data(contentsOf: target.appendingPathComponent("run.h5"))
    guard try stored == Data(contentsOf: run.appendingPathComponent("run.h5")) else {
      throw Usage("a wrong field was called sound (input \([UInt8](input.prefix(12))))")
    }
  }

  /// What calls the run unsound.
  private struct Refused: InputError { let description: String }
}
