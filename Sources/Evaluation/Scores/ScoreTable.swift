/// The two scores of a segmentation, as fractions: the Dice similarity coefficient and the normalised surface Dice.
public enum Score: String, Sendable, CaseIterable {
  case dsc = "DSC"
  case nsd = "NSD"
}

/// The scores of one case, one value for each class of the table they sit in, in its order.
public struct CaseScores: Sendable, Equatable {
  public let name: String
  /// In [0, 1]; `nil` where the score is undefined, as when the reference lacks the class.
  public let dsc: [Double?]
  public let nsd: [Double?]

  public init(name: String, dsc: [Double?], nsd: [Double?]) {
    self.name = name
    self.dsc = dsc
    self.nsd = nsd
  }

  public func values(_ score: Score) -> [Double?] { score == .dsc ? dsc : nsd }
}

/// Per-case, per-class scores, and the averages that tables print (`ClassAverage`).
public struct ScoreTable: Sendable, Equatable {
  /// The foreground classes' names.
  public let classes: [String]
  public let cases: [CaseScores]

  /// Every case must have one value of each score for each class.
  public init(classes: [String], cases: [CaseScores]) {
    precondition(
      cases.allSatisfy { $0.dsc.count == classes.count && $0.nsd.count == classes.count },
      "a case without exactly one score for each of \(classes.count) classes")
    self.classes = classes
    self.cases = cases
  }

  /// `[case][class]`.
  public func values(_ score: Score) -> [[Double?]] { cases.map { $0.values(score) } }

  /// For each class the mean over the cases that count; `nil` where none does.
  public func classMeans(_ score: Score) -> [Double?] {
    ClassAverage.overCases(values(score), classes: classes.count)
  }

  /// For each case the mean over the classes it has; `nil` where it has none.
  public func caseMeans(_ score: Score) -> [Double?] { cases.map { ClassAverage.mean($0.values(score)) } }

  /// The mean over the classes of `classMeans`; `nil` when nothing is defined.
  public func mean(_ score: Score) -> Double? { ClassAverage.overClasses(values(score), classes: classes.count) }

  /// The sample standard deviation (n - 1) over the cases of `caseMeans`; `nil` with fewer than two.
  public func standardDeviation(_ score: Score) -> Double? { ClassAverage.standardDeviation(caseMeans(score)) }

  /// Whether both scored the same cases in the same classes.
  public func isAlike(_ other: ScoreTable) -> Bool {
    classes == other.classes && cases.map(\.name) == other.cases.map(\.name)
  }

  /// The table whose scores are the means over several tables of the same classes and cases, as over a row's seeds;
  /// `nil` when the tables differ in classes or cases, or there are none.
  public static func average(_ tables: [ScoreTable]) -> ScoreTable? {
    guard let first = tables.first, tables.allSatisfy(first.isAlike) else { return nil }
    return ScoreTable(
      classes: first.classes,
      cases: first.cases.indices.map { row in
        func averaged(_ score: Score) -> [Double?] {
          first.classes.indices.map { column in ClassAverage.mean(tables.map { $0.cases[row].values(score)[column] }) }
        }
        return CaseScores(name: first.cases[row].name, dsc: averaged(.dsc), nsd: averaged(.nsd))
      })
  }
}

/// The scores of a predictor without a network, such as "majority with height".
public struct PredictorScores: Sendable, Equatable {
  public let name: String
  public let scores: ScoreTable

  public init(name: String, scores: ScoreTable) {
    self.name = name
    self.scores = scores
  }
}
