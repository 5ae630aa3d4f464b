import Files
import Foundation

/// A figure to make again: which weights' features of which image it shows, and how.
public struct StudyFigure: Sendable {
  public enum Kind: String, Sendable, CaseIterable {
    /// Principal components as colours, at rising resolutions.
    case components
    /// The similarity of every patch to marked ones.
    case similarity
    /// The similarity over a pretraining's snapshots.
    case evolution
  }

  public let title: String
  public let kind: Kind
  /// Where the paper has it.
  public let place: String
  /// The pretraining recipe whose weights are shown, by path below the root.
  public let weights: String
  /// The recipe whose dataset the image is from, by path below the root.
  public let dataset: String
  /// The case of the dataset, counted from 0 in the order of the names.
  public let imageCase: Int
  /// Pixels along the image's side, by profile.
  let sizes: [String: [Int]]
  let footnotes: [String: [String]]

  static let section = Section([
    Field("title", .text(.any), "the figure's title"),
    Field("kind", .choice(Kind.self), "what it shows"),
    Field("place", .text(.any), "where the paper has it"),
    Field("weights", .text(.any), "the pretraining recipe whose weights are shown, relative to this file"),
    Field("dataset", .text(.any), "the segmentation recipe whose dataset the image is from, relative to this file"),
    Field("case", .integer(0...1_000_000), "the case, counted from 0", .standard(.integer(0))),
    Field(
      "sizes", .mapping(of: .list(of: .integer(16...16384), count: 1...8)), "profile to the image's sides in pixels"),
    Field(
      "footnotes", .mapping(of: .list(of: .text(.any), count: 0...32)), "profile to what the caption says at its end",
      .standard(.mapping([]))),
  ])
}

extension RecipeLibrary {
  /// Reads a study's figure.
  /// - Throws: `RecipeError`, `YAMLError`.
  public func figure(_ path: String) throws -> StudyFigure {
    let file = try locate(path, from: nil, at: nil)
    let (node, reader) = try open(file, as: StudyFigure.section)
    let folder = file.url.deletingLastPathComponent()
    func recipe(_ key: String) throws -> String {
      try locate(reader.text(key), from: folder, at: reader.origin(key)).path
    }
    var sizes: [String: [Int]] = [:]
    for entry in node["sizes"]?.entries ?? [] {
      guard try profiles.contains(entry.key) else {
        throw try unknown("profile", entry.key, at: entry.keyOrigin, among: profiles)
      }
      guard case .list(let items) = entry.value.content else { continue }
      sizes[entry.key] = items.compactMap { if case .integer(let size) = $0.content { size } else { nil } }
    }
    return StudyFigure(
      title: reader.text("title"), kind: reader.choice("kind", StudyFigure.Kind.self), place: reader.text("place"),
      weights: try recipe("weights"), dataset: try recipe("dataset"), imageCase: reader.integer("case"), sizes: sizes,
      footnotes: try footnotes(node["footnotes"]))
  }

  /// The image's sides in pixels in a profile: its own, or those of the one it inherits.
  /// - Throws: `RecipeError.missing` when neither has any.
  public func sizes(of figure: StudyFigure, profile: String) throws -> [Int] {
    let names = try profileDocuments(profile).map(\.name)
    guard let sizes = names.compactMap({ figure.sizes[$0] }).last else {
      throw RecipeError.unknownName(
        at: nil, what: "profile with sizes for \(figure.title)", name: profile, nearest: nil,
        valid: figure.sizes.keys.sorted())
    }
    return sizes
  }

  /// What the caption says at its end when the figure was made with `profile`.
  /// - Throws: `RecipeError`, `YAMLError` for a profile that cannot be read.
  public func footnotes(of figure: StudyFigure, profile: String) throws -> [String] {
    try profileDocuments(profile).flatMap { figure.footnotes[$0.name] ?? [] }
  }
}
