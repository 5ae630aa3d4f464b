import Datasets
import Evaluation
import Files
import Foundation
import TestSupport
import Testing

/// SciPy's answers; Benchmarks/peers/fixtures/statistics_fixtures.py wrote them.
private let peer: JSONValue = {
  let url = fixture("statistics.json")
  return try! JSONValue.read(url)
}()

private func near(_ a: Double, _ b: Double, _ tolerance: Double) -> Bool {
  abs(a - b) <= tolerance * max(1, abs(b))
}

@Suite("Statistics, against SciPy") struct StatisticsTests {
  @Test func signedRankTestIsSciPys() throws {
    let cases = try #require(peer["wilcoxon"]?.array)
    #expect(cases.count > 15)
    for item in cases {
      let test = WilcoxonSignedRank(try #require(item["differences"]?.doubles))
      #expect(test.statistic == item["statistic"]?.double)
      #expect(near(test.pValue, try #require(item["p"]?.double), 1e-12), "\(item)")
    }
    // Fourteen differences, all zero: SciPy has no answer; nothing speaks against the hypothesis.
    #expect(WilcoxonSignedRank([Double](repeating: 0, count: 14)).pValue == 1)
  }

  @Test func intervalOfAGivenBootstrapDistributionIsSciPys() throws {
    for item in try #require(peer["bca"]?.array) {
      let values = try #require(item["values"]?.doubles)
      let expected = try #require(item["interval"]?.doubles)
      let interval = Bootstrap.interval(
        estimate: values.reduce(0, +) / Double(values.count), samples: try #require(item["samples"]?.doubles),
        jackknife: try #require(item["jackknife"]?.doubles))
      #expect(near(interval.lowerBound, expected[0], 1e-10) && near(interval.upperBound, expected[1], 1e-10))
    }
  }

  /// Two bootstraps with other draws agree within the draws' noise: with 10 000 of them an end is uncertain by less than a
  /// twentieth of the standard error.
  @Test func wholeBootstrapAgreesWithSciPys() throws {
    for item in try #require(peer["bootstrap"]?.array) {
      let values = try #require(item["values"]?.doubles)
      let expected = try #require(item["interval"]?.doubles)
      let error = try #require(item["error"]?.double)
      let interval = try #require(
        Bootstrap.interval(count: values.count) { counts in
          zip(values, counts).reduce(0) { $0 + $1.0 * Double($1.1) } / Double(counts.reduce(0, +))
        })
      #expect(abs(interval.lowerBound - expected[0]) < 0.1 * error)
      #expect(abs(interval.upperBound - expected[1]) < 0.1 * error)
    }
  }

  @Test func intervalWithoutSpreadIsAPoint() {
    #expect(Bootstrap.interval(estimate: 0.5, samples: [0.5, 0.5], jackknife: [0.5, 0.5]) == 0.5...0.5)
    // Every sample above the estimate: the percentile interval.
    let samples = (1...1000).map { Double($0) }
    let interval = Bootstrap.interval(estimate: 0, samples: samples, jackknife: [1, 2])
    #expect(near(interval.lowerBound, 25.975, 1e-12) && near(interval.upperBound, 975.025, 1e-12))
  }

  @Test func correctionIsHolms() throws {
    let p = try #require(peer["holm"]?["p"]?.doubles)
    let expected = try #require(peer["holm"]?["corrected"]?.doubles)
    #expect(zip(HolmCorrection.corrected(p), expected).allSatisfy { near($0, $1, 1e-14) })
    #expect(HolmCorrection.corrected([]).isEmpty)
  }

  @Test func distributionsAreSciPys() throws {
    for item in try #require(peer["student"]?.array) {
      let freedom = try #require(item["freedom"]?.double)
      let t = try #require(item["t"]?.double)
      #expect(near(StudentDistribution.cumulative(t, freedom: freedom), item["cumulative"]!.double!, 1e-12))
      #expect(near(StudentDistribution.quantile(0.975, freedom: freedom), item["quantile"]!.double!, 1e-10))
    }
    for item in try #require(peer["normal"]?.array) {
      #expect(near(NormalDistribution.quantile(item["p"]!.double!), item["quantile"]!.double!, 1e-12))
    }
    #expect(NormalDistribution.quantile(0) == -.infinity && NormalDistribution.quantile(1) == .infinity)
  }

  @Test func differenceBetweenSeedsIsWelchs() throws {
    for item in try #require(peer["welch"]?.array) {
      let (a, b) = (SeedSpread(item["a"]!.doubles!), SeedSpread(item["b"]!.doubles!))
      let interval = try #require(a.difference(from: b))
      let expected = item["interval"]!.doubles!
      #expect(near(interval.lowerBound, expected[0], 1e-10) && near(interval.upperBound, expected[1], 1e-10))
    }
    #expect(SeedSpread([0.5]).predictionInterval == nil)
    // Two seeds one apart: t(0.975, 1) = 12.7062, s = 1 / √2, √(1 + 1/2).
    let prediction = try #require(SeedSpread([0, 1]).predictionInterval)
    #expect(near(prediction.upperBound, 0.5 + 12.706_204_736_174_7 * 0.5.squareRoot() * 1.5.squareRoot(), 1e-10))
  }

  @Test func variancesDivideAsLeastSquaresSays() throws {
    for item in try #require(peer["shares"]?.array) {
      let shares = try #require(VarianceShares(item["scores"]!.array!.map { $0.doubles! }))
      #expect(near(shares.seeds, item["seeds"]!.double!, 1e-9) && near(shares.cases, item["cases"]!.double!, 1e-9))
      #expect(near(shares.rest, item["rest"]!.double!, 1e-9))
    }
    #expect(VarianceShares([[1, 2]]) == nil && VarianceShares([[1, 1], [1, 1]]) == nil)
  }
}
