import Evaluation
import Experiments
import Files
import Foundation
import TestSupport
import Testing

/// `archive verify` on archives of people who can write records: what it proves, and what `--predict` adds.
@Suite(.serialized) struct ForeignArchiveCommandTests {
  /// Scores that follow from the stored prediction, which no network made: the reference itself.
  @Test func predictionsThatTheWeightsDoNotMakeAreFound() throws {
    try withTemporaryHome { home in
      let recipe = home.appendingPathComponent("Recipes/meddinov3/table1/1-random-init-640.yaml").path
      let ran = try segbench(
        [
          "run", recipe, "--profile", "quick", "--set", "training.steps_per_epoch=3", "--set",
          "dataset.phantom.size=[48, 48, 8]",
        ], home: home, settings: ["SEGBENCH_HOME": home.path])
      #expect(ran.code == 0, "\(ran)")
      let runs = home.appendingPathComponent("runs")
      let identity = try #require(FileManager.default.contentsOfDirectory(atPath: runs.path).first)
      let run = runs.appendingPathComponent(identity)
      func verify(_ options: String...) throws -> (code: Int32, output: String, errors: String) {
        let archive = home.appendingPathComponent("a.segbench")
        _ = try Archive.pack([run], of: Workspace(root: home, userData: nil), to: archive)
        return try segbench(
          ["archive", "verify", archive.path] + options, home: home, settings: ["SEGBENCH_HOME": home.path])
      }
      var record = try RunRecord.read(run.appendingPathComponent("run.h5"))
      let name = try #require(record.metrics).cases[0]
      for options in [["--predict"], ["--predict", name]] {
        let honest = try segbench(
          ["archive", "verify", packed(run, home)] + options, home: home, settings: ["SEGBENCH_HOME": home.path])
        #expect(honest.code == 0 && honest.output.contains("voxels as stored"), "\(honest)")
      }
      let other = try verify("--predict", "amos_9999")
      #expect(other.code == 2 && other.errors.contains("scored no case"), "\(other)")

      // A plan that no network of the recipe can have, in the archive and in the run's folder.
      let plans = run.appendingPathComponent("nnUNetPlans.json")
      let own = try String(contentsOf: plans, encoding: .utf8)
      let odd = own.replacingOccurrences(
        of: #""patch_size": \[\s*\d+,\s*\d+\s*\]"#, with: #""patch_size": [37, 41]"#, options: .regularExpression)
      #expect(odd != own)
      try Data(odd.utf8).write(to: plans)
      let unbelieved = try verify("--predict")
      #expect(unbelieved.code == 0 && unbelieved.output.contains("voxels as stored"), "\(unbelieved)")
      let files = try FileManager.default.subpathsOfDirectory(atPath: home.path)
      let image = try #require(files.first { $0.hasSuffix("imagesTr/\(name)_0000.nii.gz") })
      let predicted = try segbench(
        [
          "predict", "--run", run.path, "--output", home.appendingPathComponent("out").path,
          home.appendingPathComponent(image).path,
        ], home: home, settings: ["SEGBENCH_HOME": home.path])
      #expect(predicted.code == 2 && predicted.errors.contains("needs multiples"), "\(predicted)")
      try Data(own.utf8).write(to: plans)

      let label = try #require(files.first { $0.hasSuffix("labelsTr/\(name).nii.gz") })
      let stored = run.appendingPathComponent("predictions/\(name).nii.gz")
      try Data(contentsOf: home.appendingPathComponent(label)).write(to: stored)
      var metrics = try #require(record.metrics)
      metrics.predictionDigests[0] = try Digest.sha256(ofContentOf: stored)
      for (index, item) in metrics.measured[0].classes.enumerated() {
        let voxels = item.referenceVoxels
        metrics.measured[0].classes[index] = ClassMetrics(
          dsc: voxels > 0 ? 1 : nil, nsd: voxels > 0 ? 1 : nil, hd95: voxels > 0 ? 0 : nil, referenceVoxels: voxels,
          predictionVoxels: voxels)
      }
      record.metrics = metrics
      try record.write(to: run.appendingPathComponent("run.h5"))
      // What follows from the stored prediction is sound, and says so; only the weights tell.
      let believed = try verify()
      #expect(believed.code == 0 && believed.output.contains("DSC 100.00"), "\(believed)")
      let found = try verify("--predict")
      #expect(found.code == 2 && found.output.contains("differ from what is stored"), "\(found)")
      #expect(found.errors.contains("not those of its weights"), "\(found)")
    }
  }

  private func packed(_ run: URL, _ home: URL) throws -> String {
    let archive = home.appendingPathComponent("honest.segbench")
    _ = try Archive.pack([run], of: Workspace(root: home, userData: nil), to: archive)
    return archive.path
  }

  /// The process that reads HDF5 of others may ask the kernel for little.
  @Test(.enabled(if: FileManager.default.fileExists(atPath: "/proc/sys/kernel/seccomp")))
  func theReadingProcessIsConfined() throws {
    try withTemporaryFolder { folder in
      let file = folder.appendingPathComponent("weights.h5")
      let count = 16 << 20
      try WeightFile.write(
        ["a": StoredTensor(shape: [count], floats: [Float](repeating: 1, count: count))], metadata: [:], to: file)
      let process = command(["weights", "unpack", file.path, folder.appendingPathComponent("out.safetensors").path])
      try process.run()
      var isConfined = false
      while process.isRunning, !isConfined {
        let status = try? String(contentsOfFile: "/proc/\(process.processIdentifier)/status", encoding: .utf8)
        isConfined = status?.contains("Seccomp:\t2") == true && status?.contains("NoNewPrivs:\t1") == true
      }
      process.waitUntilExit()
      #expect(isConfined && process.terminationStatus == 0)
    }
  }

  /// What a killed command left is removed by the next; what a living one works in stays.
  @Test func whatKilledCommandsLeaveIsRemoved() throws {
    try withTemporaryFolder { folder in
      func make(_ name: String) throws -> URL {
        let scratch = folder.appendingPathComponent("segbench-scratch-\(name)")
        try makeFolder(scratch)
        try Data(count: 10).write(to: scratch.appendingPathComponent("weights.safetensors"))
        try Data().write(to: scratch.appendingPathExtension("lock"))
        return scratch
      }
      let (dead, living) = (try make("dead"), try make("living"))
      let descriptor = open(living.appendingPathExtension("lock").path, O_RDWR)
      #expect(flock(descriptor, LOCK_EX) == 0)
      defer { close(descriptor) }
      let body = Data(repeating: 7, count: 100)
      let archive = folder.appendingPathComponent("a.segbench")
      let seal = Data("segbench sealed HDF5 1\nsha256 \(Digest.sha256(of: body))\nbytes \(body.count)\n".utf8)
      try (seal + Data(count: HDF5Seal.length - seal.count) + body).write(to: archive)
      let result = try segbench(["archive", "verify", archive.path], settings: ["TMPDIR": folder.path])
      #expect(result.code == 2, "\(result)")
      let left = try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0.hasPrefix("segbench-") }
      #expect(!FileManager.default.fileExists(atPath: dead.path))
      #expect(
        Set(left) == [living.lastPathComponent, living.appendingPathExtension("lock").lastPathComponent], "\(left)")
    }
  }
}
