import Experiments
import Files
import Pretraining

/// What a pretraining was like, to be watched: its losses, and the signs in which a collapse shows first.
public enum PretrainingCurves {
  /// Draws the curves of a pretraining run over its iterations.
  public static func picture(_ record: RunRecord) -> PNGImage {
    let records = record.curves.records
    func line(_ name: String, _ value: (PretrainingRecord) -> Double) -> LineChart.Line? {
      let points = records.map { (x: Double($0.iterations), y: value($0)) }
      // A loss that is not taken is 0 throughout.
      return points.contains { $0.y != 0 } ? LineChart.Line(name: name, points: points) : nil
    }
    func chart(_ title: String, _ vertical: String, _ lines: LineChart.Line?...) -> LineChart {
      LineChart(title: title, horizontalTitle: "iteration", verticalTitle: vertical, lines: lines.compactMap { $0 })
    }
    return LearningCurves.stacked([
      chart(
        record.description.title, "losses before their factors", line("view loss", \.viewLoss),
        line("masked loss", \.maskedLoss)),
      chart("", "regularisers", line("KoLeo loss", \.koLeoLoss), line("Gram loss", \.gramLoss)),
      chart("", "nats: the entropy of the teacher's targets", line("teacher entropy", \.teacherEntropy)),
      chart("", "directions in which the teacher's patch tokens vary", line("token rank", \.tokenRank)),
      chart("", "all gradients before clipping", line("gradient norm", \.gradientNorm)),
      chart("", "schedule", line("learning rate", \.learningRate)),
    ])
  }
}
