import Files
import Foundation
import Random
import Reporting
import Tensors
import Testing

@Suite struct FeatureMapTests {
  /// Vectors along two axes of different spread, and a third without: the directions are the axes, in order.
  @Test func principalComponentsOfAxes() {
    var random = CounterRandom(seed: 4, purpose: "principal components test")
    var values: [Float] = []
    for _ in 0..<400 {
      values.append(Float(3 * random.normal() + 7))
      values.append(Float(0.1 * random.normal()))
      values.append(Float(random.normal() - 2))
    }
    let principal = PrincipalComponents(of: Tensor(values, shape: [400, 3]), count: 3)
    for (direction, axis) in zip(principal.directions, [0, 2, 1]) { #expect(direction[axis] > 0.99) }
    for column in 0..<3 {
      var mean = 0.0
      for row in 0..<400 { mean += Double(values[3 * row + column]) / 400 }
      #expect(abs(principal.mean[column] - mean) < 1e-5)
    }
    // The shares are the eigenvalues over the trace of the sample's own covariance.
    #expect(abs(principal.shares.reduce(0, +) - 1) < 1e-5)
    #expect(principal.shares[0] > 0.85 && principal.shares[1] > 0.05 && principal.shares[2] < 0.01)
    for (index, a) in principal.directions.enumerated() {
      for (other, b) in principal.directions.enumerated() {
        var dot = index == other ? -1.0 : 0
        for (x, y) in zip(a, b) { dot += x * y }
        #expect(abs(dot) < 1e-9)
      }
    }
  }

  @Test func similarityIsTheCosine() {
    let features = Tensor([1, 0, 2, 0, 0, 3, -1, 0] as [Float], shape: [2, 2, 2])
    let map = FeatureMaps.similarity(features, to: (row: 0, column: 1))
    // The second patch points as the first does, the third at right angles, the fourth the other way.
    let expected: [Double] = [1, 1, 0, -1]
    #expect(zip(map.values, expected).allSatisfy { abs($0 - $1) < 1e-6 })
  }

  @Test func otsuPartsTwoHeaps() {
    let dark = (0..<60).map { Double(10 + $0 % 7) }
    let bright = (0..<40).map { Double(80 + $0 % 9) }
    let threshold = FeatureMaps.otsu(dark + bright)
    #expect(threshold > 16 && threshold < 80)
    #expect(FeatureMaps.otsu([5, 5, 5]) < 5)
    // A bright square on black, patches of 4.
    let image = Tensor(shape: [1, 1, 16, 16], of: Float.self) { values in
      for y in 4..<12 { for x in 8..<16 { values[y * 16 + x] = 1 } }
    }
    let foreground = FeatureMaps.foreground(image, patch: 4)
    #expect(foreground.values.indices.filter { foreground.values[$0] } == [6, 7, 10, 11])
  }

  /// A colour means the same in each map, and the background is black.
  @Test func componentsShareTheirColours() {
    var random = CounterRandom(seed: 5, purpose: "components test")
    let values = (0..<4 * 4 * 6).map { _ in Float(random.normal()) }
    let features = Tensor(values, shape: [4, 4, 6])
    let most = PatchGrid(rows: 4, columns: 4, values: (0..<16).map { $0 != 5 })
    let some = PatchGrid(rows: 4, columns: 4, values: (0..<16).map { $0 < 8 })
    let (colours, shares) = FeatureMaps.components([(features, most), (features, some)])
    #expect(colours[0].values[5] == Colour(0, 0, 0) && colours[1].values[12] == Colour(0, 0, 0))
    for place in 0..<8 where place != 5 { #expect(colours[0].values[place] == colours[1].values[place]) }
    #expect(shares.count == 3 && shares == shares.sorted(by: >))
    #expect(shares.reduce(0, +) < 1)
  }
}
