import Recipes

extension ClaimsReport {
  /// A margin that was chosen here and not by the paper, and where the verdict that rests on it would turn. In percentage
  /// points.
  public struct Margin: Sendable, Equatable {
    public enum Kind: String, Sendable {
      /// `within` of a claim: a difference that still counts as none.
      case difference = "margin"
      /// How near a difference must come to the size that the paper states.
      case statedSize = "stated size within"
    }

    public let kind: Kind
    public let chosen: Double
    /// The least margin with which the verdict would be that it holds; 0 or less: it does with any.
    public let holdsFrom: Double
    /// The margin below which the verdict would be that it fails.
    public let failsBelow: Double
  }

  /// A verdict, with the margin that it rests on if it rests on one.
  public struct Judgement: Sendable, Equatable {
    public let verdict: Verdict
    public let margin: Margin?

    public init(_ verdict: Verdict, margin: Margin? = nil) {
      self.verdict = verdict
      self.margin = margin
    }

    /// The margin at which the verdict would be another one; nil when no margin changes it.
    public var turnsAt: Double? {
      guard let margin else { return nil }
      return switch verdict {
      case .holds: margin.holdsFrom > 0 ? margin.holdsFrom : nil
      case .fails: margin.failsBelow
      case .undecided: margin.holdsFrom
      case .notRun: nil
      }
    }

    /// What it would be on the other side of `turnsAt`.
    public var turnsTo: Verdict? {
      guard let margin, turnsAt != nil else { return nil }
      let isSharp = margin.holdsFrom == margin.failsBelow
      return switch verdict {
      case .holds: isSharp ? .fails : .undecided
      case .fails: isSharp ? .holds : .undecided
      case .undecided: .holds
      case .notRun: nil
      }
    }

    /// Such as "fails (margin 2.00; holds from 2.18)".
    var text: String {
      guard let margin else { return verdict.rawValue }
      guard let turnsAt, let turnsTo else { return "\(verdict.rawValue) (at any margin)" }
      // Rounded up, so that the printed margin does turn it.
      let printed = (turnsAt * 100 - 1e-6).rounded(.up) / 100
      return
        "\(verdict.rawValue) (\(margin.kind.rawValue) \(NumberText.decimals(margin.chosen, 2)); \(turnsTo.rawValue) "
        + "\(verdict == .holds ? "below" : "from") \(NumberText.decimals(verdict == .holds ? turnsAt : printed, 2)))"
    }

    /// What several judgements say of the claim that needs all of them, and the margin at which that would turn first.
    static func all(_ parts: [Judgement]) -> Judgement {
      let verdict = Verdict.all(parts.map(\.verdict))
      let deciding = parts.filter { $0.verdict == verdict }
      let margins = deciding.compactMap(\.margin)
      switch verdict {
      case .notRun: return Judgement(verdict)
      case .holds:
        return Judgement(verdict, margin: margins.min { $0.chosen - $0.holdsFrom < $1.chosen - $1.holdsFrom })
      case .fails, .undecided:
        // Where one of them rests on no margin, none turns the whole.
        guard margins.count == deciding.count else { return Judgement(verdict) }
        func excess(_ margin: Margin) -> Double {
          (verdict == .fails ? margin.failsBelow : margin.holdsFrom) - margin.chosen
        }
        return Judgement(verdict, margin: margins.max { excess($0) < excess($1) })
      }
    }
  }
}

extension Claim.Part {
  /// How far from a stated size the paper's own numbers may be: half of a last digit, where it states one decimal.
  static let sizeMargin = 0.05

  /// Whether differences are as the claim says: holds when every one in each interval is, fails when none in any is, and is
  /// undecided otherwise, also without an interval. In percentage points.
  func judgement(over intervals: [ClosedRange<Double>]) -> ClaimsReport.Judgement {
    let verdicts = intervals.map(verdict)
    let agreed = verdicts.first.flatMap { first in verdicts.allSatisfy { $0 == first } ? first : nil } ?? .undecided
    guard relation.hasMargin, !intervals.isEmpty else { return ClaimsReport.Judgement(agreed) }
    let needs = intervals.map { interval -> (holds: Double, fails: Double) in
      let (low, high) = (interval.lowerBound, interval.upperBound)
      return relation == .notBelow ? (-low, -high) : (max(abs(low), abs(high)), max(low, -high, 0))
    }
    return ClaimsReport.Judgement(
      agreed,
      margin: ClaimsReport.Margin(
        kind: .difference, chosen: within, holdsFrom: needs.map(\.holds).max()!, failsBelow: needs.map(\.fails).min()!))
  }

  /// Whether the paper's own difference has the size that it states; nil where it states none.
  /// - Parameter difference: in percentage points, of two decimals.
  func sizeJudgement(_ difference: Double) -> ClaimsReport.Judgement? {
    guard let by else { return nil }
    let deviation = (abs(abs(difference) - by) * 1e4).rounded() / 1e4
    return ClaimsReport.Judgement(
      deviation <= Self.sizeMargin ? .holds : .fails,
      margin: deviation == 0
        ? nil
        : ClaimsReport.Margin(
          kind: .statedSize, chosen: Self.sizeMargin, holdsFrom: deviation, failsBelow: deviation))
  }

  private func verdict(over interval: ClosedRange<Double>) -> ClaimsReport.Verdict {
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
