import Files
import Foundation

/// A figure to reproduce: which weights' features of which image it shows, and how.
public struct StudyFigure: Sendable {
  public enum Kind: String, KeyChoice {
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

  /// The keys of a figure's file.
  struct File: RecipeSection {
    @Key("title", .any, "the figure's title") var title: String
    @Key("kind", "what it shows") var kind: Kind
    @Key("place", .any, "where the paper has it") var place: String
    @Key("weights", .any, "the pretraining recipe whose weights are shown, relative to this file")
    var weights: Located<String>
    @Key("dataset", .any, "the segmentation recipe whose dataset the image is from, relative to this file")
    var dataset: Located<String>
    @Key("case", 0...1_000_000, default: 0, "the case, counted from 0") var imageCase: Int
    @Key("sizes", .list(1...8, of: 16...16384), "profile to the image's sides in pixels") var sizes: FreeKeys<[Int]>
    @Key("footnotes", .list(0...32, of: .any), default: .empty, "profile to what the caption says at its end")
    var footnotes: FreeKeys<[String]>
  }
}

extension RecipeLibrary {
  /// Reads a study's figure.
  /// - Throws: `RecipeError`, `YAMLError`.
  public func figure(_ path: String) throws -> StudyFigure {
    let file = try locate(path, from: nil, at: nil)
    let figure = try open(file, as: StudyFigure.File.self).value
    let folder = file.url.deletingLastPathComponent()
    func recipe(_ path: Located<String>) throws -> String {
      try locate(path.value, from: folder, at: path.origin).path
    }
    return StudyFigure(
      title: figure.title, kind: figure.kind, place: figure.place, weights: try recipe(figure.weights),
      dataset: try recipe(figure.dataset), imageCase: figure.imageCase, sizes: try byProfile(figure.sizes),
      footnotes: try byProfile(figure.footnotes))
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
