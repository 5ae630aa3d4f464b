import Evaluation
import Foundation
@testable import Phantoms
import Random
import TestSupport
import Testing

/// Phantoms in which neither position nor brightness says much of what a voxel belongs to.
@Suite struct TexturedPhantomTests {
  private static func cases(_ kind: PhantomKind, _ range: Range<Int>, size: SIMD3<Int>) throws -> [PhantomScan] {
    try range.map { try PhantomGenerator.scan(kind: kind, style: .textured, index: $0, seed: 0, size: size).scan }
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

  /// What can be had without a network from 8 cases, on 24 others: the bounds of the task.
  @Test(arguments: PhantomKind.allCases) func littleIsToldWithoutANetwork(kind: PhantomKind) throws {
    let scans = try Self.cases(kind, 0..<32, size: SIMD3(112, 112, 20))
    let images = scans.map { $0.image.map(Float.init) }
    func shape(_ scan: PhantomScan) -> [Int] { [scan.size.z, scan.size.y, scan.size.x] }
    let labelCount = kind.labelNames.count + 1
    var learner = PriorLearner(
      labelCount: labelCount, intensities: images[0..<8].flatMap { $0 })
    for (scan, image) in zip(scans, images).prefix(8) { learner.learn(scan.labels, image: image, shape: shape(scan)) }
    for (rule, predictor) in learner.predictors() {
      let guesses = zip(scans, images).dropFirst(8).map { scan, image in
        predictor.prediction(shape: shape(scan), image: rule.seesImage ? image : [])
      }
      let score = Self.mean(guesses, Array(scans.dropFirst(8)), classes: labelCount - 1)
      print("\(kind) \(rule.rawValue): \(score)")
      if kind == .amos22 || kind == .btcv {
        let bound = rule == .intensity ? 20.0 : rule == .intensityAndPosition ? 25 : 10
        #expect(score < bound, "\(rule.rawValue): \(score)")
      }
    }
    // Every class is learnt from and scored.
    for part in [scans[0..<8], scans[8...]] {
      let found = Set(part.flatMap { Set($0.labels) })
      #expect(found.count == labelCount, "\(kind): \(found.sorted())")
    }
  }

  /// Organs have means within 10 HU of each other, patterns of mean 0 and the spread that they are given.
  @Test func patternsHaveTheirMoments() throws {
    var random = CounterRandom(seed: 1, purpose: "test")
    let noise = PhantomNoise(random: &random)
    let appearance = PhantomAppearance.textured(random: &random)
    let means = PhantomTissue.organs.map { appearance[$0].mean }
    #expect(means.max()! - means.min()! < 20)
    let count = 40_000
    var points = [[Float]](repeating: [], count: 3)
    for axis in 0..<3 { points[axis] = (0..<count).map { _ in Float(random.uniform(0, 500)) } }
    for tissue in PhantomTissue.organs {
      let texture = try #require(appearance[tissue].texture)
      var values = [Float](repeating: 0, count: count)
      values.withUnsafeMutableBufferPointer {
        texture.evaluate(
          points[0], points[1], points[2], count: count, noise: noise, into: $0.baseAddress!)
      }
      let mean = values.reduce(0, +) / Float(count)
      let deviation = (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Float(count)).squareRoot()
      #expect(abs(mean) < 0.1 * texture.amplitude, "\(tissue): \(mean) of \(texture.amplitude)")
      #expect(abs(deviation / texture.amplitude - 1) < 0.1, "\(tissue): \(deviation) of \(texture.amplitude)")
    }
  }

  @Test func aCaseIsAFunctionOfItsNumber() throws {
    let first = try Self.cases(.amos22, 3..<4, size: SIMD3(32, 32, 6))[0]
    let again = try Self.cases(.amos22, 2..<4, size: SIMD3(32, 32, 6))[1]
    #expect(first.image == again.image && first.labels == again.labels)
  }
}
