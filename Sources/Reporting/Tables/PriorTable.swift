import Evaluation
import Experiments

/// What the predictors without a network score, and which rows score below them.
extension TableReport {
  /// The predictors of a data set, with the rows on whose cases and rules they were scored; rows of other folds have others.
  func baselineGroups(_ index: Int) -> [(baselines: [PredictorScores], rows: [TableRow])] {
    var groups: [(baselines: [PredictorScores], rows: [TableRow])] = []
    for row in rows where row.results[index].scores != nil && !row.results[index].baselines.isEmpty {
      if let place = groups.firstIndex(where: { $0.baselines == row.results[index].baselines }) {
        groups[place].rows.append(row)
      } else {
        groups.append((row.results[index].baselines, [row]))
      }
    }
    return groups
  }

  /// The predictors' means, then a sentence for each row that is below one of them; empty when nothing has run.
  func blindPredictors(_ index: Int) -> String {
    let groups = baselineGroups(index)
    guard !groups.isEmpty else { return "" }
    var table = MarkdownTable([("Predictor without a network", .left), ("DSC", .right), ("NSD", .right)])
    for group in groups {
      for baseline in group.baselines {
        table.append(
          [Self.name(baseline, of: group.rows, isAlone: groups.count == 1)]
            + Score.allCases.map { baseline.scores.mean($0).map(NumberText.percent) ?? "undefined" })
      }
    }
    let below = rows.compactMap { row -> String? in
      let result = row.results[index]
      let names = result.baselinesAbove(.dsc).map { baseline in
        "\(baseline.name) (\(NumberText.percent(baseline.scores.mean(.dsc)!)))"
      }
      guard !names.isEmpty, let mean = result.scores?.mean(.dsc) else { return nil }
      return "Row \(row.number) (\(NumberText.percent(mean))) scores below \(Self.list(names))."
    }
    return "\n\(table.text)\n"
      + (below.isEmpty
        ? "No row scores below one of these predictors in DSC.\n" : "**In DSC:** \(below.joined(separator: " "))\n")
  }

  /// What the predictors know and how they decide, for the explanation under the tables.
  var blindPredictorsNote: String? {
    guard datasets.indices.contains(where: { !baselineGroups($0).isEmpty }) else { return nil }
    return
      "The predictors without a network look at one voxel at a time. The first four see no image and know where the training "
      + "cases' labels lie, on 16 × 48 × 48 places of the volume (height, rows, columns), or on 48 × 48 without the "
      + "height; those by intensity know the labels of 64 ranges of intensity with equally many voxels, or of 16 "
      + "ranges on 8 × 16 × 16 places (of more than 24 training cases, every so-many-th is read). Majority predicts the label that most "
      + "voxels of a place have; thresholds a label whose share of them reaches a threshold, chosen for each class so "
      + "that its mean Dice over the training cases is greatest, and of several such labels the one with the greatest "
      + "share over its threshold. Predicting background everywhere scores 0 in every class."
  }

  static func name(_ baseline: PredictorScores, of rows: [TableRow], isAlone: Bool) -> String {
    isAlone
      ? baseline.name
      : "\(baseline.name) (row\(rows.count == 1 ? "" : "s") \(rows.map { "\($0.number)" }.joined(separator: ", ")))"
  }

  private static func list(_ names: [String]) -> String {
    names.count < 2 ? names.joined() : names.dropLast().joined(separator: ", ") + " and " + names.last!
  }
}

extension TableResult {
  /// The predictors without a network whose mean is above the row's.
  func baselinesAbove(_ score: Score) -> [PredictorScores] {
    guard let mean = scores?.mean(score) else { return [] }
    return baselines.filter { baseline in baseline.scores.mean(score).map { $0 > mean } ?? false }
  }
}
