import Experiments
import Files
import Foundation
import Recipes

/// A run in MLflow's file store (`mlflow ui --backend-store-uri FOLDER`): a folder for the experiment, in it one for the run with
/// a file for each parameter, tag and metric.
public struct MLflowStore {
  private let folder: URL
  private let experiment: String

  /// - Parameters:
  ///   - folder: the store, which may hold other experiments.
  ///   - experiment: what MLflow shows as the experiment's name.
  public init(folder: URL, experiment: String) {
    self.folder = folder
    self.experiment = experiment
  }

  /// MLflow's experiments have whole numbers as names; the same name has the same number in every store.
  var experimentID: String {
    String(
      UInt64(Digest.sha256(of: "experiment \(experiment)").prefix(15), radix: 16)! % 900_000_000_000_000
        + 100_000_000_000_000)
  }

  /// Writes the run; one of the same identity is replaced.
  /// - Returns: the run's folder.
  /// - Throws: `FileError`, `DiskFailure`; `YAMLError` for a recipe that is none.
  public func write(_ record: RunRecord, _ series: RunSeries) throws -> URL {
    let place = folder.appendingPathComponent(experimentID, isDirectory: true)
    let name = String(record.description.identity.prefix(32))
    let run = place.appendingPathComponent(name, isDirectory: true)
    try makeFolder(place)
    let meta = place.appendingPathComponent("meta.yaml")
    if !FileManager.default.fileExists(atPath: meta.path) {
      try write(
        [
          ("artifact_location", place.absoluteString), ("creation_time", milliseconds(series.start)),
          ("experiment_id", "'\(experimentID)'"), ("last_update_time", milliseconds(series.end)),
          ("lifecycle_stage", "active"), ("name", quoted(experiment)),
        ], to: meta)
    }
    // Aside first, so that a reader sees a whole run or none.
    let incoming = place.appendingPathComponent(".incoming-\(UUID().uuidString)", isDirectory: true)
    defer { try? FileManager.default.removeItem(at: incoming) }
    try writeParts(of: record, series, to: incoming)
    try write(
      [
        ("artifact_uri", quoted(run.appendingPathComponent("artifacts").absoluteString)),
        ("end_time", milliseconds(series.end)),
        ("entry_point_name", "''"), ("experiment_id", "'\(experimentID)'"), ("lifecycle_stage", "active"),
        ("run_id", "'\(name)'"), ("run_name", quoted(record.description.title)), ("run_uuid", "'\(name)'"),
        ("source_name", "''"), ("source_type", "4"), ("source_version", "''"),
        ("start_time", milliseconds(series.start)), ("status", "3"), ("tags", "[]"), ("user_id", "segbench"),
      ], to: incoming.appendingPathComponent("meta.yaml"))
    if FileManager.default.fileExists(atPath: run.path) { try FileManager.default.removeItem(at: run) }
    guard rename(incoming.path, run.path) == 0 else { throw FileError.ofWriting(run) }
    return run
  }

  private func writeParts(of record: RunRecord, _ series: RunSeries, to run: URL) throws {
    for part in ["artifacts", "metrics", "params", "tags"] {
      try makeFolder(run.appendingPathComponent(part, isDirectory: true))
    }
    for (name, points) in zip(keys(series.series.map(\.name)), series.series.map(\.points)) {
      let lines = points.map { "\(milliseconds($0.time)) \($0.value) \($0.step)\n" }.joined()
      let file = run.appendingPathComponent("metrics/" + name)
      try makeFolder(file.deletingLastPathComponent())
      try AtomicFile.write(Data(lines.utf8), to: file)
    }
    let parameters = try parameters(of: record)
    for (name, value) in zip(keys(parameters.map(\.name)), parameters.map(\.value)) {
      try AtomicFile.write(Data(value.prefix(6000).utf8), to: run.appendingPathComponent("params/" + name))
    }
    let (about, provenance) = (record.description, record.provenance)
    let tags = [
      ("mlflow.runName", about.title), ("mlflow.source.type", "LOCAL"), ("mlflow.source.name", "segbench"),
      ("mlflow.source.git.commit", provenance.gitCommit), ("identity", about.identity), ("kind", about.kind),
      ("profile", about.profile), ("recipe", about.recipePath), ("engine version", provenance.engineVersion),
      ("processor", provenance.processor), ("instruction set", provenance.instructionSet),
      ("threads", "\(provenance.threads)"), ("data sha256", about.dataDigest), ("weights sha256", about.weightsDigest),
    ]
    for (name, value) in tags where !value.isEmpty {
      try AtomicFile.write(Data(value.utf8), to: run.appendingPathComponent("tags/" + name))
    }
    try AtomicFile.write(Data(record.recipe.utf8), to: run.appendingPathComponent("artifacts/recipe.yaml"))
  }

  /// The recipe's values by their path, and the seed.
  private func parameters(of record: RunRecord) throws -> [(name: String, value: String)] {
    var found = [(name: "seed", value: "\(record.description.seed)")]
    func walk(_ node: YAMLNode, _ path: String) {
      if let entries = node.entries {
        for entry in entries { walk(entry.value, path.isEmpty ? entry.key : "\(path).\(entry.key)") }
      } else if path != "seed" {
        found.append((path, YAMLWriter.inline(node)))
      }
    }
    walk(try YAMLReader().read(Data(record.recipe.utf8), name: "recipe of \(record.description.identity)"), "")
    return found
  }

  /// File names for keys, each once. MLflow allows letters, digits, `_`, `-`, `.`, space and `/`; of the slashes the first is kept,
  /// which puts a key into a group.
  private func keys(_ names: [String]) -> [String] {
    var taken: Set<String> = []
    return names.map { name in
      let parts = name.split(separator: "/", maxSplits: 1).map { part in
        let text = part.unicodeScalars.map { scalar -> Character in
          let isAllowed = scalar.isASCII && (scalar.properties.isAlphabetic || ("0"..."9").contains(scalar))
          return isAllowed || "_-. ".unicodeScalars.contains(scalar) ? Character(scalar) : "_"
        }
        return text.allSatisfy { $0 == "." } ? "_" : String(text.prefix(200))
      }
      let key = parts.isEmpty ? "_" : parts.joined(separator: "/")
      let free = (1...).lazy.map { $0 == 1 ? key : "\(key) \($0)" }.first { !taken.contains($0) }!
      taken.insert(free)
      return free
    }
  }

  private func milliseconds(_ time: Date) -> String { "\(Int(max(0, time.timeIntervalSince1970 * 1000)))" }

  private func quoted(_ text: String) -> String {
    "'" + text.map { $0.isNewline ? " " : String($0) }.joined().replacing("'", with: "''") + "'"
  }

  private func write(_ entries: [(String, String)], to file: URL) throws {
    try AtomicFile.write(Data(entries.map { "\($0): \($1)\n" }.joined().utf8), to: file)
  }
}
