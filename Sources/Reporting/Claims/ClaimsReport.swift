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
    /// Whether the two cells stand to each other as the claim says, and whether the difference has the size it states.
    public let published: Judgement
    /// Of our runs; nil where one is missing.
    public let judged: JudgedDifference?
    public let ours: Judgement

    /// In percentage points.
    public var difference: Double? { judged?.paired.map { 100 * $0.difference } }
    /// Why our runs are undecided without a look at their intervals.
    public var shortcomings: [String] { judged?.shortcomings ?? [] }
  }

  public struct Item: Sendable {
    public let claim: Claim
    public let parts: [Part]
    public var published: Judgement { .all(parts.map(\.published)) }
    public var ours: Judgement { .all(parts.map(\.ours)) }
    /// What keeps the claim undecided, each once.
    public var shortcomings: [String] {
      ours.verdict == .undecided ? RequiredEvidence.distinct(parts.flatMap(\.shortcomings)) : []
    }
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
    // Of two printed decimals the difference has two as well.
    let difference = ((part.cell.value - part.than.value) * 100).rounded() / 100
    var published = part.judgement(over: [difference...difference])
    if let size = part.sizeJudgement(difference), published.verdict == .holds { published = .all([published, size]) }
    guard let mine, let other else {
      return Part(
        part: part, publishedDifference: difference, published: published, judged: nil, ours: Judgement(.notRun))
    }
    let score: Score = part.cell.column.metric == .dsc ? .dsc : .nsd
    let judged = JudgedDifference(from: other.seeds, to: mine.seeds, score: score)
    let ours = part.judgement(over: judged.intervals.map { (100 * $0.lowerBound)...(100 * $0.upperBound) })
    return Part(part: part, publishedDifference: difference, published: published, judged: judged, ours: ours)
  }
}
