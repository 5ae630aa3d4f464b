import Evaluation
import Experiments

/// A study's table with our runs beside the published numbers: all that its writers print.
public struct TableReport: Sendable {
  /// What its files are called: the name of the table's file.
  public let identifier: String
  /// The table's caption, such as "Table 1: refinements for adapting a ViT backbone (AMOS22)".
  public let title: String
  /// The paper that the published numbers come from; `nil` for a table of ours alone.
  public let source: String?
  /// The profile the runs belong to, such as "phantom".
  public let profile: String
  /// Whether each row is a step from the row above, so that differences between them mean something.
  public let rowsAreSteps: Bool
  public let rows: [TableRow]
  /// How far apart, in mm, two surfaces count as one in the NSD.
  public let toleranceMillimetres: Double
  /// Whole sentences about the table at large.
  public let notes: [String]

  public init(
    identifier: String, title: String, source: String?, profile: String, rowsAreSteps: Bool,
    toleranceMillimetres: Double = 1, rows: [TableRow], notes: [String] = []
  ) {
    let shape = rows.first.map { row in row.labels.map(\.column) + row.results.map(\.dataset) }
    precondition(
      !rows.isEmpty
        && rows.allSatisfy { row in row.labels.map(\.column) + row.results.map(\.dataset) == shape },
      "\(identifier) without rows, or with rows of different columns")
    self.identifier = identifier
    self.title = title
    self.source = source
    self.profile = profile
    self.rowsAreSteps = rowsAreSteps
    self.toleranceMillimetres = toleranceMillimetres
    self.rows = rows
    self.notes = notes
  }
}

/// One row: the paper's labels and a result on each of the table's data sets.
public struct TableRow: Sendable {
  /// The row's place in the paper's table, from 1.
  public let number: Int
  public let labels: [TableLabel]
  /// One for each data set, in the same order in every row; Table 1 has one.
  public let results: [TableResult]

  public init(number: Int, labels: [TableLabel], results: [TableResult]) {
    self.number = number
    self.labels = labels
    self.results = results
  }
}

/// A cell of one of the paper's own columns, such as "Resolution".
public struct TableLabel: Sendable, Equatable {
  public let column: String
  /// As the paper prints it.
  public let paper: String
  /// What our run used where that is something else, such as the phantom profile's smaller resolution.
  public let ours: String?

  public init(_ column: String, _ paper: String, ours: String? = nil) {
    self.column = column
    self.paper = paper
    self.ours = ours == paper ? nil : ours
  }

  var text: String { ours.map { "\(paper) (here \($0))" } ?? paper }
}

/// What is published and what we measured for one row on one data set.
public struct TableResult: Sendable {
  /// The data set's name in recipes, such as "amos22".
  public let dataset: String
  /// The data set as the paper writes it, such as "AMOS22".
  public let datasetTitle: String
  /// In percent, as printed in the paper; `nil` where the paper prints none.
  public let publishedDSC: Double?
  public let publishedNSD: Double?
  /// Our runs, one a seed, in the order of their seeds; empty when none is finished.
  public let runs: [RunSummary]
  /// The command that makes the runs.
  public let command: String
  /// The seeds asked for that have no run yet.
  public let missingSeeds: [UInt64]
  /// How the runs stand to the paper's row, whether it is at its scale and in what not; nil where no paper has anything to say.
  public let scale: PaperScale?
  /// The scores of each run's seed; `nil` when there is no run.
  public let seeds: SeedScores?
  /// What trivial predictors score on the same cases, so that a reader sees what a trained row is above.
  public let baselines: [PredictorScores]

  /// - Throws: `ReportError` when two runs scored different cases or classes: their mean would mean nothing.
  public init(
    dataset: String, datasetTitle: String? = nil, publishedDSC: Double? = nil, publishedNSD: Double? = nil,
    runs: [RunSummary], command: String, missingSeeds: [UInt64] = [],
    baselines: [PredictorScores] = [], scale: PaperScale? = nil
  ) throws {
    self.dataset = dataset
    self.datasetTitle = datasetTitle ?? dataset
    self.publishedDSC = publishedDSC
    self.publishedNSD = publishedNSD
    self.runs = runs
    self.command = command
    self.missingSeeds = missingSeeds
    self.baselines = baselines
    self.scale = scale
    seeds = SeedScores(runs.map(\.scores))
    if seeds == nil, let first = runs.first {
      let other = runs.first { !first.scores.isAlike($0.scores) }
      throw ReportError.differentCases(first.shortIdentity, other?.shortIdentity ?? first.shortIdentity)
    }
  }

  /// The means over the runs' seeds; `nil` when there is no run.
  public var scores: ScoreTable? { seeds?.mean }

  /// The seeds' standard deviation of the mean score; `nil` with fewer than two seeds.
  public func seedDeviation(_ score: Score) -> Double? { seeds?.spread(score)?.standardDeviation }

  /// Whether the runs are at the paper's scale; nil where there is none, and false where no paper's row is known.
  public var isPaperScale: Bool? { runs.isEmpty ? nil : scale?.isPaper ?? false }

  func published(_ score: Score) -> Double? { score == .dsc ? publishedDSC : publishedNSD }
}
