import Datasets
import Files
import Recipes

/// Where a paper and the code its authors published differ, and which of the two runs.
public struct DeviationsReport: Sendable {
  public let deviations: [Deviation]

  public init(_ deviations: [Deviation]) { self.deviations = deviations }

  private static let columns = [
    "topic", "paper", "paper_place", "code", "code_place", "default", "reason", "keys", "switch",
  ]

  private var lines: [[String]] {
    deviations.map {
      [
        $0.topic, $0.paper.value, $0.paper.place, $0.code.value, $0.code.place, $0.standard.rawValue, $0.reason,
        $0.keys.joined(separator: ", "), Self.text($0.change),
      ]
    }
  }

  private static func text(_ change: Deviation.Switch) -> String {
    switch change {
    case .fidelity(let recipe?): "--fidelity, as in \(recipe)"
    case .fidelity(nil): "--fidelity"
    case .none(let because): "none: \(because)"
    }
  }

  /// As Markdown.
  public func markdown() -> String {
    var table = MarkdownTable([
      ("#", .right), ("Topic", .left), ("The paper", .left), ("The published code", .left), ("Runs", .left),
      ("Why", .left), ("Recipe keys", .left), ("Switch", .left),
    ])
    for (index, line) in lines.enumerated() {
      table.append([
        "\(index + 1)", line[0], "\(line[1]) (\(line[2]))", "\(line[3]) (\(line[4]))", line[5], line[6], line[7],
        line[8],
      ])
    }
    return "# Where the paper and its published code differ\n\n" + table.text
      + "\nWhat runs is the default; where the last column says so, `--fidelity paper` or `--fidelity code` takes the other.\n"
  }

  public func csv() -> String { CSV.text([Self.columns] + lines) }

  public func json() -> String {
    JSONValue.array(
      lines.map { line in .object(zip(Self.columns, line).map { JSONValue.Member($0, .string($1)) }) }
    ).text()
  }
}
