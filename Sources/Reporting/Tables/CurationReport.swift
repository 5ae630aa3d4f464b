import Datasets
import Foundation

/// What a collection of slices took from each of its sources.
public struct CurationReport {
  public let sources: [SliceSourceReport]
  /// How many slices the published collection has.
  public let expectedSlices: Int?

  public init(sources: [SliceSourceReport], expectedSlices: Int?) {
    self.sources = sources
    self.expectedSlices = expectedSlices
  }

  /// A table in Markdown, then what was refused and why, then the check of the total.
  public func text() -> String {
    var table = MarkdownTable([
      ("Source", .left), ("Published volumes", .right), ("Found", .right), ("Refused", .right), ("Slices", .right),
      ("Duplicates", .right), ("Taken", .right),
    ])
    for source in sources {
      table.append([
        source.name, source.expectedVolumes.map(String.init) ?? "",
        source.isPresent ? "\(source.volumes)" : "no folder",
        "\(source.refused.count)", "\(source.slices)", "\(source.duplicates)", "\(source.taken)",
      ])
    }
    let slices = sources.reduce(0) { $0 + $1.slices }
    let taken = sources.reduce(0) { $0 + $1.taken }
    table.append([
      "all", "", "\(sources.reduce(0) { $0 + $1.volumes })", "\(sources.reduce(0) { $0 + $1.refused.count })",
      "\(slices)", "\(sources.reduce(0) { $0 + $1.duplicates })", "\(taken)",
    ])
    var text = table.text
    let refusals = sources.flatMap { source in source.refused.map { "- \(source.name): \($0)\n" } }
    if !refusals.isEmpty { text += "\nRefused:\n\n" + refusals.joined() }
    if let expectedSlices {
      let share = String(format: "%.2f", 100 * Double(slices) / Double(expectedSlices))
      text += "\nThe published collection has \(expectedSlices) slices: \(slices) were found here (\(share) %)"
      text += ", \(taken) without duplicates.\n"
    }
    return text
  }

  /// The sources' reports, the published number and the totals.
  public func json() throws -> String {
    struct Document: Codable {
      let sources: [SliceSourceReport]
      let expectedSlices: Int?
      let slices: Int
      let taken: Int
    }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
    let document = Document(
      sources: sources, expectedSlices: expectedSlices, slices: sources.reduce(0) { $0 + $1.slices },
      taken: sources.reduce(0) { $0 + $1.taken })
    return String(decoding: try encoder.encode(document), as: UTF8.self) + "\n"
  }
}
