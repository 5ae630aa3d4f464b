import Experiments
import Files

/// A run's learning curves: the losses above, the pseudo-Dice below.
public enum LearningCurves {
  /// Draws the curves of one run over its epochs.
  public static func picture(_ curve: [CurvePoint], title: String) -> PNGImage {
    func line(_ name: String, _ value: (CurvePoint) -> Double?) -> LineChart.Line? {
      let points = curve.map { (x: Double($0.epoch + 1), y: value($0) ?? .nan) }
      return points.contains { $0.y.isFinite } ? LineChart.Line(name: name, points: points) : nil
    }
    let losses = LineChart(
      title: title, horizontalTitle: "epoch", verticalTitle: "loss (Dice + cross-entropy)",
      lines: [line("training", \.trainingLoss), line("validation", \.validationLoss)].compactMap { $0 })
    let dice = LineChart(
      title: "", horizontalTitle: "epoch", verticalTitle: "pseudo-Dice on validation patches",
      lines: [line("epoch", \.pseudoDice), line("moving average", \.smoothedPseudoDice)].compactMap { $0 })
    return stacked([losses, dice])
  }

  /// Draws one score of several runs in one chart, such as the smoothed pseudo-Dice of a table's rows.
  public static func comparison(
    _ runs: [(name: String, curve: [CurvePoint])], title: String, value: (CurvePoint) -> Double?, named: String
  ) -> PNGImage {
    let lines = runs.map { run in
      LineChart.Line(name: run.name, points: run.curve.map { (x: Double($0.epoch + 1), y: value($0) ?? .nan) })
    }
    let chart = LineChart(title: title, horizontalTitle: "epoch", verticalTitle: named, lines: lines)
    return chart.picture(width: 720, height: 380 + 20 * lines.count)
  }

  static func stacked(_ charts: [LineChart]) -> PNGImage {
    let (width, height) = (max(720, Canvas.width(of: charts[0].title) + 24), 420)
    let shown = charts.filter { !$0.lines.isEmpty }
    var canvas = Canvas(width: width, height: height * max(shown.count, 1))
    for (index, chart) in shown.enumerated() {
      chart.draw(on: &canvas, x: 0, y: index * height, width: width, height: height)
    }
    return canvas.picture
  }
}
