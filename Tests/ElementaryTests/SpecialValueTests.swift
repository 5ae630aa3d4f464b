import Elementary
import Testing

/// Zeros, infinities, NaN and the ends of the range: as C99's annex F has them.
@Suite struct SpecialValueTests {
  private static let infinity = Double.infinity
  private static let least = Double.leastNonzeroMagnitude
  private static let greatest = Double.greatestFiniteMagnitude

  private static let cases: [(name: String, argument: Double, result: Double)] = [
    ("exp", 0, 1), ("exp", -0.0, 1), ("exp", infinity, infinity), ("exp", -infinity, 0), ("exp", .nan, .nan),
    ("exp", 710, infinity), ("exp", greatest, infinity), ("exp", -745.2, 0), ("exp", -745.1, least), ("exp", least, 1),
    ("exp2", 0, 1), ("exp2", 10, 1024), ("exp2", -1074, least), ("exp2", -1022, .leastNormalMagnitude),
    ("exp2", -1075, 0), ("exp2", 1024, infinity), ("exp2", 1023, 0x1p1023), ("exp2", -infinity, 0),
    ("exp2", infinity, infinity), ("exp2", .nan, .nan),
    ("log", 1, 0), ("log", 0, -infinity), ("log", -0.0, -infinity), ("log", -1, .nan), ("log", -infinity, .nan),
    ("log", infinity, infinity), ("log", .nan, .nan),
    ("log1p", 0, 0), ("log1p", -0.0, -0.0), ("log1p", -1, -infinity), ("log1p", -1.5, .nan), ("log1p", least, least),
    ("log1p", infinity, infinity), ("log1p", -infinity, .nan), ("log1p", .nan, .nan),
    ("sin", 0, 0), ("sin", -0.0, -0.0), ("sin", least, least), ("sin", infinity, .nan), ("sin", -infinity, .nan),
    ("sin", .nan, .nan), ("cos", 0, 1), ("cos", -0.0, 1), ("cos", infinity, .nan), ("cos", .nan, .nan),
    ("acos", 1, 0), ("acos", -1, .pi), ("acos", 0, .pi / 2), ("acos", 1.5, .nan), ("acos", -2, .nan),
    ("acos", .nan, .nan),
    ("erfc", 0, 1), ("erfc", -0.0, 1), ("erfc", infinity, 0), ("erfc", -infinity, 2), ("erfc", 28, 0), ("erfc", -7, 2),
    ("erfc", .nan, .nan),
    ("lgamma", 1, 0), ("lgamma", 2, 0), ("lgamma", 0, infinity), ("lgamma", -0.5, .nan), ("lgamma", infinity, infinity),
    ("lgamma", greatest, infinity), ("lgamma", .nan, .nan),
  ]

  private static let powers: [(x: Double, y: Double, result: Double)] = [
    (0, 0, 1), (.nan, 0, 1), (infinity, -0.0, 1), (1, .nan, 1), (1, infinity, 1), (.nan, 2, .nan), (2, .nan, .nan),
    (0, 3, 0), (-0.0, 3, -0.0), (-0.0, 2, 0), (0, -3, infinity), (-0.0, -3, -infinity), (-0.0, -2, infinity),
    (-0.0, 0.5, 0), (0, infinity, 0), (0, -infinity, infinity), (-1, infinity, 1), (-1, -infinity, 1),
    (2, infinity, infinity), (2, -infinity, 0), (0.5, infinity, 0), (-0.5, -infinity, infinity),
    (infinity, 2, infinity), (infinity, -2, 0), (-infinity, 3, -infinity), (-infinity, 2, infinity),
    (-infinity, -3, -0.0), (-infinity, -2.5, 0), (-infinity, 0.5, infinity), (-8, 1.0 / 3, .nan), (-2, 3, -8),
    (-2, 0x1p53, infinity), (-1, 0x1p53, 1), (-1, 0x1p53 - 1, -1), (2, -1074, least), (2, 1024, infinity),
    (2, -1076, 0), (-2, 1025, -infinity), (-2, -1077, -0.0), (3, 1, 3), (least, 1, least), (greatest, 1, greatest),
    (1.5, 1e300, infinity), (0.5, 1e300, 0), (1.5, 1e-300, 1), (9, 0.5, 3),
  ]

  private func agree(_ a: Double, _ b: Double) -> Bool { a.isNaN && b.isNaN || a.bitPattern == b.bitPattern }

  @Test func ofOneArgument() throws {
    for (name, argument, result) in Self.cases {
      let function = try #require(functions[name])
      let found = function(argument)
      #expect(agree(found, result), "\(name)(\(argument)) = \(found)")
    }
  }

  @Test func ofPowers() {
    for (x, y, result) in Self.powers {
      let found = Elementary.pow(x, y)
      #expect(agree(found, result), "pow(\(x), \(y)) = \(found)")
    }
  }
}
