import Experiments
import Files
import Foundation
import Imaging
import Recipes
import Testing

/// Rows whose predictions another program made: `kind: predictions`.
@Suite(.serialized) struct PredictionsTests {
  private final class Place {
    let temporary: TemporaryWorkspace
    let folder: URL
    let runner: Runner
    let library: RecipeLibrary
    var workspace: Workspace { temporary.workspace }

    init() throws {
      temporary = try TemporaryWorkspace(withUserData: true)
      folder = temporary.workspace.userData!.appendingPathComponent("theirs")
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      runner = Runner(workspace: temporary.workspace)
      library = RecipeLibrary(root: temporary.workspace.recipes)
      try write("predictions: {folder: theirs}\n")
    }

    func write(_ more: String) throws {
      let text = """
        kind: predictions
        title: Theirs
        inherits: [meddinov3/protocol.yaml, datasets/lits.yaml]

        """
      try Data((text + more).utf8).write(to: workspace.recipes.appendingPathComponent("theirs.yaml"))
    }

    func recipe(_ overrides: [String] = []) throws -> ResolvedRecipe {
      try library.resolve(
        "theirs.yaml", profile: "quick", overrides: ["dataset.phantom.size=[32, 32, 8]"] + overrides)
    }

    /// What goes wrong, as the user reads it; "nothing" if nothing does. Anything but an `InputError` would not exit with 2.
    func complaint() -> String {
      do {
        _ = try runner.run(recipe(), seed: 0)
        return "nothing"
      } catch let error as any InputError { return error.description } catch { return "not the user's: \(error)" }
    }

    /// The references of fold 0's only validation case, written as predictions by `body`.
    func reference() throws -> (name: String, labels: Volume<Int16>) {
      let dataset = try runner.dataset(of: recipe())
      // nnU-Net's fold 0 of five cases leaves out one: the complaint of an empty folder names it.
      let missing = complaint()
      let source = try #require(dataset.cases.first { missing.contains("\($0.name).nii.gz") })
      return (source.name, try NIfTI.readLabels(#require(source.label)))
    }
  }

  @Test func perfectOnesScoreOneAndAreKept() throws {
    let place = try Place()
    let (name, labels) = try place.reference()
    let file = place.folder.appendingPathComponent("\(name).nii.gz")
    try NIfTI.write(labels, to: file)
    let record = try place.runner.run(place.recipe(), seed: 0)
    let metrics = try #require(record.metrics)
    #expect(metrics.cases == [name])
    #expect(metrics.measured[0].classes.allSatisfy { $0.dsc == $0.nsd && ($0.dsc ?? 1) == 1 })
    #expect(metrics.measured[0].classes.contains { $0.dsc == 1 })
    let folder = place.runner.folder(record.description.identity)
    let kept = folder.appendingPathComponent("predictions/\(name).nii.gz")
    #expect(try Data(contentsOf: kept) == Data(contentsOf: file))
    #expect(metrics.predictionDigests == [try Digest.sha256(ofContentOf: file)])
    #expect(try RunRecord.read(folder.appendingPathComponent("run.h5")).description.predictionsDigest != nil)
    #expect(try place.runner.finishedRun(place.recipe(), seed: 0)?.description.identity == record.description.identity)
    #expect(
      try Status(of: [RecipeGroup(recipes: [place.recipe()])], seeds: [3, 4], runner: place.runner).lines()[0]
        .hasPrefix(
          "done      Theirs, seed 0"))

    // A stray file changes nothing; other predictions make another run, and so do the same with .nii.
    try Data("x".utf8).write(to: place.folder.appendingPathComponent("summary.json"))
    #expect(try place.runner.finishedRun(place.recipe(), seed: 0) != nil)
    try FileManager.default.removeItem(at: file)
    try NIfTI.write(labels, to: place.folder.appendingPathComponent("\(name).nii"))
    #expect(try place.runner.finishedRun(place.recipe(), seed: 0) == nil)
    let plain = try place.runner.run(place.recipe(), seed: 0)
    #expect(
      plain.description.identity != record.description.identity
        && plain.metrics?.measured[0].classes.contains { $0.dsc == 1 } == true)
    try NIfTI.write(labels, to: file)
    #expect(place.complaint().contains("both \(name).nii and \(name).nii.gz"))

