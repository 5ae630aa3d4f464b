import Evaluation
import Foundation
import Phantoms
import TestSupport
import Testing

/// Phantoms in which neither position nor brightness says much of what a voxel belongs to.
@Suite struct TexturedPhantomTests {
  /// The size and the seed of the profile `textured`.
  private static let size = SIMD3(160, 160, 24)

  private static func cases(_ kind: PhantomKind, _ range: Range<Int>, size: SIMD3<Int>) throws -> [PhantomScan] {
    try range.map { try PhantomGenerator.scan(kind: kind, style: .textured, index: $0, seed: 1, size: size).scan }
  }

  /// The mean over the classes of the mean Dice over the cases that have the class, in percent.
  private static func mean(
    _ guesses: [[Int16]], _ scans: [PhantomScan], classes: Int
  ) -> Double {
    let means = (1...classes).compactMap { label -> Double? in
      let values = zip(guesses, scans).compactMap { guess, scan -> Double? in
        var (mine, its, both) = (0, 0, 0)
        for (a, b) in zip(guess, scan.labels) {
          mine += a == label ? 1 : 0
          its += b == label ? 1 : 0
          both += a == label && b == label ? 1 : 0
        }
        return its == 0 ? nil : 2 * Double(both) / Double(mine + its)
      }
      return values.isEmpty ? nil : values.reduce(0, +) / Double(values.count)
    }
    return 100 * means.reduce(0, +) / Double(means.count)
  }

  /// What can be had without a network from 10 cases, on 24 others: the bounds of the task.
  @Test(arguments: PhantomKind.allCases) func littleIsToldWithoutANetwork(kind: PhantomKind) throws {
    let scans = try Self.cases(kind, 0..<34, size: Self.size)
    let images = scans.map { $0.image.map(Float.init) }
    func shape(_ scan: PhantomScan) -> [Int] { [scan.size.z, scan.size.y, scan.size.x] }
    let labelCount = kind.labelNames.count + 1
    var learner = PriorLearner(
      labelCount: labelCount, intensities: images[0..<10].flatMap { $0 })
    for (scan, image) in zip(scans, images).prefix(10) { learner.learn(scan.labels, image: image, shape: shape(scan)) }
    for (rule, predictor) in learner.predictors() {
      let guesses = zip(scans, images).dropFirst(10).map { scan, image in
        predictor.prediction(shape: shape(scan), image: rule.seesImage ? image : [])
      }
      let score = Self.mean(guesses, Array(scans.dropFirst(10)), classes: labelCount - 1)
      print("\(kind) \(rule.rawValue): \(score)")
      if kind == .amos22 || kind == .btcv {
        let bound = rule == .intensity ? 20.0 : rule == .intensityAndPosition ? 25 : 10
        #expect(score < bound, "\(rule.rawValue): \(score)")
      }
    }
    // Every class is learnt from and scored.
    for part in [scans[0..<10], scans[10...]] {
      let found = Set(part.flatMap { Set($0.labels) })
      #expect(found.count == labelCount, "\(kind): \(found.sorted())")
    }
  }

  /// An organ is hardly brighter than another: its voxels' mean over the cases lies within 8 HU of 50 (a rim and its
  /// neighbours' share of the outer voxels included), and it varies by its pattern and the noise.
  @Test func organsAreOfOneBrightness() throws {
    let scans = try Self.cases(.amos22, 0..<16, size: Self.size)
    var (counts, sums, squares) = (
      [Double](repeating: 0, count: 16), [Double](repeating: 0, count: 16), [Double](repeating: 0, count: 16)
    )
    for scan in scans {
      for (value, label) in zip(scan.image, scan.labels) {
        counts[Int(label)] += 1
        sums[Int(label)] += Double(value)
        squares[Int(label)] += Double(value) * Double(value)
      }
    }
    for label in 1...15 {
      let mean = sums[label] / counts[label]
      let deviation = (squares[label] / counts[label] - mean * mean).squareRoot()
      print(PhantomKind.amos22.labelNames[label - 1], counts[label], mean, deviation)
      #expect(abs(mean - 50) < 8 && deviation > 4 && deviation < 25, "\(PhantomKind.amos22.labelNames[label - 1])")
    }
  }

  @Test func aCaseIsAFunctionOfItsNumber() throws {
    let first = try Self.cases(.amos22, 3..<4, size: SIMD3(32, 32, 6))[0]
    let again = try Self.cases(.amos22, 2..<4, size: SIMD3(32, 32, 6))[1]
    #expect(first.image == again.image && first.labels == again.labels)
  }
}
