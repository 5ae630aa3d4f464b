import Datasets
import Evaluation
import Files
import Foundation
import Recipes

/// Scores a segmentation run's predictions against its dataset's references, as its recipe says.
struct RunEvaluation {
  let dataset: RawDataset
  let settings: EvaluationSettings

  var classes: [EvaluationClass] {
    dataset.description.labels.dropFirst().map { EvaluationClass(name: $0.name, labels: [Int16($0.value)]) }
  }

  var evaluator: Evaluator {
    Evaluator(
      classes: classes, tolerance: settings.toleranceMM,
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

  /// One value for each case and class, NaN where it is undefined. A case without the class says nothing about it (notes,
  /// point 17).
  static func table(_ cases: [CaseMetrics], _ value: (ClassMetrics) -> Double?) -> [[Double]] {
    cases.map { $0.classes.map { $0.referenceVoxels > 0 ? value($0) ?? .nan : .nan } }
  }
}
