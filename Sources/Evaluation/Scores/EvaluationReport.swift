import Files
import Foundation

/// One case's metrics, a `ClassMetrics` for each of the report's classes.
public struct CaseMetrics: Sendable, Equatable {
  public var name: String
  public var classes: [ClassMetrics]
  /// Of the whole image, in mm.
  public var diagonal: Double

  public init(name: String, classes: [ClassMetrics], diagonal: Double) {
    self.name = name
    self.classes = classes
    self.diagonal = diagonal
  }
}

/// Means over cases, or over classes; nil where nothing is defined.
public struct MetricMeans: Sendable, Equatable {
  public let dsc: Double?
  public let nsd: Double?
  public let hd95: Double?
}

/// What an evaluation found.
///
/// A class's means are over the cases that count by the rules of `averaging`; the overall means are over the classes'
/// means (`ClassAverage`). The values of a single case stand as they were measured, whatever the rules.
public struct EvaluationReport: Sendable, Equatable {
  public let classes: [EvaluationClass]
  public let cases: [CaseMetrics]
  public let averaging: Averaging
  /// DSC and NSD of each case and class, where they count by the rules.
  public let scores: ScoreTable
  /// HD95 in mm likewise, `[case][class]`.
  private let distances: [[Double?]]
  /// What each class's means are over and what they leave out.
  public let classCounts: [ClassCounts]
  /// Predictions whose headers describe other grids than their references'.
  public let warnings: [FileWarning]
  /// Cases that an evaluation of a subset leaves out: without a prediction, and without a reference.
  public internal(set) var withoutPrediction: [String] = []
  public internal(set) var withoutReference: [String] = []

  public init(
    classes: [EvaluationClass], cases: [CaseMetrics], averaging: Averaging = Averaging(), warnings: [FileWarning] = []
  ) {
    precondition(cases.allSatisfy { $0.classes.count == classes.count }, "each case has every class")
    self.classes = classes
    self.cases = cases
    self.averaging = averaging
    self.warnings = warnings
    classCounts = classes.indices.map { index in
      ClassCounts(cases.map { ($0.classes[index].referenceVoxels, $0.classes[index].predictionVoxels) }, averaging)
    }
    scores = ScoreTable(
      classes: classes.map(\.name),
      cases: cases.map { item in
        CaseScores(
          name: item.name, dsc: Self.counted(item, averaging, \.dsc), nsd: Self.counted(item, averaging, \.nsd))
      })
    distances = cases.map { Self.distances($0, averaging) }
  }

  /// For each class the means over the cases.
  public var classMeans: [MetricMeans] {
    let (dsc, nsd) = (scores.classMeans(.dsc), scores.classMeans(.nsd))
    let hd95 = ClassAverage.overCases(distances, classes: classes.count)
    return classes.indices.map { MetricMeans(dsc: dsc[$0], nsd: nsd[$0], hd95: hd95[$0]) }
  }

  /// The means over the classes of the classes' means.
  public var mean: MetricMeans {
    MetricMeans(
      dsc: scores.mean(.dsc), nsd: scores.mean(.nsd),
      hd95: ClassAverage.overClasses(distances, classes: classes.count))
  }

  /// Each case's mean over the classes that count in it: what spreads and paired tests over cases compare.
  public var caseMeans: [MetricMeans] {
    let (dsc, nsd) = (scores.caseMeans(.dsc), scores.caseMeans(.nsd))
    return cases.indices.map {
      MetricMeans(dsc: dsc[$0], nsd: nsd[$0], hd95: ClassAverage.mean(distances[$0]))
    }
  }

  /// A case's values in the classes that count in it, the others nil.
  private static func counted(
    _ item: CaseMetrics, _ averaging: Averaging, _ value: (ClassMetrics) -> Double?
  ) -> [Double?] {
    item.classes.map { metrics in
      averaging.counts(referenceVoxels: metrics.referenceVoxels, predictionVoxels: metrics.predictionVoxels)
        ? value(metrics) : nil
    }
  }

  private static func distances(_ item: CaseMetrics, _ averaging: Averaging) -> [Double?] {
    counted(item, averaging) { averaging.distance($0.hd95, diagonal: item.diagonal) }
  }

  /// The report as JSON: the rules of averaging, `cases`, `classes` with what each mean is over, and `mean`, with `null` for
  /// what is not defined. Equal reports give equal bytes.
  public func json() -> Data {
    func number(_ value: Double?) -> String { value.map { "\($0)" } ?? "null" }
    func means(_ means: MetricMeans) -> String {
      "\"dsc\": \(number(means.dsc)), \"nsd\": \(number(means.nsd)), \"hd95\": \(number(means.hd95))"
    }
    let caseLines = cases.map { measured in
      let entries = zip(classes, measured.classes).map { item, metrics in
        "\(Self.quoted(item.key)): {\"dsc\": \(number(metrics.dsc)), \"nsd\": \(number(metrics.nsd)), "
          + "\"hd95\": \(number(metrics.hd95)), \"reference_voxels\": \(metrics.referenceVoxels), "
          + "\"prediction_voxels\": \(metrics.predictionVoxels)}"
      }
      return "    {\"name\": \(Self.quoted(measured.name)), \"classes\": {\n      "
        + entries.joined(separator: ",\n      ") + "}}"
    }
    let classLines = classes.indices.map { index in
      let (item, counts) = (classes[index], classCounts[index])
      return "    \(Self.quoted(item.key)): {\"name\": \(Self.quoted(item.name)), \(means(classMeans[index])), "
        + "\"counted_cases\": \(counts.counted), \"cases_with_class\": \(counts.present), "
        + "\"false_positives\": \(counts.falsePositives), \"missed\": \(counts.missed), "
        + "\"hd95_cases\": \(counts.distances)}"
    }
    let leftOut = [("without_prediction", withoutPrediction), ("without_reference", withoutReference)].filter {
      !$0.1.isEmpty
    }.map { "  \"\($0)\": [\($1.map(Self.quoted).joined(separator: ", "))],\n" }
    let text =
      "{\n  \"absent\": \"\(averaging.absent.rawValue)\",\n  \"hd95_missing\": "
      + "\"\(averaging.missingDistance.rawValue)\",\n  \"cases\": [\n" + caseLines.joined(separator: ",\n")
      + "\n  ],\n  \"classes\": {\n"
      + classLines.joined(separator: ",\n") + "\n  },\n" + leftOut.joined() + "  \"mean\": {\(means(mean))}\n}\n"
    return Data(text.utf8)
  }

  private static func quoted(_ text: String) -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .withoutEscapingSlashes
    // A String is always JSON.
    return String(decoding: try! encoder.encode(text), as: UTF8.self)
  }
}
