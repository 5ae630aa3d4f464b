import Experiments
import Files
import Foundation
import Recipes
import Tensors
import Testing

@Suite(.serialized) struct ArchiveTests {
  @Test func aRowGoesIntoAnArchiveAndComesOutTheSame() throws {
    let place = try TemporaryWorkspace()
    let library = RecipeLibrary(root: place.workspace.recipes)
    let runner = Runner(workspace: place.workspace)
    let record = try runner.run(place.row("2-dinov3-640"), seed: 0)
    let identity = record.description.identity
    let archive = place.workspace.root.appendingPathComponent("row.segbench")
    let packed = try Archive.pack([runner.folder(identity)], of: place.workspace, to: archive)
    // With the pretraining it started from, which comes first.
    #expect(packed.identities == record.description.dependencies + [identity])
    #expect(try Archive.check(archive) == packed.digest)

    // An ordinary HDF5 file, too.
    #expect(try HDF5File(reading: archive).exists("runs/\(identity)/record/description"))

    let unpacked = place.workspace.root.appendingPathComponent("unpacked")
    #expect(try Archive.unpack(archive, to: unpacked) == packed.identities)
    for path in ["run.h5", "recipe.yaml", "weights.safetensors", "dataset.json", "nnUNetPlans.json"] {
      let original = try Data(contentsOf: runner.folder(identity).appendingPathComponent(path))
      #expect(try Data(contentsOf: unpacked.appendingPathComponent("runs/\(identity)/\(path)")) == original, "\(path)")
    }

    let verification = ArchiveVerification(unpacked: unpacked, runner: runner)
    for name in packed.identities {
      let verified = try verification.verify(name)
      #expect(verified.findings.allSatisfy { $0.verdict == .sound }, "\(verified.findings)")
      #expect((verified.recomputed != nil) == (name == identity))
    }

    // Run again elsewhere, from nothing but the archive and this program.
    let elsewhere = try TemporaryWorkspace()
    let replay = try Replay(
      ReplayableRun(identity, unpacked: unpacked, runner: runner, library: library),
      runner: Runner(workspace: elsewhere.workspace))
    #expect(replay.verdict == .equalBits && replay.warnings.isEmpty && replay.firstDifference == nil)
    #expect(replay.cellDifferences[.dsc] == 0)
    try otherVerdicts(record, unpacked, elsewhere.workspace, library)

    // What was changed after unpacking is found, and where.
    let prediction = unpacked.appendingPathComponent(
      "runs/\(identity)/predictions/\(try #require(record.metrics).cases[0]).nii.gz")
    try Data("other".utf8).write(to: prediction)
    let broken = try? verification.verify(identity)
    #expect(broken?.findings.first { $0.what == "predictions" }?.verdict != .sound)
  }

  /// The replay's two other verdicts: the archived record says something else than what comes out again, on this machine
  /// or on another.
  private func otherVerdicts(_ record: RunRecord, _ unpacked: URL, _ workspace: Workspace, _ library: RecipeLibrary)
    throws
  {
    let url = unpacked.appendingPathComponent("runs/\(record.description.identity)/run.h5")
    let original = try Data(contentsOf: url)
    defer { try? original.write(to: url) }
    func replay(_ change: (inout RunRecord) -> Void) throws -> Replay {
      var changed = record
      change(&changed)
      try changed.write(to: url)
      let runner = Runner(workspace: workspace)
      return try Replay(
        ReplayableRun(record.description.identity, unpacked: unpacked, runner: runner, library: library),
        runner: runner)
    }
    func loss(_ record: inout RunRecord) {
      guard case .training(var points, let classes) = record.curves else { return }
      points[1].trainingLoss += 1e-9
      record.curves = .training(points, classes: classes)
    }
    let here = try replay(loss)
    #expect(here.verdict == .different && here.warnings.isEmpty)
    #expect(here.firstDifference?.contains("training loss, entry 2 of") == true, "\(here.firstDifference ?? "")")

    let elsewhere = try replay {
      loss(&$0)
      $0.provenance.threads += 1
      $0.provenance.instructionSet = $0.provenance.instructionSet == "avx2" ? "baseline" : "avx2"
    }
    #expect(elsewhere.verdict == .different && elsewhere.warnings.isEmpty)
    #expect(elsewhere.firstDifference != nil)

    // Bits of another device are its own: the table's cell decides.
    var device = record.provenance
    device.device = "torch"
    device.libraries["PyTorch"] = "2.13.0"
    let warnings = record.provenance.differences(from: device)
    #expect(warnings == ["device: CPU then, torch now", "PyTorch: none then, 2.13.0 now"])
    func verdict(_ warnings: [String], _ difference: Double) -> Replay.Verdict {
      Replay.verdict("the weights", warnings, [.dsc: difference], tolerance: 0.02)
    }
    #expect(verdict(warnings, 0.01) == .withinTolerance && verdict(warnings, 0.1) == .different)
    #expect(verdict([], 0.01) == .different)
  }

