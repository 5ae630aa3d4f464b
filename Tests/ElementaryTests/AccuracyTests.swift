import Elementary
import Foundation
import TestSupport
import Testing

/// The functions beside the truth, which was computed elsewhere to 300 bits: Fixtures/values.txt.
@Suite struct AccuracyTests {
  /// The bounds that Elementary.h states, in units in the last place.
  private static let bounds = [
    "exp": 0.52, "exp2": 0.52, "log": 0.52, "log1p": 0.52, "pow": 0.52, "sin": 0.53, "cos": 0.53, "acos": 0.7,
    "erfc": 0.7, "lgamma": 3,
  ]

  private static func value(_ name: String, _ arguments: [Double]) throws -> Double {
    if name == "pow" { return Elementary.pow(arguments[0], arguments[1]) }
    let function = try #require(functions[name])
    return function(arguments[0])
  }

  @Test(arguments: bounds.keys.sorted()) func everyErrorIsWithinItsBound(name: String) throws {
    let bound = try #require(Self.bounds[name])
    var count = 0
    for line in try String(contentsOf: fixture("values.txt"), encoding: .utf8).split(separator: "\n") {
      let words = line.split(separator: " ")
      guard words[0] == name else { continue }
      count += 1
      let numbers = words.dropFirst().dropLast().compactMap { UInt64($0, radix: 16) }.map { Double(bitPattern: $0) }
      let (arguments, nearest) = (Array(numbers.dropLast()), numbers[numbers.count - 1])
      let rest = try #require(Double(words[words.count - 1]))
      let error = try (Self.value(name, arguments) - nearest) / nearest.ulp - rest
      #expect(abs(error) <= bound, "\(name) of \(arguments): \(error) ulp")
    }
    #expect(count > 100)
  }
}

/// The functions of one argument by name.
let functions: [String: @Sendable (Double) -> Double] = [
  "exp": { Elementary.exp($0) }, "exp2": { Elementary.exp2($0) }, "log": { Elementary.log($0) },
  "log1p": { Elementary.log1p($0) }, "sin": { Elementary.sin($0) }, "cos": { Elementary.cos($0) },
  "acos": { Elementary.acos($0) }, "erfc": { Elementary.erfc($0) }, "lgamma": { Elementary.lgamma($0) },
]
