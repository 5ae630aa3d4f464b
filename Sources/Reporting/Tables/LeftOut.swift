import Datasets
import Evaluation
import Experiments

/// What a row's means are over and what they leave out, over all of its runs.
extension TableResult {
  /// One for each class, summed over the runs; nil when there is none.
  var classCounts: [ClassCounts]? {
    let counts = runs.map(\.evaluation.classCounts)
    return counts.first.map { first in counts.dropFirst().reduce(first) { zip($0, $1).map { $0 + $1 } } }
  }

  /// The mean over the runs, in mm; nil where it is undefined.
  var hd95: Double? { ClassAverage.mean(runs.map(\.evaluation.mean.hd95)) }

  /// Classes of cases that count and have no distance.
  var distancesLeftOut: Int? { classCounts?.reduce(0) { $0 + $1.counted - $1.distances } }
}

extension TableReport {
  /// The rules that every row's means follow.
  var averaging: Averaging { rows.flatMap(\.results).flatMap(\.runs).first?.averaging ?? Averaging() }

  /// For each row the classes that were predicted where they are absent, those that were missed, and HD95; empty where
  /// nothing has run.
  func leftOut(_ index: Int) -> String {
    let counted = rows.compactMap { row in row.results[index].classCounts.map { (row, $0) } }
    guard !counted.isEmpty else { return "" }
    var table = MarkdownTable([
      ("#", .right), ("Absent, yet predicted \(averaging.absent == .zero ? "(0)" : "(left out)")", .left),
      ("Present, not predicted", .left), ("HD95 mm", .right), ("Left out of HD95", .right),
    ])
    for (row, counts) in counted {
      let result = row.results[index]
      let names = result.scores?.classes ?? []
      table.append([
        "\(row.number)", Self.list(names, counts.map(\.falsePositives)), Self.list(names, counts.map(\.missed)),
        result.hd95.map { NumberText.decimals($0, 2) } ?? "undefined", "\(result.distancesLeftOut ?? 0)",
      ])
    }
    return "\n\(table.text)"
  }

  /// The total and the classes behind it, such as "3 (liver 2, spleen 1)".
  private static func list(_ names: [String], _ counts: [Int]) -> String {
    let total = counts.reduce(0, +)
    let parts = zip(names, counts).filter { $0.1 > 0 }.map { "\($0) \($1)" }
    return total == 0 ? "0" : "\(total) (\(parts.joined(separator: ", ")))"
  }

  /// The rules in words, for the explanation under the tables.
  var averagingNotes: [String] {
    guard rows.contains(where: { $0.results.contains { $0.classCounts != nil } }) else { return [] }
    let absent =
      switch averaging.absent {
      case .exclude:
        "A case whose reference lacks a class is left out of the class's mean, also where the class was predicted "
          + "(`evaluation.absent: exclude`, the published code's rule); how often that was stands under the classes. "
          + "nnU-Net counts 0 there: `--set evaluation.absent=zero` prints the same runs so."
      case .zero:
        "A case whose reference lacks a class counts 0 in the class's mean where the class was predicted "
          + "(`evaluation.absent: zero`, nnU-Net's rule); **the published code leaves it out**, so that the published "
          + "numbers are another mean. How often that was stands under the classes."
      }
    let distance =
      switch averaging.missingDistance {
      case .exclude:
        "HD95 is the mean over the cases in which reference and prediction have the class "
          + "(`evaluation.hd95_missing: exclude`): missing an organ can improve it, so read it beside the number of "
          + "those left out; `--set evaluation.hd95_missing=diagonal` counts the image's diagonal for them."
      case .diagonal:
        "HD95 counts the image's diagonal for a case that counts and in which only one of reference and prediction has "
          + "the class (`evaluation.hd95_missing: diagonal`)."
      }
    let seeds = rows.contains { $0.results.contains { $0.runs.count > 1 } }
    return [absent, distance + (seeds ? " Counts of rows of several seeds are summed over the seeds." : "")]
  }
}