  /// An archive of a run with as little as a run can have.
  private func small(_ folder: URL) throws -> (archive: URL, workspace: Workspace) {
    let identity = String(repeating: "0", count: 40)
    let workspace = Workspace(root: folder, userData: nil)
    let run = workspace.runs.appendingPathComponent(identity)
    try FileManager.default.createDirectory(at: run, withIntermediateDirectories: true)
    try RunRecord(
      description: .init(
        identity: identity, title: "t", kind: "pretraining", profile: "quick", seed: 0, dataDigest: "",
        initialWeightsDigest: "", dependencies: [], weightsDigest: "", seconds: [:]),
      recipe: "kind: pretraining\n", provenance: .current(root: folder), curves: .none, metrics: nil
    ).write(to: run.appendingPathComponent("run.h5"))
    try Data("kind: pretraining\n".utf8).write(to: run.appendingPathComponent("recipe.yaml"))
    try Data([1, 2, 3]).write(to: run.appendingPathComponent("weights.safetensors"))
    let archive = folder.appendingPathComponent("a.segbench")
    _ = try Archive.pack([run], of: workspace, to: archive)
    return (archive, workspace)
  }

  private func temporaryFolder() throws -> URL {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("segbench-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    return folder
  }

  @Test func anyChangedByteIsFound() throws {
    let folder = try temporaryFolder()
    defer { try? FileManager.default.removeItem(at: folder) }
    let archive = try small(folder).archive
    let sound = try Data(contentsOf: archive)
    let target = folder.appendingPathComponent("changed.segbench")
    // Every byte of the seal, and every 13th of the rest.
    let places = Array(0..<512) + Array(stride(from: 512, to: sound.count, by: 13)) + [sound.count - 1]
    for place in places {
      var changed = sound
      changed[place] ^= 1 << UInt8(place % 8)
      try changed.write(to: target)
      #expect(throws: HDF5Error.self, "byte \(place)") { try Archive.check(target) }
    }
    for changed in [sound.dropLast(), sound + [0], sound.prefix(512), sound.prefix(100), Data()] {
      try changed.write(to: target)
      #expect(throws: HDF5Error.self) { try Archive.unpack(target, to: folder.appendingPathComponent("u")) }
    }
    #expect(!FileManager.default.fileExists(atPath: folder.appendingPathComponent("u").path))
  }

  @Test func pathsCannotLeaveTheFolder() throws {
    let folder = try temporaryFolder()
    defer { try? FileManager.default.removeItem(at: folder) }
    let identity = String(repeating: "0", count: 40)
    for path in [
      "../x", "/etc/x", "runs/\(identity)/../../x", "runs/\(identity)/", "runs/../x/y", "runs/\(identity)/a\\b",
      "runs/0123/x", "other/\(identity)/x",
    ] {
      let archive = folder.appendingPathComponent("crafted.segbench")
      let digest = Digest.sha256(of: Data([7]))
      // Whoever makes an archive can seal it.
      try HDF5File.create(archive, sealed: true) { file in
        try file.setAttribute("format", of: "/", to: "segbench archive")
        try file.setAttribute("version", of: "/", to: 2)
        try file.write(texts: ["\(digest)  \(path)"], to: "manifest")
      }
      let output = folder.appendingPathComponent("deep/output")
      #expect(throws: ArchiveError.self, "\(path)") { try Archive.unpack(archive, to: output) }
      #expect(!FileManager.default.fileExists(atPath: folder.appendingPathComponent("deep/x").path))
    }
  }

  @Test func packingNamesWhatIsMissing() throws {
    let folder = try temporaryFolder()
    defer { try? FileManager.default.removeItem(at: folder) }
    let (_, workspace) = try small(folder)
    let run = workspace.runs.appendingPathComponent(String(repeating: "0", count: 40))
    try FileManager.default.removeItem(at: run.appendingPathComponent("weights.safetensors"))
    let output = folder.appendingPathComponent("b.segbench")
    #expect(throws: ArchiveError.self) { try Archive.pack([run], of: workspace, to: output) }
    #expect(!FileManager.default.fileExists(atPath: output.path))
  }
}

@Suite(.serialized) struct DamageTests {
  @Test func aCutRecordAndCutCheckpointsAreMadeAgain() throws {
    let place = try TemporaryWorkspace()
    let said = Said()
    let runner = Runner(workspace: place.workspace, say: { said.add($0) })
    let recipe = try place.row("1-random-init-640")
    let first = try runner.run(recipe, seed: 0)
    let folder = runner.folder(first.description.identity)
    let record = folder.appendingPathComponent("run.h5")
    let checkpoints = folder.appendingPathComponent("checkpoints")
    #expect(FileManager.default.fileExists(atPath: folder.appendingPathComponent("log.txt").path))

    func cut(_ url: URL) throws { try Data(contentsOf: url).prefix(2000).write(to: url) }
    try cut(record)
    #expect {
      _ = try RunRecord.read(record)
    } throws: { $0 is any InputError }
    #expect(try runner.run(recipe, seed: 0).metrics?.predictionDigests == first.metrics?.predictionDigests)
    #expect(said.contains("goes on from its last checkpoint"))

