import Datasets
import Experiments
import Files
import Foundation
import Imaging
import Networks
import Recipes

/// A reader of untrusted input, with the sound inputs that hostile ones are made of.
struct Reader {
  let kind: String
  /// How the input's file is called.
  let fileName: String
  let corpus: [Data]
  let dictionary: [Data]
  /// MiB that the process may hold at most while it reads inputs of at most 1 MiB.
  let memory: Int
  /// What is done to a mutated input before it is read.
  var finish: (Data) -> Data = { $0 }
  /// Whether the product reads it in a child process, because the library that does is known to die of hostile files. The
  /// worker is that child here: its death is counted, and nothing is lost by it.
  var isContained = false
  /// Of a campaign's inputs, how many this reader is given: fewer where one takes long.
  var inputsPerHundred = 100
  /// Inputs that found something once: they are read before the mutated ones.
  var kept: [Data] = []
  /// Returns when the input was accepted, throws when it was refused.
  let read: (URL) throws -> Void

  static let kinds = [
    "nifti", "yaml", "json", "safetensors", "pytorch", "hdf5", "archive", "archive-content", "sealed",
  ]

  /// The reader of that kind, with the inputs kept for it in Tests/fuzz/Corpus.
  /// - Parameter folder: a scratch folder of the reader's own.
  static func named(_ kind: String, repository: URL, folder: URL) throws -> Reader {
    var reader = try bare(kind, repository: repository, folder: folder)
    let corpus = repository.appendingPathComponent("Tests/fuzz/Corpus/\(kind)")
    let names = (try? FileManager.default.contentsOfDirectory(atPath: corpus.path)) ?? []
    reader.kept = try names.sorted().map { try Data(contentsOf: corpus.appendingPathComponent($0)) }
    return reader
  }

