import Experiments
import Files
import Reporting
import Testing

@Suite("Charts")
struct ChartTests {
  @Test(
    "an axis spans its values with few round ticks",
    arguments: [
      ([0.13, 0.87], ["0.1", "0.2", "0.3", "0.4", "0.5", "0.6", "0.7", "0.8", "0.9"]),
      ([-0.72, 1.4], ["-0.8", "-0.6", "-0.4", "-0.2", "0.0", "0.2", "0.4", "0.6", "0.8", "1.0", "1.2", "1.4"]),
      ([1, 60], ["0", "10", "20", "30", "40", "50", "60"]),
      ([120, 200], ["120", "130", "140", "150", "160", "170", "180", "190", "200"]),
    ])
  func axis(values: [Double], labels: [String]) {
    let axis = Axis(values)
    #expect(axis.lower <= values.min()! && axis.upper >= values.max()!)
    #expect((3...12).contains(axis.ticks.count))
    #expect(axis.ticks.first == axis.lower)
    #expect(abs(axis.ticks.last! - axis.upper) < 1e-9)
    #expect(axis.ticks.map(axis.label) == labels)
  }

  @Test("an axis of one value, of none or of extreme ones still has a length")
  func degenerateAxis() {
    for values in [[], [0.5], [7, 7, 7], [0, 0], [-1e29, 1e29], [1e-14, 2e-14]] {
      let axis = Axis(values)
      #expect(axis.lower < axis.upper)
      #expect(axis.ticks.count >= 2 && axis.ticks.count <= 101)
    }
  }

  @Test("every character has its own drawing, and an unknown one is a box")
  func font() {
    let characters = (32..<127).map { Character(UnicodeScalar($0)) }
    let drawings = characters.map { BitmapFont.rows(of: $0) }
    #expect(Set(drawings).count == characters.count)
    #expect(drawings.enumerated().allSatisfy { $0.offset == 0 || $0.element.contains { $0 != 0 } })
    #expect(BitmapFont.rows(of: "L") == [0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x1f, 0, 0])
    #expect(BitmapFont.rows(of: "é") == BitmapFont.rows(of: "語"))
  }

  @Test("a rising line is drawn from the lower left to the upper right, and gaps stay open")
  func line() throws {
    let points = (0...100).map { (x: Double($0), y: $0 == 50 ? Double.nan : Double($0)) }
    let picture = LineChart(
      title: "t", horizontalTitle: "x", verticalTitle: "y", lines: [LineChart.Line(name: "a", points: points)]
    ).picture(width: 400, height: 300)
    // The line's own colour, below the legend's swatch.
    var places: [(x: Int, y: Int)] = []
    for y in 80..<picture.height {
      for x in 0..<picture.width {
        let pixel = picture.pixels[3 * (y * picture.width + x)..<3 * (y * picture.width + x) + 3]
        if Array(pixel) == [228, 60, 60] { places.append((x, y)) }
      }
    }
    let first = try #require(places.min { $0.x < $1.x })
    let last = try #require(places.max { $0.x < $1.x })
    #expect(last.x - first.x > 250 && first.y - last.y > 100)
    // On the diagonal between its ends, but for the gap in the middle.
    let slope = Double(last.y - first.y) / Double(last.x - first.x)
    #expect(places.allSatisfy { abs(Double(first.y) + slope * Double($0.x - first.x) - Double($0.y)) < 4 })
    let middle = (first.x + last.x) / 2
    #expect(!places.contains { $0.x == middle })
    #expect(places.contains { $0.x == middle + 10 } && places.contains { $0.x == middle - 10 })
  }

  @Test("equal curves give equal pictures; a curve without validation has only the loss")
  func curves() {
    let curve = (0..<20).map { CurvePoint(epoch: $0, trainingLoss: 1 / Double($0 + 1), pseudoDice: Double($0) / 20) }
    #expect(LearningCurves.picture(curve, title: "run") == LearningCurves.picture(curve, title: "run"))
    let losses = curve.map { CurvePoint(epoch: $0.epoch, trainingLoss: $0.trainingLoss) }
    #expect(
      LearningCurves.picture(losses, title: "run").height * 2 == LearningCurves.picture(curve, title: "run").height)
    _ = LearningCurves.picture([], title: "nothing")
  }
}
