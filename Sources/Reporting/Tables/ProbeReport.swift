import Evaluation
import Experiments
import Foundation
import Recipes

/// What a linear probe sees in the weights that a table's rows start from, over several seeds of their last pretraining.
public struct ProbeReport {
  public struct Row: Sendable {
    public let title: String
    /// One for each seed.
    public let scores: [EncoderProbe.Scores]
    /// How the row's recipe stands to the paper's; nil where that is not known. The paper probes nothing.
    public let scale: PaperScale?

    public init(title: String, scores: [EncoderProbe.Scores], scale: PaperScale? = nil) {
      self.title = title
      self.scores = scores
      self.scale = scale
    }

    /// Over the seeds, in percent.
    var means: [Double] { scores.map { 100 * $0.mean } }
  }

  public let title: String
  public let profile: String
  public let seeds: [UInt64]
  public let rows: [Row]
  /// What the maps' bits depend on.
  public let basis: ComputeBasis

  public init(title: String, profile: String, seeds: [UInt64], rows: [Row], basis: ComputeBasis) {
    precondition(rows.allSatisfy { $0.scores.count == seeds.count } && !seeds.isEmpty, "a score for each seed")
    self.title = title
    self.profile = profile
    self.seeds = seeds
    self.rows = rows
    self.basis = basis
  }

  /// Markdown: the mean average precision of each row, its spread over the seeds and the step from the row above, then every class.
  public func markdown() -> String {
    var text = "# A linear probe of \(title)\n\n"
    text +=
      "Profile: \(profile). A linear map, fitted by ridge regression to the classes of the training cases' patches, from "
    text +=
      "each frozen encoder's patch tokens (of the last block of each quarter, side by side); scored by the average precision "
    text +=
      "of each class over the patches of the validation cases, in percent, and the mean over the classes (a score that says "
    text += "nothing has the class's share of the patches). Seeds of the last pretraining before each "
    text += "row: \(seeds.map(String.init).joined(separator: ", ")); ± is their standard deviation.\n\n"
    var table = MarkdownTable([("#", .right), ("Encoder", .left), ("Average precision", .right), ("Step", .right)])
    for (index, row) in rows.enumerated() {
      var step = ""
      if index > 0 {
        let steps = zip(row.means, rows[index - 1].means).map { $0 - $1 }
        step = Self.text(steps, signed: true)
      }
      table.append(["\(index + 1)", row.title, Self.text(row.means, signed: false), step])
    }
    text += table.text
    if seeds.count < RequiredEvidence.minimumSeeds {
      text += "\nNo step is decided here: one seed says nothing of what another would give.\n"
    }
    text += basisList
    var classes = MarkdownTable([("Class", .left)] + rows.indices.map { ("Row \($0 + 1)", .right) })
    for (place, entry) in rows[0].scores[0].classes.enumerated() {
      classes.append(
        [entry.name]
          + rows.map { row in
            let mean = ClassAverage.mean(row.scores.map { $0.classes[place].averagePrecision })
            return mean.map(NumberText.percent) ?? ""
          })
    }
    return text + "\n" + classes.text
  }

  /// What rows rest on, each sentence with the rows that it is true of.
  private var basisList: String {
    var lines: [(text: String, rows: [Int])] = []
    func add(_ text: String, _ row: Int) {
      if let place = lines.firstIndex(where: { $0.text == text }) {
        lines[place].rows.append(row)
      } else {
        lines.append((text, [row]))
      }
    }
    for (index, row) in rows.enumerated() {
      for change in row.scale?.overrides ?? [] { add(change.text, index + 1) }
      var said: Set<String> = []
      for scores in row.scores {
        let extent = scores.extent
        var text = "the map: \(basis.text); \(extent.trainingCases ?? 0) training and "
        text += "\(extent.validationCases ?? 0) validation cases"
        for start in scores.startingRuns where start.basis != basis {
          text += "; the pretraining \(start.identity.prefix(10)) ran with \(start.basis.text)"
        }
        if said.insert(text).inserted { add(text, index + 1) }
      }
    }
    return "\nWhat the rows rest on:\n\n"
      + lines.map { "- \(RowNames.text($0.rows, of: rows.count)): \(MarkdownTable.plain($0.text))\n" }.joined()
  }

  private static func text(_ values: [Double], signed: Bool) -> String {
    let spread = SeedSpread(values)
    let mean = signed ? NumberText.signed(spread.mean) : NumberText.decimals(spread.mean, 2)
    return mean + (spread.standardDeviation.map { " ± " + NumberText.decimals($0, 2) } ?? "")
  }
}
