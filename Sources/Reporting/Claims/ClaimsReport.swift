import Evaluation
import Experiments
import Recipes

/// Whether a paper's own numbers, and our runs, bear out what it asserts in words.
public struct ClaimsReport: Sendable {
  public enum Verdict: String, Sendable {
    case holds, fails
    /// The evidence allows both.
    case undecided
    /// Runs that it needs are missing.
    case notRun = "not run"

    /// What several comparisons say of the claim that needs all of them.
    static func all(_ verdicts: [Verdict]) -> Verdict {
      for verdict in [Verdict.fails, .notRun, .undecided] where verdicts.contains(verdict) { return verdict }
      return .holds
    }
  }

  public struct Part: Sendable {
    public let part: Claim.Part
    /// Of the published numbers, in percentage points.
    public let publishedDifference: Double
    public let published: Verdict
    /// Of our runs; nil where one is missing.
    public let difference: Double?
    public let paired: PairedComparison?
    /// The 95 % interval over seeds; nil unless both cells have two seeds.
    public let overSeeds: ClosedRange<Double>?
    public let ours: Verdict
  }

  public struct Item: Sendable {
    public let claim: Claim
    public let parts: [Part]
    public var published: Verdict { .all(parts.map(\.published)) }
    public var ours: Verdict { .all(parts.map(\.ours)) }
  }

  /// A published cell that the claims need, and what ran for it.
  public struct Evidence: Sendable {
    public let cell: Claim.Cell
    /// Nil where nothing has run.
    public let runs: ComparedRuns?
    /// The command that makes the runs; nil where no recipe is the cell's.
    public let command: String?
  }

  public let profile: String
  public let items: [Item]
  /// Every cell once, in the order in which the claims name them.
  public let evidence: [Evidence]

  /// - Parameters:
  ///   - runs: the finished runs behind a published cell; nil when there are none.
  ///   - command: the command that makes them.
  public init(
    claims: [Claim], profile: String, command: (Claim.Cell) -> String? = { _ in nil },
    runs: (Claim.Cell) throws -> ComparedRuns?
  ) throws {
    self.profile = profile
    var evidence: [Evidence] = []
    func found(_ cell: Claim.Cell) throws -> ComparedRuns? {
      if let known = evidence.first(where: { $0.cell == cell }) { return known.runs }
      evidence.append(Evidence(cell: cell, runs: try runs(cell), command: command(cell)))
      return evidence[evidence.count - 1].runs
    }
    items = try claims.map { claim in
      Item(claim: claim, parts: try claim.parts.map { Self.judged($0, try found($0.cell), try found($0.than)) })
    }
    self.evidence = evidence
  }

  /// Whether all that ran is at the paper's scale, so that our verdicts say something of the paper.
  public var isPaperScale: Bool { evidence.allSatisfy { $0.runs?.isPaperScale ?? true } }

  private static func judged(_ part: Claim.Part, _ mine: ComparedRuns?, _ other: ComparedRuns?) -> Part {
    let published = part.cell.value - part.than.value
    // Of two printed decimals the difference has two as well.
    let difference = (published * 100).rounded() / 100
    var verdict = part.verdict(over: difference...difference)
    // What the paper states to one decimal or two must agree with its own numbers to half of the last.
    if let by = part.by, abs(abs(difference) - by) > 0.05 + 1e-9 { verdict = .fails }
    let score: Score = part.cell.column.metric == .dsc ? .dsc : .nsd
    guard let mine, let other else {
      return Part(
        part: part, publishedDifference: difference, published: verdict, difference: nil, paired: nil, overSeeds: nil,
        ours: .notRun)
    }
    let paired = PairedComparison(from: other.scores, to: mine.scores, score: score)
    let overSeeds = mine.seeds(score).flatMap { seeds in other.seeds(score).flatMap { seeds.difference(from: $0) } }
    let verdicts = [paired?.interval, overSeeds].compactMap { $0 }.map {
      part.verdict(over: (100 * $0.lowerBound)...(100 * $0.upperBound))
    }
    let agreed = verdicts.first.flatMap { first in verdicts.allSatisfy { $0 == first } ? first : nil }
    return Part(
      part: part, publishedDifference: difference, published: verdict, difference: paired.map { 100 * $0.difference },
      paired: paired, overSeeds: overSeeds, ours: agreed ?? .undecided)
  }
}

extension Claim.Part {
  /// Holds when every difference in the interval is as the claim says, fails when none is. In percentage points.
  func verdict(over interval: ClosedRange<Double>) -> ClaimsReport.Verdict {
    let (low, high) = (interval.lowerBound, interval.upperBound)
    let (all, none) =
      switch relation {
      case .above: (low > 0, high <= 0)
      case .below: (high < 0, low >= 0)
      case .onPar: (low >= -within && high <= within, low > within || high < -within)
      case .notBelow: (low >= -within, high < -within)
      }
    return all ? .holds : none ? .fails : .undecided
  }
}
