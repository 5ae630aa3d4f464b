import Evaluation
import Tensors
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
  @Test func theFitIsTheMinimum() {
    let (width, classes, penalty) = (5, 3, 0.02)
    let rows = features(60, width)
    let labels = rows.map { $0[0] > 0.6 ? 2 : $0[1] * $0[2] > 0 ? 1 : 0 }
    var probe = LinearProbe(width: width, classes: classes)
    // In two parts, as a probe sees slice after slice.
    probe.add(tensor(Array(rows[..<25])), labels: Array(labels[..<25]))
    probe.add(tensor(Array(rows[25...])), labels: Array(labels[25...]))
    let (weight, bias) = probe.fit(penalty: penalty)
    let (w, b) = (weight.values(as: Float.self).map(Double.init), bias.values(as: Float.self).map(Double.init))
    for c in 0..<classes {
      let residuals = zip(rows, labels).map { row, label in
        row.indices.reduce(b[c]) { $0 + w[c * width + $1] * row[$1] } - (label == c ? 1 : 0)
      }
      #expect(abs(residuals.reduce(0, +) / 60) < 1e-5)
      for index in 0..<width {
        let gradient = zip(rows, residuals).reduce(0) { $0 + $1.0[index] * $1.1 } / 60 + penalty * w[c * width + index]
        #expect(abs(gradient) < 1e-5)
      }
    }
  }

  @Test func whatIsLinearIsFound() {
    let rows = features(200, 4)
    let labels = rows.map { $0[3] - $0[1] > 0 ? 1 : 0 }
    var probe = LinearProbe(width: 4, classes: 2)
    probe.add(tensor(rows), labels: labels)
    let (weight, bias) = probe.fit(penalty: 1e-6)
    let scores = linear(tensor(rows), weight: weight, bias: bias).values(as: Float.self)
    let right = labels.indices.filter { (scores[2 * $0 + 1] > scores[2 * $0]) == (labels[$0] == 1) }.count
    #expect(right >= 190, "\(right) of 200")
  }
}
