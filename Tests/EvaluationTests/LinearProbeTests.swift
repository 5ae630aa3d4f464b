import Evaluation
import Random
import Tensors
import TestSupport
import Testing

@Suite struct LinearProbeTests {
  private func features(_ rows: Int, _ width: Int) -> [[Double]] {
    var random = CounterRandom(seed: 2, purpose: "probe test")
    return (0..<rows).map { _ in (0..<width).map { _ in random.normal() + 0.3 } }
  }

  private func tensor(_ rows: [[Double]]) -> Tensor {
    Tensor(rows.flatMap { $0.map { Float($0) } }, shape: [rows.count, rows[0].count])
  }

  /// At the minimum of the penalised mean squared error its gradient is zero: mean of x (f(x) - y), and penalty times weight.
  @Test func theFitIsTheMinimum() throws {
    let (width, classes, penalty) = (5, 3, 0.02)
    let rows = features(60, width)
    let labels = rows.map { (row: [Double]) -> Int in row[0] > 0.6 ? 2 : row[1] * row[2] > 0 ? 1 : 0 }
    var probe = LinearProbe(width: width, classes: classes)
    // In two parts, as a probe sees slice after slice.
    probe.add(tensor(Array(rows[..<25])), labels: Array(labels[..<25]))
    probe.add(tensor(Array(rows[25...])), labels: Array(labels[25...]))
    let (weight, bias) = try #require(probe.fit(penalty: penalty))
    let (w, b) = (weight.values(as: Float.self).map(Double.init), bias.values(as: Float.self).map(Double.init))
    for c in 0..<classes {
      var residuals: [Double] = []
      for (row, label) in zip(rows, labels) {
        var score = b[c]
        for index in 0..<width { score += w[c * width + index] * row[index] }
        residuals.append(score - (label == c ? 1 : 0))
      }
      #expect(abs(residuals.reduce(0, +) / 60) < 1e-5)
      for index in 0..<width {
        var gradient: Double = penalty * w[c * width + index]
        for (row, residual) in zip(rows, residuals) { gradient += row[index] * residual / 60 }
        #expect(abs(gradient) < 1e-5)
      }
    }
  }

  @Test func whatIsLinearIsFound() throws {
    let rows = features(200, 4)
    let labels = rows.map { (row: [Double]) -> Int in row[3] > row[1] ? 1 : 0 }
    var probe = LinearProbe(width: 4, classes: 2)
    probe.add(tensor(rows), labels: labels)
    let (weight, bias) = try #require(probe.fit(penalty: 1e-6))
    let scores = linear(tensor(rows), weight: weight, bias: bias).values(as: Float.self)
    var right = 0
    for (row, label) in labels.enumerated() where (scores[2 * row + 1] > scores[2 * row]) == (label == 1) { right += 1 }
    #expect(right >= 190, "\(right) of 200")
  }

  /// scikit-learn's average_precision_score of the same scores, and closed forms.
  @Test func averagePrecision() throws {
    func value(_ scores: [Float], _ positive: [Bool]) -> Double? {
      var precision = AveragePrecision(scores: -1...2)
      for (score, isPositive) in zip(scores, positive) { precision.add(score, isPositive: isPositive) }
      return precision.value
    }
    let mixed = try #require(value([0.9, 0.8, 0.7], [true, false, true]))
    #expect(abs(mixed - 5.0 / 6) < 1e-12)
    let known = try #require(value([0.1, 0.4, 0.35, 0.8], [false, false, true, true]))
    #expect(abs(known - 0.8333333333) < 1e-9)
    #expect(value([0.2, 0.3, 0.9], [false, false, true]) == 1)
    // Nothing said: the share of positives. Beyond the range: as its end.
    #expect(value([0.5, 0.5, 0.5, 0.5], [true, false, false, false]) == 0.25)
    #expect(value([9, 3, -4], [true, true, false]) == 1)
    #expect(value([0.5], [false]) == nil)
    #expect(value([.nan, 0.5], [false, true]) == 1)
  }

  @Test func nothingHasNoMap() { #expect(LinearProbe(width: 2, classes: 2).fit() == nil) }
}
