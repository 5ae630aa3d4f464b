import Datasets
import Evaluation
import Files
import Foundation
import Imaging
import Recipes

/// Scores predictions against their dataset's references, as a recipe says.
struct RunEvaluation {
  let dataset: RawDataset
  let settings: ScoringSettings

  /// What is scored: what the network learnt, unless the recipe chooses labels or regions.
  private var targets: [DatasetDescription.Target] {
    dataset.description.targets(settings.classes.map(TargetKind.init) ?? dataset.description.targetKind)
  }

  var classes: [EvaluationClass] { targets.map(EvaluationClass.init) }

  var evaluator: Evaluator {
    Evaluator(
      classes: classes, ignoreLabel: dataset.description.ignoreLabel.map { Int16($0) }, tolerance: settings.toleranceMM,
      convention: SurfaceConvention(rawValue: settings.surfaceDice.rawValue)!)
  }

  /// The dataset's cases of these names.
  func references(_ names: [String]) -> [RawDataset.Case] { dataset.cases.filter { names.contains($0.name) } }

  /// - Throws: `DatasetError` when the dataset has no case of these names, and what the evaluator throws.
  func report(cases names: [String], predictions: URL, progress: Files.Progress = .silent) throws -> EvaluationReport {
    let references = references(names)
    guard let label = references.first?.label, references.count == names.count else {
      throw DatasetError("\(dataset.directory.path) lacks some of the cases \(names.joined(separator: ", ")).")
    }
    return try evaluator.evaluate(
      references: label.deletingLastPathComponent(), predictions: predictions, cases: references.map(\.name),
      progress: progress)
  }

  /// What a run's record keeps of a report.
  /// - Parameters:
  ///   - names: the cases from which the position prior learns.
  ///   - predictions: the folder in which the run keeps the predicted files, `<case>.nii.gz`.
  func metrics(
    _ report: EvaluationReport, learnedFrom names: [String], predictions: URL
  ) throws -> RunRecord.Metrics {
    let prior = try positionPrior(report.cases.map(\.name), learnedFrom: names)
    let digests = try report.cases.map {
      try Digest.sha256(ofFileAt: predictions.appendingPathComponent($0.name + ".nii.gz"))
    }
    let table = Self.table
    return RunRecord.Metrics(
      cases: report.cases.map(\.name),
      classes: targets.map { ($0.predictedLabel, $0.name) },
      dsc: table(report.cases, \.dsc), nsd: table(report.cases, \.nsd), hd95: table(report.cases, \.hd95),
      predictionDigests: digests, positionPriorDSC: table(prior, \.dsc), positionPriorNSD: table(prior, \.nsd))
  }

  /// What a predictor that knows only positions scores on the same cases.
  private func positionPrior(_ cases: [String], learnedFrom names: [String]) throws -> [CaseMetrics] {
    var prior = PositionPrior(labelCount: dataset.description.classCount)
    for source in references(names) {
      let labels = try NIfTI.readLabels(source.label!)
      prior.learn(labels.voxels, shape: labels.shape)
    }
    return try references(cases).sorted { $0.name < $1.name }.map { source in
      let reference = try NIfTI.readLabels(source.label!)
      let guess = Volume(voxels: prior.prediction(shape: reference.shape), like: reference)
      return CaseMetrics(
        name: source.name, classes: evaluator.evaluate(reference: reference, prediction: guess, classes: classes))
    }
  }

  /// One value for each case and class, NaN where it is undefined. A case without the class says nothing about it (notes,
  /// point 17).
  static func table(_ cases: [CaseMetrics], _ value: (ClassMetrics) -> Double?) -> [[Double]] {
    cases.map { $0.classes.map { $0.referenceVoxels > 0 ? value($0) ?? .nan : .nan } }
  }
}

extension EvaluationClass {
  public init(_ target: DatasetDescription.Target) {
    self.init(name: target.name, labels: target.labels.map { Int16($0) })
  }
}