  private static func bare(_ kind: String, repository: URL, folder: URL) throws -> Reader {
    let tests = repository.appendingPathComponent("Tests")
    func files(_ path: String, _ endings: [String]) throws -> [Data] {
      let root = tests.appendingPathComponent(path)
      return try FileManager.default.subpathsOfDirectory(atPath: root.path).sorted()
        .filter { name in endings.contains { name.hasSuffix($0) } }
        .map { try Data(contentsOf: root.appendingPathComponent($0)) }.filter { $0.count < 1 << 18 }
    }
    func words(_ texts: [String]) -> [Data] { texts.map { Data($0.utf8) } }
    switch kind {
    case "nifti":
      return Reader(
        kind: kind, fileName: "input.nii.gz",
        corpus: try files("ImagingTests/Fixtures", [".nii", ".nii.gz"]),
        dictionary: words(["n+1\0", "n+2\0", "ni1\0"]),
        memory: 1536
      ) { url in
        _ = try NIfTI.readHeader(url)
        _ = try NIfTI.readImage(url)
        _ = try NIfTI.readLabels(url)
      }
    case "yaml":
      let recipes = repository.appendingPathComponent("Recipes")
      let library = RecipeLibrary(root: recipes)
      let corpus = try FileManager.default.subpathsOfDirectory(atPath: recipes.path).sorted()
        .filter { $0.hasSuffix(".yaml") }.map { try Data(contentsOf: recipes.appendingPathComponent($0)) }
      let resolved = try library.tables().flatMap { try library.table($0).rows }.flatMap(\.recipes).prefix(8).map {
        Data(try library.resolve($0.path, profile: "phantom").yamlText.utf8)
      }
      return Reader(
        kind: kind, fileName: "input.yaml", corpus: corpus + resolved,
        dictionary: words([
          "[", "{", "- ", "&a ", "*a", "&a [*a, *a]\n", "? ", "!!python/object ", "<<: *a\n", "1e999",
          "0x7fffffffffffffff",
          "-9223372036854775808", ".nan", "\"\\u0000\"", "|\n", "%YAML 9.9\n", "---\n", "../../../etc/passwd", "null",
        ]), memory: 512
      ) { url in
        _ = try library.read(resolved: url)
      }
    case "json":
      return Reader(
        kind: kind, fileName: "input.json",
        corpus: try files("DatasetsTests/Fixtures", [".json"]) + [
          Data(
            "{\"channel_names\": {\"0\": \"CT\"}, \"labels\": {\"background\": 0, \"liver\": 1}, \"numTraining\": 1, \"file_ending\": \".nii.gz\"}"
              .utf8),
          Data(
            "{\"channel_names\": {\"0\": \"CT\"}, \"labels\": {\"background\": 0, \"a\": [1, 2, 3], \"b\": 2, \"ignore\": 4}, \"regions_class_order\": [1, 2], \"label_names\": {\"1\": \"c\"}, \"numTraining\": 1, \"file_ending\": \".nii\"}"
              .utf8),
        ],
        dictionary: words([
          "[", "{\"a\":", "[0]", "\"ignore\":", "1e999", "-", "9223372036854775808", "\\ud800", "NaN", "-Infinity",
          "null",
          "\"file_ending\": \"/../x\",",
        ]), memory: 512
      ) { url in
        let value = try JSONValue.read(url)
        _ = value.text()
        var refusal: (any Error)?
        for read in [
          { _ = try DatasetDescription(contentsOf: url) }, { _ = try Plans(contentsOf: url) },
          { _ = try Fingerprint(contentsOf: url) }, { _ = try Splits(contentsOf: url, cases: ["a", "b"]) },
        ] { do { try read() } catch { refusal = error } }
        if let refusal, !(refusal is any InputError) { throw refusal }
      }
    case "safetensors":
      return Reader(
        kind: kind, fileName: "input.safetensors",
        corpus: try files("", [".safetensors"]).sorted { $0.count < $1.count }.prefix(6).map { $0 },
        dictionary: words([
          "\"data_offsets\":[0,9223372036854775807]", "\"shape\":[4294967296,4294967296]", "{", "\"F64\"",
          "__metadata__",
        ]),
        memory: 512
      ) { url in
        for tensor in try Safetensors.read(url).values { _ = tensor.floats() }
        _ = try Safetensors.readMetadata(url)
      }
    case "pytorch":
      return Reader(
        kind: kind, fileName: "input.pth", corpus: try files("NetworksTests/Fixtures", [".pth"]),
        dictionary: words([
          "cos\nsystem\n", "ctorch._utils\n_rebuild_tensor_v2\n", "(", "}", "]", "R", "b", "PK\u{1}\u{2}", "data.pkl",
        ])
          + [Data([0x80, 2]), Data([0x80, 4, 0x95, 255, 255, 255, 255, 255, 255, 255, 127])],
        memory: 768
      ) { url in
        for tensor in try WeightFile(contentsOf: url).tensors.values { _ = tensor.floats() }
      }
    case "hdf5":
      let record = folder.appendingPathComponent("run.h5")
      try sampleRecord().write(to: record)
      return Reader(
        kind: kind, fileName: "input.h5",
        corpus: try [Data(contentsOf: record)] + files("FilesTests/Fixtures", [".h5"])
          + files("ImagingTests/Fixtures", [".h5"]),
        dictionary: words(["OHDR", "FRHP", "BTHD", "TREE", "HEAP", "SNOD", "OCHK"]), memory: 1024
      ) { url in
        // The file's own bytes first: what a record is not may still be weights.
        do { _ = try RunRecord.read(url) } catch let error as InputError {
          guard (try? WeightFile(contentsOf: url, hdf5: .inThisProcess)) != nil else { throw error }
        }
      }
    case "archive":
      let sound = try sampleArchive(folder)
      return Reader(
        kind: kind, fileName: "input.segbench", corpus: [sound],
        dictionary: words(["segbench sealed HDF5 1\n", "sha256 ", "../"]), memory: 512
      ) { url in
        let output = folder.appendingPathComponent("unpacked")
        defer { try? FileManager.default.removeItem(at: output) }
        _ = try Archive.unpack(url, to: output)
        guard try Data(contentsOf: url) == sound else { throw Usage("a changed archive was accepted") }
      }
    case "archive-content":
      // The input says which field is changed, and to what.
      let content = try ArchiveContent(repository: repository, folder: folder)
      return Reader(
        kind: kind, fileName: "input.bin",
        corpus: (UInt8(0)..<31).map { Data([$0] + Array("../x".utf8) + Array(repeating: 0, count: 20)) },
        dictionary: words(["../", "/", "\u{1b}[2J", "\n", String(repeating: "a", count: 64)]), memory: 2048,
        inputsPerHundred: 2
      ) { url in try content.read(Data(contentsOf: url)) }
    case "sealed":
      // What ill will can make: HDF5 of any content under a seal that fits. libhdf5 sees every byte of it.
      let weights = folder.appendingPathComponent("weights.h5")
      try WeightFile.write(["a": StoredTensor(shape: [2], floats: [1, 2])], metadata: ["b": "c"], to: weights)
      return Reader(
        kind: kind, fileName: "input.segbench",
        corpus: try [sampleArchive(folder), Data(contentsOf: weights)].map { Data($0.dropFirst(HDF5Seal.length)) }
          + files("FilesTests/Fixtures", [".h5"]) + files("EvaluationTests/Fixtures", [".h5"]),
        dictionary: words(["OHDR", "FRHP", "BTHD", "TREE", "HEAP", "SNOD", "OCHK", "../"]), memory: 2048,
        finish: sealed, isContained: true
      ) { url in
        let output = folder.appendingPathComponent("unpacked")
        defer { try? FileManager.default.removeItem(at: output) }
        do { _ = try Archive.unpack(url, to: output) } catch is any InputError {
          _ = try WeightFile(contentsOf: url, hdf5: .inThisProcess)
        }
      }
    default: throw Usage("there is no reader \"\(kind)\"; there is \(kinds.joined(separator: ", "))")
    }
  }

