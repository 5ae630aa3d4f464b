/// What a verdict about runs needs at the least, in one place; with less it is undecided, whatever the intervals say.
public enum RequiredEvidence {
  /// With fewer cases Wilcoxon's two-sided signed-rank test cannot reach 0.05: its least p is 2 / 2^cases, 0.0625 of five.
  public static let minimumCases = 6
  /// One seed says nothing of what another would give.
  public static let minimumSeeds = 2

  /// What is lacking, in words; empty when it is enough.
  /// - Parameter seeds: of each side.
  public static func shortcomings(cases: Int, seeds: [Int]) -> [String] {
    var lacking: [String] = []
    if cases < minimumCases {
      lacking.append("\(cases) case\(cases == 1 ? "" : "s"), fewer than \(minimumCases)")
    }
    if let fewest = seeds.min(), fewest < minimumSeeds {
      lacking.append("\(fewest) seed\(fewest == 1 ? "" : "s"), fewer than \(minimumSeeds)")
    }
    return lacking
  }

  /// Each reason once, in order.
  public static func distinct(_ reasons: [String]) -> [String] {
    reasons.reduce(into: []) { found, reason in if !found.contains(reason) { found.append(reason) } }
  }

  /// The minimum, in words.
  public static var rule: String { "at least \(minimumCases) cases and \(minimumSeeds) seeds" }
}
