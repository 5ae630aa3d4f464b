import Files
import Foundation
import Recipes

/// One file with all that some runs were and left: recipes, provenance, curves, metrics, weights, predictions, the list of
/// their data's files with their checksums, and a checksum of each part and of the whole.
///
///     (512 bytes)                   the seal: SHA-256 and length of the rest
///     /                             attributes: format, version
///     /manifest                     texts "<sha256>  <path>" of every file below, as `unpack` writes it
///     /runs/<identity>/record/...   the parts of run.h5
///     /runs/<identity>/files/<path> bytes (uint8)
///     /runs/<identity>/data         texts "<sha256>  <path>" of the dataset's files, where it was at hand
///
/// Runs that a packed run started from are packed with it.
public enum Archive {
  private static let format = "segbench archive"
  private static let version = 2

  /// Packs finished runs.
  /// - Parameters:
  ///   - folders: the runs' folders.
  ///   - url: the archive; it appears whole or not at all.
  /// - Returns: the identities packed, dependencies first, and the SHA-256 under the seal.
  /// - Throws: `RunRecordError`, `ArchiveError`, `FileError`, `HDF5Error`.
  public static func pack(
    _ folders: [URL], of workspace: Workspace, to url: URL, progress: Files.Progress = .silent
  ) throws -> (identities: [String], digest: String) {
    let runs = try withDependencies(folders, of: workspace)
    try HDF5File.create(url, sealed: true) { file in
      try file.setAttribute("format", of: "/", to: format)
      try file.setAttribute("version", of: "/", to: version)
      var manifest: [String] = []
      for (index, run) in runs.enumerated() {
        let place = "runs/\(run.record.description.identity)/"
        try run.record.write(into: file, below: place + "record/")
        manifest.append("\(try Digest.sha256(ofFileAt: run.folder.appendingPathComponent("run.h5")))  \(place)run.h5")
        for path in packedFiles(of: run.record) {
          let source = run.folder.appendingPathComponent(path)
          guard exists(source) else { throw ArchiveError.missingFile(source.path) }
          let data = try Data(ofFileAt: source, options: .alwaysMapped)
          try write(data, to: place + "files/" + path, of: file)
          manifest.append("\(Digest.sha256(of: data))  \(place)\(path)")
        }
        if let listing = try dataListing(of: run.record, workspace) {
          try file.write(texts: listing, to: place + "data")
        }
        progress(index + 1, of: runs.count)
      }
      try file.write(texts: manifest, to: "manifest")
    }
    return (runs.map(\.record.description.identity), try HDF5Seal.check(url))
  }

  /// Writes a file's bytes in blocks, between which a stop may be asked for.
  private static func write(_ data: Data, to name: String, of file: HDF5File) throws {
    try file.createDataset(name, of: UInt8.self, shape: [data.count])
    let block = 16 << 20
    try data.withUnsafeBytes { bytes in
      let bytes = bytes.bindMemory(to: UInt8.self)
      for start in stride(from: 0, to: bytes.count, by: block) {
        try Cancellation.check()
        let end = min(bytes.count, start + block)
        try file.write(
          UnsafeBufferPointer(rebasing: bytes[start..<end]), to: name, start: [start], count: [end - start])
      }
    }
  }

  /// Checks that every byte of an archive is as it was packed, and returns the SHA-256 under its seal. libhdf5 has no part
  /// in it.
  /// - Throws: `HDF5Error`, `FileError`.
  public static func check(_ url: URL) throws -> String { try HDF5Seal.check(url) }

  /// Checks an archive and writes its runs' folders below `folder`/runs. Every byte of the archive is checked against the
  /// seal before libhdf5 sees it, and every file written against the manifest.
  ///
  /// A seal shows damage, not ill will: whoever makes an archive can seal it. Foreign archives belong into a process of
  /// their own, which the command line starts.
  /// - Returns: the identities, in the archive's order: a run comes after those it started from.
  public static func unpack(_ url: URL, to folder: URL) throws -> [String] {
    let file = try HDF5File(readingSealed: url)
    guard (try? file.attribute("format", of: "/")) == format,
      (try? file.attribute("version", of: "/", as: Int.self)) == [version]
    else { throw ArchiveError.unsound(url.path, "it does not say that it is one") }
    // Files are stored as they are: together they cannot be longer than the archive, unless a dataset is linked to often.
    let size = try fileSize(url)
    var room = size
    // Records are written anew, about as long as the archive's parts of them.
    var recordRoom = 2 * size + 1 << 20
    var identities: [String] = []
    var paths: Set<String> = []
    func unsound(_ problem: String) -> ArchiveError { .unsound(url.path, problem) }
    for line in try file.readTexts("manifest") {
      let parts = line.split(separator: " ", maxSplits: 1).map(String.init)
      guard parts.count == 2, isDigest(parts[0]), parts[1].first == " " else {
        throw unsound("its manifest has the line \"\(line.prefix(80))\"")
      }
      let path = String(parts[1].dropFirst())
      guard let (identity, name) = place(of: path) else {
        throw unsound("its manifest names the path \"\(path.prefix(80))\"")
      }
      guard paths.insert(path).inserted else { throw unsound("its manifest names \(path) twice") }
      let place = "runs/\(identity)/"
      let target = folder.appendingPathComponent(path)
      try makeFolder(target.deletingLastPathComponent())
      if name == "run.h5" {
        let record = try RunRecord.read(from: file, below: place + "record/")
        guard record.description.identity == identity else {
          throw unsound("run \(identity) calls itself \(record.description.identity.prefix(40))")
        }
        try record.requirePlainNames()
        try record.write(to: target)
        recordRoom -= try fileSize(target)
        identities.append(identity)
        if file.exists(place + "data") {
          let listing = try file.readTexts(place + "data").map { $0 + "\n" }.joined()
          recordRoom -= listing.utf8.count
          guard recordRoom >= 0 else { throw unsound("its records are longer than itself") }
          try AtomicFile.write(Data(listing.utf8), to: folder.appendingPathComponent(place + dataListingName))
        }
        guard recordRoom >= 0 else { throw unsound("its records are longer than itself") }
      } else {
        let stored = place + "files/" + name
        room -= try file.shape(of: stored).reduce(1, *)
        guard room >= 0 else { throw unsound("its files together are longer than itself") }
        let bytes = try file.read(stored, as: UInt8.self).values
        try AtomicFile.write(Data(bytes), to: target)
      }
      guard try Digest.sha256(ofFileAt: target) == parts[0] else {
        throw ArchiveError.otherFile(path: url.path, name: path)
      }
    }
    guard !identities.isEmpty else { throw ArchiveError.unsound(url.path, "it holds no run") }
    return identities
  }

