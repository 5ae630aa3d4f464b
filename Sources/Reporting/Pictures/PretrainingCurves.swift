import Experiments
import Files

/// What a pretraining was like, to be watched: its losses, and the signs in which a collapse shows first.
public enum PretrainingCurves {
  /// Draws the curves of a pretraining run over its iterations.
  public static func picture(_ record: RunRecord) -> PNGImage {
    func curve(_ name: String) -> [Double] { record.curves.first { $0.name == name }?.values ?? [] }
    let iterations = curve("iterations")
    func line(_ name: String) -> LineChart.Line? {
      let points = Array(zip(iterations, curve(name))).map { (x: $0, y: $1) }
      // A loss that is not taken is 0 throughout.
      return points.contains { $0.y != 0 } ? LineChart.Line(name: name, points: points) : nil
    }
    func chart(_ title: String, _ vertical: String, _ names: String...) -> LineChart {
      LineChart(
        title: title, horizontalTitle: "iteration", verticalTitle: vertical, lines: names.compactMap(line))
    }
    return LearningCurves.stacked([
      chart(record.description.title, "losses before their factors", "view loss", "masked loss"),
      chart("", "regularisers", "KoLeo loss", "Gram loss"),
      chart("", "nats: the entropy of the teacher's targets", "teacher entropy"),
      chart("", "directions in which the teacher's patch tokens vary", "token rank"),
      chart("", "all gradients before clipping", "gradient norm"),
      chart("", "schedule", "learning rate"),
    ])
  }
}
