import Foundation
import Imaging
import TestSupport
import Testing

/// Resampling against scikit-image and nnU-Net on small slices.
struct ResamplingTests {
  private struct Fixture: Decodable {
    struct Entry: Decodable {
      var source: [Int]
      var target: [Int]
      var values: [Double]
    }
    var cubic: [Entry]
    var labels: [Entry]
    var argmax: [Entry]
  }

  private let values = try! JSONDecoder().decode(Fixture.self, from: Data(contentsOf: fixture("resampling.json")))

  /// The numbers of the fixture script.
  private func formula(_ count: Int, seed: Int) -> [Float] {
    (0..<count).map { Float((UInt32($0 + seed) &* 2_654_435_761) >> 8) / Float(1 << 23) - 1 }
  }

  @Test func cubicSplinesEqualScikitImages() {
    for (k, entry) in values.cubic.enumerated() {
      let image = formula(entry.source[0] * entry.source[1], seed: k)
      let resampler = SliceResampler(from: (entry.source[0], entry.source[1]), to: (entry.target[0], entry.target[1]))
      var output = [Float](repeating: 0, count: entry.values.count)
      var scratch: [Float] = []
      resampler.resample(image, into: &output, clampedTo: image.min()!...image.max()!, scratch: &scratch)
      let worst = zip(output, entry.values).map { abs(Double($0) - $1) }.max()!
      #expect(worst < 1e-6, "\(entry.source) to \(entry.target)")
    }
  }

  @Test func labelsEqualNNUNetsTiesIncluded() {
    for (k, entry) in values.labels.enumerated() {
      let labels = formula(entry.source[0] * entry.source[1], seed: 50 + k).map {
        Int16((($0 + 1) * 2).rounded(.down)) - 1
      }
      let resampler = LinearSliceResampler(
        from: (entry.source[0], entry.source[1]), to: (entry.target[0], entry.target[1]))
      var output = [Int16](repeating: 0, count: entry.values.count)
      resampler.labels(labels, into: &output)
      #expect(output.map { Double($0) } == entry.values, "\(entry.source) to \(entry.target)")
    }
  }

  @Test func greatestClassesEqualNNUNetsTiesIncluded() {
    for (k, entry) in values.argmax.enumerated() {
      let area = entry.source[0] * entry.source[1]
      let scores = formula(5 * area, seed: 100 + k).map { ($0 * 4).rounded(.toNearestOrEven) / 4 }
      let resampler = LinearSliceResampler(
        from: (entry.source[0], entry.source[1]), to: (entry.target[0], entry.target[1]))
      var output = [Int16](repeating: 0, count: entry.values.count)
      var scratch: [Float] = []
      resampler.greatestClass(scores, classes: 5, classStride: area, into: &output, scratch: &scratch)
      #expect(output.map { Double($0) } == entry.values, "\(entry.source) to \(entry.target)")
    }
  }

  @Test func aConstantStaysConstantAndRangesHold() {
    let resampler = SliceResampler(from: (5, 40), to: (13, 17))
    var output = [Float](repeating: 0, count: 13 * 17)
    var scratch: [Float] = []
    resampler.resample([Float](repeating: 3.5, count: 200), into: &output, clampedTo: -10...10, scratch: &scratch)
    #expect(output.allSatisfy { abs($0 - 3.5) < 1e-5 })
    let image = formula(200, seed: 3)
    resampler.resample(image, into: &output, clampedTo: -0.25...0.25, scratch: &scratch)
    #expect(output.allSatisfy { $0 >= -0.25 && $0 <= 0.25 } && output.contains(0.25))
  }

  @Test func anAxisKeptApartTakesNearestSamples() {
    let image = formula(6 * 10, seed: 1)
    var output = [Float](repeating: 0, count: 9 * 10)
    var scratch: [Float] = []
    let resampler = SliceResampler(from: (6, 10), to: (9, 10), y: .nearest, x: .cubic)
    resampler.resample(image, into: &output, clampedTo: -10...10, scratch: &scratch)
    let nearest = ResamplingPosition.nearest(inputs: 6, outputs: 9)
    // Centres at -1/6, 1/2, 7/6, ...: halves go up.
    #expect(nearest == [0, 1, 1, 2, 3, 3, 4, 5, 5])
    for y in 0..<9 { for x in 0..<10 { #expect(abs(output[y * 10 + x] - image[nearest[y] * 10 + x]) < 1e-5) } }
  }
}