  /// The name of the listing of a run's data among what `unpack` writes.
  static let dataListingName = "data.sha256"

  /// The files of a run's folder that are packed, beside run.h5.
  private static func packedFiles(of record: RunRecord) -> [String] {
    guard let metrics = record.metrics else { return ["recipe.yaml", "weights.safetensors"] }
    let trained = record.description.predictionsDigest == nil ? ["nnUNetPlans.json", "weights.safetensors"] : []
    let folds = record.description.splitsDigest == nil ? [] : ["splits_final.json"]
    return ["recipe.yaml", "dataset.json"] + trained + folds + metrics.cases.map { "predictions/\($0).nii.gz" }
  }

  private static func withDependencies(_ folders: [URL], of workspace: Workspace) throws -> [(
    folder: URL, record: RunRecord
  )] {
    var runs: [(folder: URL, record: RunRecord)] = []
    /// - Parameter before: the identities of those that start from it.
    func add(_ folder: URL, before: [String]) throws {
      let record = try RunRecord.read(folder.appendingPathComponent("run.h5"))
      let identity = record.description.identity
      guard !before.contains(identity) else { throw ArchiveError.unsoundRun(identity, "it starts from itself") }
      guard before.count <= ArchivedRun.greatestChain else {
        throw ArchiveError.unsoundRun(before[0], "it comes after more than \(ArchivedRun.greatestChain) pretrainings")
      }
      try record.requirePlainNames()
      if runs.contains(where: { $0.record.description.identity == identity }) { return }
      for dependency in record.description.dependencies {
        // Beside the run itself, so that a folder of runs can lie anywhere.
        let beside = folder.deletingLastPathComponent().appendingPathComponent(dependency, isDirectory: true)
        let own = workspace.runs.appendingPathComponent(dependency, isDirectory: true)
        try add(exists(beside.appendingPathComponent("run.h5")) ? beside : own, before: before + [identity])
      }
      runs.append((folder, record))
    }
    for folder in folders { try add(folder, before: []) }
    return runs
  }

  /// The dataset's files with their checksums; nil when the dataset that the run used isn't at hand any more.
  private static func dataListing(of record: RunRecord, _ workspace: Workspace) throws -> [String]? {
    guard !record.description.dataDigest.isEmpty,
      let recipe = try unlessRefused({ try RecipeLibrary(root: workspace.recipes).read(resolvedText: record.recipe) }),
      let scored = recipe.recipe.scored, workspace.missingInputs(of: scored.dataset).isEmpty
    else { return nil }
    let preparation = DatasetPreparation(context: Runner(workspace: workspace).context, dataset: scored.dataset)
    guard let dataset = try preparation.existingRawDataset(), dataset.digest == record.description.dataDigest
    else { return nil }
    return dataset.files.map { "\($0.digest)  \($0.path)" }
  }

  /// The run and the file in its folder that a manifest's path names; nil for any that `pack` does not write.
  private static func place(of path: String) -> (identity: String, name: String)? {
    let names = path.pathParts(keepingEmpty: true)
    guard names.count >= 3, names[0] == "runs", isIdentity(names[1]) else { return nil }
    let ending = ".nii.gz"
    if names.count == 4, names[2] == "predictions", names[3].hasSuffix(ending),
      isCaseName(String(names[3].dropLast(ending.count)))
    {
      return (names[1], "predictions/\(names[3])")
    }
    return names.count == 3 && fileNames.contains(names[2]) ? (names[1], names[2]) : nil
  }

  /// What lies directly in an unpacked run's folder.
  private static let fileNames: Set = [
    "run.h5", "recipe.yaml", "dataset.json", "nnUNetPlans.json", "splits_final.json", "weights.safetensors",
  ]

  package static func isIdentity(_ text: String) -> Bool { isHexadecimal(text, digits: 40) }

  static func isDigest(_ text: String) -> Bool { isHexadecimal(text, digits: 64) }

  private static func isHexadecimal(_ text: String, digits: Int) -> Bool {
    text.utf8.count == digits && text.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
  }

  /// Whether a name, as one part of a path, stays where it is put, and shows what it is when it is printed.
  static func isPlainName(_ name: String) -> Bool {
    !name.isEmpty && name != "." && name != ".." && name.utf8.count <= 255
      && !name.unicodeScalars.contains { $0.steersTerminals || $0 == "/" || $0 == "\\" }
  }

  /// The same of a case's, whose files' names are longer.
  static func isCaseName(_ name: String) -> Bool { isPlainName(name) && name.utf8.count <= 240 }
}