    try FileManager.default.removeItem(at: record)
    try cut(checkpoints.appendingPathComponent("latest.h5"))
    #expect(try runner.run(recipe, seed: 0).description.weightsDigest == first.description.weightsDigest)
    #expect(said.contains("the checkpoint before it"))

    try FileManager.default.removeItem(at: record)
    try cut(checkpoints.appendingPathComponent("latest.h5"))
    try cut(checkpoints.appendingPathComponent("previous.h5"))
    #expect(try runner.run(recipe, seed: 0).description.weightsDigest == first.description.weightsDigest)
    #expect(said.contains("starts again"))
  }

  @Test func damagedWeightsOfAPretrainingAreNotTrainedFrom() throws {
    let place = try TemporaryWorkspace()
    let runner = Runner(workspace: place.workspace)
    let recipe = try place.row("2-dinov3-640")
    let pretraining = try runner.run(try #require(recipe.pretraining), seed: 0)
    let weights = runner.folder(pretraining.description.identity).appendingPathComponent("weights.safetensors")
    var data = try Data(contentsOf: weights)
    data[data.count - 5] ^= 4
    try data.write(to: weights)
    #expect(throws: RunError.self) { try runner.run(recipe, seed: 0) }
  }

  @Test func aVanishedImageIsNamed() throws {
    let place = try TemporaryWorkspace()
    let runner = Runner(workspace: place.workspace)
    let recipe = try place.row("1-random-init-640")
    _ = try runner.run(recipe, seed: 0)
    let files = try FileManager.default.subpathsOfDirectory(atPath: place.workspace.generated.path)
    let image = try #require(files.sorted().first { $0.hasSuffix("_0000.nii.gz") })
    try FileManager.default.removeItem(at: place.workspace.generated.appendingPathComponent(image))
    let name = URL(fileURLWithPath: image).lastPathComponent.replacingOccurrences(of: "_0000.nii.gz", with: "")
    do {
      _ = try runner.run(recipe, seed: 0)
      Issue.record("it ran on what was left")
    } catch let error as any InputError {
      #expect(error.description.contains(name))
    }
  }
}

/// What a runner said.
final class Said: @unchecked Sendable {
  private let lock = NSLock()
  private var lines: [String] = []
  func add(_ text: String) { lock.withLock { lines.append(text) } }
  func contains(_ words: String) -> Bool { lock.withLock { lines.contains { $0.contains(words) } } }
}
