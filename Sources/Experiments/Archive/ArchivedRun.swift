import Files
import Foundation
import Recipes

/// A run that was unpacked, with the pretrainings before it. Whoever packed it is not known: its names are checked before
/// any path is made of them, and its chain ends.
struct ArchivedRun {
  let folder: URL
  let record: RunRecord
  let recipe: ResolvedRecipe
  /// The pretrainings before it, the nearest first.
  let start: [RunRecord]

  /// More pretrainings, one after the other, than any study has.
  static let greatestChain = 16

  /// - Throws: `ArchiveError.unsoundRun`, `RunRecordError`, `RecipeError`, `FileError`.
  init(_ identity: String, in unpacked: URL, library: RecipeLibrary) throws {
    try self.init(Self.record(identity, in: unpacked), in: unpacked, library: library)
  }

  /// The same of a record that was read already.
  init(_ first: RunRecord, in unpacked: URL, library: RecipeLibrary) throws {
    var chain: [RunRecord] = [first]
    try first.requirePlainNames()
    while let name = chain[chain.count - 1].description.dependencies.first {
      guard !chain.contains(where: { $0.description.identity == name }) else {
        throw ArchiveError.unsoundRun(name, "it starts from itself")
      }
      guard chain.count <= Self.greatestChain else {
        throw ArchiveError.unsoundRun(
          first.description.identity, "it comes after more than \(Self.greatestChain) pretrainings")
      }
      chain.append(try Self.record(name, in: unpacked))
    }
    var recipe: ResolvedRecipe?
    for record in chain.reversed() {
      let own = try library.read(resolvedText: record.recipe, pretraining: recipe)
      guard (own.pretraining == nil) == record.description.dependencies.isEmpty else {
        throw ArchiveError.unsoundRun(
          record.description.identity, "its recipe and its record disagree on whether it starts from another run")
      }
      recipe = own
    }
    folder = unpacked.appendingPathComponent("runs/\(first.description.identity)", isDirectory: true)
    record = first
    start = Array(chain.dropFirst())
    self.recipe = recipe!
  }

  /// The record of a run, with plain names.
  private static func record(_ identity: String, in unpacked: URL) throws -> RunRecord {
    guard Archive.isIdentity(identity) else { throw ArchiveError.unsoundRun(identity, "that is no identity of a run") }
    let file = unpacked.appendingPathComponent("runs/\(identity)/run.h5")
    guard exists(file) else { throw ArchiveError.unsoundRun(identity, "a run starts from it, and it is not there") }
    let record = try RunRecord.read(file)
    guard record.description.identity == identity else {
      throw ArchiveError.unsoundRun(identity, "it calls itself \(record.description.identity.prefix(40))")
    }
    try record.requirePlainNames()
    return record
  }
}

extension RunRecord {
  /// Checks every name in a record from elsewhere that paths, tables or terminals are given, and how many there are.
  /// - Throws: `ArchiveError.unsoundRun`.
  func requirePlainNames() throws {
    func require(_ isSound: Bool, _ problem: @autoclosure () -> String) throws {
      guard isSound else { throw ArchiveError.unsoundRun(description.identity, problem()) }
    }
    func requireText(_ text: String, _ what: String) throws {
      try require(text.utf8.count <= 1000, "\(what) has \(text.utf8.count) bytes; at most 1000 are taken")
      try require(
        !text.unicodeScalars.contains(where: \.steersTerminals), "\(what) has control characters: \"\(text)\"")
    }
    try require(Archive.isIdentity(description.identity), "its identity is no 40 hexadecimal digits")
    let dependencies = description.dependencies
    try require(dependencies.count <= 1, "it starts from \(dependencies.count) runs; a run starts from one at most")
    for name in dependencies {
      try require(Archive.isIdentity(name), "it starts from \"\(name.prefix(80))\", which is no identity of a run")
    }
    try requireText(description.title, "its title")
    try requireText(description.kind, "its kind")
    try requireText(description.profile, "its profile")
    try requireText(description.recipePath, "its recipe's path")
    try require(
      description.recipePath.isEmpty
        || description.recipePath.pathParts(keepingEmpty: true).allSatisfy {
          Archive.isPlainName($0)
        }, "its recipe's path is \"\(description.recipePath)\"")
    for digest in [
      description.dataDigest, description.initialWeightsDigest, description.weightsDigest,
      description.splitsDigest ?? "", description.predictionsDigest ?? "",
    ] {
      try require(digest.isEmpty || Archive.isDigest(digest), "\"\(digest.prefix(80))\" is no SHA-256")
    }
    try require(description.seed >= 0, "its seed is \(description.seed)")
    try require(description.startingRuns.count <= ArchivedRun.greatestChain, "it lists too many pretrainings")
    guard let metrics else { return }
    try require(Set(metrics.cases).count == metrics.cases.count, "it has scores of one case twice")
    for name in metrics.cases {
      try require(Archive.isCaseName(name), "a case is called \"\(name.prefix(80))\"")
    }
    let labels = metrics.classes.map(\.label)
    try require(Set(labels).count == labels.count, "two of its classes have one label")
    for (label, name) in metrics.classes {
      try require((1...Int(Int16.max)).contains(label), "a class has the label \(label)")
      try requireText(name, "a class's name")
    }
    for digest in metrics.predictionDigests {
      try require(Archive.isDigest(digest), "a prediction's SHA-256 is \"\(digest.prefix(80))\"")
    }
  }
}
