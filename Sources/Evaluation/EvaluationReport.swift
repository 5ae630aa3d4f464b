import Files
import Foundation

/// One case's metrics, a `ClassMetrics` for each of the report's classes.
public struct CaseMetrics: Sendable, Equatable {
  public let name: String
  public let classes: [ClassMetrics]

  public init(name: String, classes: [ClassMetrics]) {
    self.name = name
    self.classes = classes
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
/// A class's means are over the cases whose reference has the class: a case without it is left out, also where the
/// prediction has it by mistake (its DSC and NSD of 0 stand with the case). The overall means are over the classes' means.
public struct EvaluationReport: Sendable, Equatable {
  public let classes: [EvaluationClass]
  public let cases: [CaseMetrics]
  /// One for each class.
  public let classMeans: [MetricMeans]
  public let mean: MetricMeans

  public init(classes: [EvaluationClass], cases: [CaseMetrics]) {
    precondition(cases.allSatisfy { $0.classes.count == classes.count }, "each case has every class")
    self.classes = classes
    self.cases = cases
    classMeans = classes.indices.map { index in
      let counted = cases.map { $0.classes[index] }.filter { $0.referenceVoxels > 0 }
      return MetricMeans(
        dsc: Self.mean(counted.map(\.dsc)), nsd: Self.mean(counted.map(\.nsd)), hd95: Self.mean(counted.map(\.hd95)))
    }
    mean = MetricMeans(
      dsc: Self.mean(classMeans.map(\.dsc)), nsd: Self.mean(classMeans.map(\.nsd)),
      hd95: Self.mean(classMeans.map(\.hd95)))
  }

  /// Each case's mean over the classes that its reference has: what spreads and paired tests over cases compare.
  public var caseMeans: [MetricMeans] {
    cases.map { measured in
      let counted = measured.classes.filter { $0.referenceVoxels > 0 }
      return MetricMeans(
        dsc: Self.mean(counted.map(\.dsc)), nsd: Self.mean(counted.map(\.nsd)), hd95: Self.mean(counted.map(\.hd95)))
    }
  }

  private static func mean(_ values: [Double?]) -> Double? {
    let defined = values.compactMap { $0 }
    return defined.isEmpty ? nil : defined.reduce(0, +) / Double(defined.count)
  }

  /// The report as JSON: `cases`, `classes` and `mean`, with `null` for what is not defined. Equal reports give equal bytes.
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
    let classLines = zip(classes, classMeans).map { item, values in
      "    \(Self.quoted(item.key)): {\"name\": \(Self.quoted(item.name)), \(means(values))}"
    }
    let text =
      "{\n  \"cases\": [\n" + caseLines.joined(separator: ",\n") + "\n  ],\n  \"classes\": {\n"
      + classLines.joined(separator: ",\n") + "\n  },\n  \"mean\": {\(means(mean))}\n}\n"
    return Data(text.utf8)
  }

  private static func quoted(_ text: String) -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .withoutEscapingSlashes
    // A String is always JSON.
    return String(decoding: try! encoder.encode(text), as: UTF8.self)
  }
}
