import Experiments
import Files
import Foundation
import Networks
import TestSupport
import Testing

/// Archives that someone has changed, against the built command: each is refused, and none takes the command along.
@Suite(.serialized) struct TamperingTests {
  /// An archive of a run with as little as a run can have.
  private func archive(_ folder: URL) throws -> URL {
    let identity = String(repeating: "0", count: 40)
    let workspace = Workspace(root: folder, userData: nil)
    let run = workspace.runs.appendingPathComponent(identity)
    try makeFolder(run)
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
    return archive
  }

  /// What `archive verify` says of each of many files, several at a time: its exit code (-1 when it was killed) and words.
  private func verdicts(_ files: [Data], _ folder: URL) throws -> [(code: Int32, errors: String)] {
    let results = Results(count: files.count)
    DispatchQueue.concurrentPerform(iterations: files.count) { index in
      let url = folder.appendingPathComponent("changed-\(index).segbench")
      guard (try? files[index].write(to: url)) != nil, let result = try? segbench(["archive", "verify", url.path])
      else {
        return
      }
      results.set(index, (result.code, result.errors))
      try? FileManager.default.removeItem(at: url)
    }
    return results.all
  }

  @Test func verifyFindsAnyChangedByte() throws {
    try withTemporaryFolder { folder in
      let sound = try Data(contentsOf: archive(folder))
      // The seal, the superblock behind it, and the rest in equal steps: HDF5's metadata as well as the values.
      let places = Set(
        Array(stride(from: 0, to: 512, by: 16)) + Array(512..<560)
          + Array(stride(from: 560, to: sound.count, by: max(1, (sound.count - 560) / 150))) + [sound.count - 1])
      #expect(places.count >= 200)
      let changed = places.sorted().map { place in
        var data = sound
        data[place] ^= 1 << UInt8(place % 8)
        return data
      }
      for (place, verdict) in zip(places.sorted(), try verdicts(changed, folder)) {
        #expect(verdict.code == 2 && verdict.errors.hasPrefix("segbench: "), "byte \(place): \(verdict)")
        #expect(
          verdict.errors.contains("was changed") || verdict.errors.contains("no seal"), "byte \(place): \(verdict)")
      }
    }
  }

  /// Whoever changes an archive can seal it again: libhdf5 then reads it in a process that may die.
  @Test func aSealThatFitsHelpsNobody() throws {
    try withTemporaryFolder { folder in
      let sound = try Data(contentsOf: archive(folder)).dropFirst(HDF5Seal.length)
      var files = (0..<60).map { index in
        var data = Data(sound)
        data[index * data.count / 60] ^= 1 << UInt8(index % 8)
        return sealed(data)
      }
      // What killed libhdf5 in the fuzz campaigns.
      let corpus = repository.appendingPathComponent("Tests/fuzz/Corpus/sealed")
      files += try FileManager.default.contentsOfDirectory(atPath: corpus.path).sorted().map {
        try Data(contentsOf: corpus.appendingPathComponent($0))
      }
      for (index, verdict) in try verdicts(files, folder).enumerated() {
        // The small run is unsound, so that even bytes that mean nothing lead to 2.
        #expect(verdict.code == 2, "\(index): \(verdict)")
        #expect(verdict.errors.contains("segbench: ") && !verdict.errors.contains("Fatal"), "\(index): \(verdict)")
      }
    }
  }

  /// Names of very many parts, which a tree of them must not follow down.
  @Test func namesOfManyPartsAreShown() throws {
    try withTemporaryFolder { folder in
      let file = folder.appendingPathComponent("deep.safetensors")
      let name = String(repeating: "a.", count: 200_000) + "\u{1b}[2J"
      try Safetensors.write([name: StoredTensor(shape: [1], floats: [1])], metadata: [name: name], to: file)
      for arguments in [["weights", "inspect", file.path], ["weights", "inspect", file.path, "--json"]] {
        let result = try segbench(arguments)
        #expect(result.code == 0 && !result.output.contains("\u{1b}") && result.errors.isEmpty, "\(result.code)")
      }
    }
  }

  /// Weights in HDF5, whoever sealed them.
  @Test func weightsThatKillLibhdf5AreRefused() throws {
    let corpus = repository.appendingPathComponent("Tests/fuzz/Corpus/sealed")
    for name in try FileManager.default.contentsOfDirectory(atPath: corpus.path).sorted() {
      // libhdf5 frees what it has not set: rubbish in new memory makes sure that it dies of it.
      let result = try segbench(
        ["weights", "inspect", corpus.appendingPathComponent(name).path], settings: ["MALLOC_PERTURB_": "165"])
      #expect(result.code == 2, "\(name): \(result)")
      #expect(
        result.errors.hasPrefix("segbench: ") && result.errors.contains("killed the process"), "\(name): \(result)")
    }
    try withTemporaryFolder { folder in
      let file = folder.appendingPathComponent("weights.h5")
      try WeightFile.write(
        ["a": StoredTensor(shape: [2], floats: [1, 2])], metadata: ["about": "nothing"], to: file)
      let result = try segbench("weights", "inspect", file.path)
      #expect(result.code == 0 && result.output.contains("HDF5, 1 arrays, 2 numbers"), "\(result)")
      #expect(result.output.contains("a  F32 [2]") && result.output.contains("nothing"), "\(result)")
    }
  }

  private func sealed(_ body: Data) -> Data {
    let text = Data("segbench sealed HDF5 1\nsha256 \(Digest.sha256(of: body))\nbytes \(body.count)\n".utf8)
    return text + Data(count: HDF5Seal.length - text.count) + body
  }
}

/// What several threads found, by number.
private final class Results: @unchecked Sendable {
  private let lock = NSLock()
  private var values: [(code: Int32, errors: String)]
  init(count: Int) { values = Array(repeating: (-2, "not run"), count: count) }
  func set(_ index: Int, _ value: (Int32, String)) { lock.withLock { values[index] = value } }
  var all: [(code: Int32, errors: String)] { lock.withLock { values } }
}