    // A network is what it has not.
    #expect(throws: RunError.self) { try FinishedRun(folder: folder, library: place.library) }
  }

  @Test func archivesVerifyThemAndRefuseToReplay() throws {
    let place = try Place()
    let (name, labels) = try place.reference()
    try NIfTI.write(labels, to: place.folder.appendingPathComponent("\(name).nii.gz"))
    let record = try place.runner.run(place.recipe(), seed: 0)
    let identity = record.description.identity
    let archive = place.workspace.root.appendingPathComponent("theirs.segbench")
    #expect(
      try Archive.pack([place.runner.folder(identity)], of: place.workspace, to: archive).identities == [identity])
    let unpacked = place.workspace.root.appendingPathComponent("unpacked")
    #expect(try Archive.unpack(archive, to: unpacked) == [identity])
    let verification = ArchiveVerification(unpacked: unpacked, runner: place.runner)
    let verified = try verification.verify(identity)
    #expect(verified.findings.map(\.what) == ["record", "identity", "cases", "predictions", "metrics"])
    #expect(verified.findings.allSatisfy { $0.verdict == .sound } && verified.recomputed != nil)
    #expect(throws: ArchiveError.self) {
      try ReplayableRun(identity, unpacked: unpacked, runner: place.runner, library: place.library)
    }
    // Other files than those that were scored are found.
    let stored = unpacked.appendingPathComponent("runs/\(identity)/predictions/\(name).nii.gz")
    try NIfTI.write(Volume(voxels: labels.voxels.map { _ in Int16(0) }, like: labels), to: stored)
    #expect(
      try verification.verify(identity).findings.filter { $0.verdict == .broken }.map(\.what) == ["predictions"])
  }

  @Test func whatIsWrongIsNamed() throws {
    let place = try Place()
    #expect(place.complaint().contains("lacks 1 of the 1 cases"))
    let (name, labels) = try place.reference()
    let file = place.folder.appendingPathComponent("\(name).nii.gz")
    let header = labels.header
    func complaint(_ volume: Volume<Int16>) throws -> String {
      try NIfTI.write(volume, to: file)
      return place.complaint()
    }
    let short = NIfTIHeader(shape: [3, 32, 32], spacing: header.spacing)
    let shape = labels.shape
    let cut = try complaint(
      Volume(shape: [3, 32, 32], voxels: [Int16](repeating: 0, count: 3 * 32 * 32), header: short))
    #expect(
      cut.contains("\"\(name)\" has 32 x 32 x 3 voxels in the prediction and \(shape[2]) x \(shape[1]) x \(shape[0])")
        && cut.contains(file.path), "\(cut)")
    var unknown = labels.voxels
    unknown[5] = 77
    let strange = try complaint(Volume(voxels: unknown, like: labels))
    #expect(
      strange.contains("has the labels 77, which no class has, in \(file.path); the classes have 1, 2"), "\(strange)")
    try Data("no NIfTI".utf8).write(to: file)
    #expect(place.complaint().contains(file.path))
    // Nothing of the kind has been taken for a run.
    #expect(try place.runner.finishedRun(place.recipe(), seed: 0) == nil)
    try NIfTI.write(labels, to: file)
    #expect(place.complaint() == "nothing")
    try FileManager.default.removeItem(at: place.folder)
    #expect(place.complaint().contains("missing below SEGBENCH_DATA") && place.complaint().contains("theirs"))
    try Data().write(to: place.folder)
    #expect(place.complaint().contains("is no folder"))
  }

  @Test(arguments: [
    ("seeds: [0, 1]\n", "`seeds` has no meaning"), ("evaluation: {tile_step: 0.5}\n", "`evaluation.tile_step`"),
    ("training: {schedule: {power: 0.5}}\n", "`training` has no meaning where `kind` is `predictions`"),
    ("predictions: {folder: ../x}\n", "`predictions.folder`"), ("", "`predictions.folder`"),
  ])
  func recipesAreChecked(more: String, mention: String) throws {
    let place = try Place()
    try place.write((more.contains("predictions:") || more.isEmpty ? "" : "predictions: {folder: theirs}\n") + more)
    do {
      _ = try place.recipe()
      Issue.record("the recipe was taken")
    } catch let error as RecipeError {
      #expect(error.description.contains(mention), "\(error)")
    }
  }
}