  /// The bytes under a seal, as whoever has read `HDF5Seal` can make it.
  private static func sealed(_ body: Data) -> Data {
    let text = Data("segbench sealed HDF5 1\nsha256 \(Digest.sha256(of: body))\nbytes \(body.count)\n".utf8)
    return text + Data(count: HDF5Seal.length - text.count) + body
  }

  private static let sampleIdentity = String(repeating: "0123456789abcdef", count: 3).prefix(40)

  private static func sampleRecord() throws -> RunRecord {
    let provenance = """
      {"engineVersion": "0", "gitCommit": "0", "libraries": {"HDF5": "1"}, "processor": "p", "instructionSet": "i",
       "threads": 1, "operatingSystem": "o"}
      """
    return RunRecord(
      description: .init(
        identity: String(sampleIdentity), title: "sample", kind: "pretraining", profile: "quick", seed: 0,
        dataDigest: "",
        initialWeightsDigest: "", dependencies: [], weightsDigest: "", seconds: ["train": 1]),
      recipe: "kind: pretraining\n",
      provenance: try JSONDecoder().decode(Provenance.self, from: Data(provenance.utf8)),
      curves: .training(
        [CurvePoint(epoch: 0, trainingLoss: 1), CurvePoint(epoch: 1, trainingLoss: 0.5)], classes: []), metrics: nil)
  }

  /// A small archive of one run.
  private static func sampleArchive(_ folder: URL) throws -> Data {
    let root = folder.appendingPathComponent("workspace")
    let run = root.appendingPathComponent("runs/\(sampleIdentity)")
    try FileManager.default.createDirectory(at: run, withIntermediateDirectories: true)
    try sampleRecord().write(to: run.appendingPathComponent("run.h5"))
    try Data("kind: pretraining\n".utf8).write(to: run.appendingPathComponent("recipe.yaml"))
    try Safetensors.write(
      ["a": StoredTensor(shape: [2], floats: [1, 2])], to: run.appendingPathComponent("weights.safetensors"))
    let archive = folder.appendingPathComponent("sample.segbench")
    _ = try Archive.pack([run], of: Workspace(root: root, userData: nil), to: archive)
    return try Data(contentsOf: archive)
  }
}

/// What was wrong with the command line.
struct Usage: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}
