import Datasets
import Files
import Foundation
import TestSupport
import Testing

/// NumPy's generator, statistics and nnU-Net's splits against values that NumPy and scikit-learn gave.
struct NumPyTests {
  private let peer = try! JSONValue.read(fixture("numpy.json"))

  @Test func integersAndPermutationsEqualNumPys() throws {
    for entry in try #require(peer["integers"]?.array) {
      var random = NumPyRandom(seed: UInt32(try #require(entry["seed"]?.int)))
      for draw in try #require(entry["draws"]?.array) {
        let top = UInt32(try #require(draw["upTo"]?.int))
        let values = try #require(draw["values"]?.ints)
        #expect(values.map { _ in Int(random.integer(upTo: top)) } == values)
      }
    }
    for entry in try #require(peer["permutations"]?.array) {
      var random = NumPyRandom(seed: UInt32(try #require(entry["seed"]?.int)))
      #expect(random.permutation(50).map { Int($0) } == entry["values"]?.ints)
    }
  }

  @Test(arguments: [0, 1, 9, 255, 256, 99_999, 1 << 31, UInt32.max] as [UInt32])
  func manyIntegersAreThoseOfOneByOne(_ top: UInt32) {
    var oneByOne = NumPyRandom(seed: 7)
    var many = oneByOne
    for count in [1, 623, 624, 625, 3000] {
      var values = [UInt32](repeating: 0, count: count)
      values.withUnsafeMutableBufferPointer { many.fill($0, upTo: top) }
      #expect(values == values.map { _ in oneByOne.integer(upTo: top) })
    }
  }

  @Test func statisticsEqualNumPysToTheBit() throws {
    for entry in try #require(peer["statistics"]?.array) {
      let count = try #require(entry["count"]?.int)
      let values = formula(count, seed: count).map { $0 * 900 }
      values.withUnsafeBufferPointer { values in
        #expect(Double(NumPyStatistics.mean(values)) == entry["mean"]?.double, "\(count) values")
        #expect(Double(NumPyStatistics.standardDeviation(values)) == entry["std"]?.double, "\(count) values")
        #expect(
          NumPyStatistics.percentiles(values, [0.5, 50, 99.5]) == entry["percentiles"]?.doubles, "\(count) values")
      }
    }
  }

  @Test func percentilesOfNegativeAndEqualValues() {
    let values: [Float] = [-3, -3, -0.0, 0, 5, -1e30, 1e30]
    values.withUnsafeBufferPointer { values in
      #expect(NumPyStatistics.percentiles(values, [0, 50, 100]) == [Double(Float(-1e30)), 0, Double(Float(1e30))])
    }
    #expect(NumPyStatistics.percentile([4, 1, 3, 2], 50) == 2.5)
    #expect(NumPyStatistics.median([4, 1, 3]) == 3)
  }
}

struct SplitsTests {
  @Test func foldsEqualNNUNets() throws {
    for entry in try #require(JSONValue.read(fixture("splits.json")).array) {
      let count = try #require(entry["count"]?.int)
      let splits = try Splits(cases: (0..<count).map { "case_\($0)" }.shuffled())
      #expect(splits.folds.map(\.validation) == entry["validation"]?.array?.compactMap(\.strings))
      for fold in splits.folds {
        #expect((fold.train + fold.validation).sorted() == (0..<count).map { "case_\($0)" }.sorted())
      }
    }
  }

  @Test func filesComeBackAsWritten() throws {
    try withTemporaryFolder { folder in
      let url = folder.appendingPathComponent("splits_final.json")
      let splits = try Splits(cases: ["a", "b", "c", "d", "e", "f"])
      try splits.write(to: url)
      #expect(try Splits(contentsOf: url, cases: ["a", "b", "c", "d", "e", "f"]) == splits)
      #expect(inputError { _ = try Splits(contentsOf: url, cases: ["a", "b", "c", "d", "e"]) }.contains("\"f\""))
    }
  }

  @Test func theFirstCasesLearnAndAllOthersAreScored() throws {
    let splits = try Splits(training: 2, of: ["c", "a", "d", "b"])
    #expect(splits.folds == [Splits.Fold(train: ["a", "b"], validation: ["c", "d"])])
    #expect(
      inputError { _ = try Splits(training: 4, of: ["a", "b", "c", "d"]) }.contains("there are 4 labelled cases"))
  }

  @Test func spoiltFilesAreRefused() throws {
    try withTemporaryFolder { folder in
      let url = folder.appendingPathComponent("splits_final.json")
      func refusal(_ text: String) -> String {
        try! Data(text.utf8).write(to: url)
        return inputError { _ = try Splits(contentsOf: url, cases: ["a", "b", "c"]) }
      }
      #expect(refusal("[]").contains("a list of folds is needed"))
      #expect(refusal("[{\"train\": [\"a\"]}]").contains("\"val\""))
      #expect(refusal("[{\"train\": [\"a\", \"b\"], \"val\": [\"b\"]}]").contains("both"))
      #expect(refusal("[{\"train\": [\"a\", \"a\"], \"val\": [\"b\"]}]").contains("twice"))
      #expect(refusal("[{\"train\": [1], \"val\": [\"b\"]}]").contains("\"train\""))
      #expect(refusal("[{\"train\": [\"a\"], \"val\": [\"b\"]}").contains("splits_final.json:1:"))
    }
    #expect(inputError { _ = try Splits(cases: ["a", "b"]) }.contains("`evaluation.splits`"))
    #expect(inputError { _ = try Splits(cases: ["a", "a", "b", "c", "d"]) }.contains("twice"))
  }
}

struct JSONTests {
  private func parse(_ text: String) throws -> JSONValue { try .parse(Data(text.utf8), name: "x.json") }

  @Test func documentsComeBackAsWritten() throws {
    let value: JSONValue = [
      "b": [1, 2.5, -0.1, 1e-5, 1e300, nil, true], "a": ["ä\n\"\\\u{1}😀": .object([]), "n": .array([])],
      "big": .integer(Int.max), "nan": .number(.infinity),
    ]
    #expect(try parse(value.text()) == value)
    #expect(try parse("{\"x\": \"\\ud83d\\ude00\\u00e4\"}")["x"]?.string == "😀ä")
    #expect(try parse("[NaN]").array?[0].double?.isNaN == true)
    #expect(try parse("{\"z\": 1, \"a\": 2}").object?.map(\.key) == ["z", "a"])
  }

  @Test(arguments: [
    "", "{", "[1,", "{\"a\" 1}", "{\"a\": 1,}", "[1 2]", "\"abc", "\"\\q\"", "\"\\u12\"", "tru", "01x", "+1", "[1]]",
    "1e999",
    "{\"a\": 1, \"a\": 2}", "\"a\nb\"", "{a: 1}", "[.5]", "-",
  ])
  func hostileTextIsRefusedWithItsPlace(_ text: String) {
    #expect(inputError { _ = try parse(text) }.hasPrefix("x.json:"))
  }

  @Test func depthIsBounded() {
    #expect(inputError { _ = try parse(String(repeating: "[", count: 100_000)) }.contains("nested"))
  }

  @Test func thePlaceIsLineAndColumn() {
    #expect(inputError { _ = try parse("{\n  \"a\": ?\n}") }.hasPrefix("x.json:2:8:"))
  }
}
