import Evaluation
import Experiments
import Foundation
import Pretraining

/// A run's curves and scores as dashboards hold them: named series of values by step. What is undefined is left out.
public struct RunSeries: Sendable {
  public struct Point: Sendable, Equatable {
    /// An epoch or an iteration, from 1.
    public let step: Int
    /// When it ended.
    public let time: Date
    public let value: Double
  }

  /// Names such as `loss/training`, in the order of their first step.
  public let series: [(name: String, points: [Point])]
  public let start: Date
  public let end: Date

  /// - Parameter end: when the run ended. Its record keeps how long each epoch took, not when that was.
  public init(_ record: RunRecord, end: Date) {
    self.end = end
    let seconds = record.description.seconds
    start = end.addingTimeInterval(-seconds.values.sorted().reduce(0, +))
    let trained = start.addingTimeInterval(seconds["prepare"] ?? 0)
    var series: [(name: String, points: [Point])] = []
    func add(_ name: String, _ points: [(step: Int, time: Date, value: Double?)]) {
      let defined = points.compactMap { point in
        point.value.flatMap { $0.isFinite ? Point(step: point.step, time: point.time, value: $0) : nil }
      }
      if !defined.isEmpty { series.append((name, defined)) }
    }
    let epochs = record.curves.epochs
    var elapsed = 0.0
    let times = epochs.map { point in
      elapsed += point.seconds
      return min(trained.addingTimeInterval(elapsed), end)
    }
    func curve(_ name: String, _ value: (CurvePoint) -> Double?) {
      add(name, zip(epochs, times).map { ($0.epoch + 1, $1, value($0)) })
    }
    curve("loss/training") { $0.trainingLoss }
    curve("loss/validation") { $0.validationLoss }
    curve("pseudo-Dice/mean") { $0.pseudoDice }
    curve("pseudo-Dice/smoothed") { $0.smoothedPseudoDice }
    if case .training(_, let classes) = record.curves {
      for (index, name) in classes.enumerated() { curve("pseudo-Dice/\(name)") { $0.classDice[index] } }
    }
    curve("seconds per epoch") { $0.seconds }
    let records = record.curves.records
    for (column, name) in PretrainingRecord.columns.enumerated().dropFirst() {
      add(
        "pretraining/\(name)",
        records.enumerated().map { index, item in
          let share = Double(index + 1) / Double(records.count)
          return (
            item.iterations, trained.addingTimeInterval(end.timeIntervalSince(trained) * share), item.values[column]
          )
        })
    }
    if let scores = record.metrics?.scores {
      for score in Score.allCases {
        add("\(score.rawValue)/mean", [(epochs.count, end, scores.mean(score))])
        for (name, value) in zip(scores.classes, scores.classMeans(score)) {
          add("\(score.rawValue)/\(name)", [(epochs.count, end, value)])
        }
      }
    }
    self.series = series
  }
}
