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
    dataset.description.targets(settings.classes ?? dataset.description.targetKind)
  }

  var classes: [EvaluationClass] { targets.map(EvaluationClass.init) }

  var evaluator: Evaluator {
    Evaluator(
      classes: classes, ignoreLabel: dataset.description.ignoreLabel.map { Int16($0) }, tolerance: settings.toleranceMM,
      convention: settings.surfaceDice, averaging: settings.averaging)
  }

  /// The dataset's cases of these names.
  func references(_ names: [String]) -> [RawDataset.Case] { dataset.cases.filter { names.contains($0.name) } }

  /// - Throws: `DatasetError` when the dataset has no case of these names, and what the evaluator throws.
  func report(cases names: [String], predictions: URL, progress: Files.Progress = .silent) throws -> EvaluationReport {
    let references = references(names)
    guard let label = references.first?.label, references.count == names.count else {
      throw DatasetError("\(dataset.directory.path) lacks some of the cases \(names.joined(separator: ", ")).")
    }
    return try MemoryAdvice.evaluating.during {
      try evaluator.evaluate(
        references: label.deletingLastPathComponent(), predictions: predictions, cases: references.map(\.name),
        progress: progress)
    }
  }

  /// What a run's record keeps of a report.
  /// - Parameters:
  ///   - names: the cases from which the predictors without a network learn.
  ///   - predictions: the folder in which the run keeps the predicted files, `<case>.nii.gz`.
  func metrics(
    _ report: EvaluationReport, learnedFrom names: [String], predictions: URL
  ) throws -> RunRecord.Metrics {
    let blind = try priors(report.cases.map(\.name), learnedFrom: names)
    let digests = try report.cases.map {
      try Digest.sha256(ofContentOf: predictions.appendingPathComponent($0.name + ".nii.gz"))
    }
    return RunRecord.Metrics(
      classes: targets.map { ($0.predictedLabel, $0.name) }, measured: report.cases, averaging: settings.averaging,
      predictionDigests: digests, priors: blind)
  }

  /// What the predictors without a network score on the same cases.
  private func priors(
    _ cases: [String], learnedFrom names: [String]
  ) throws -> [PredictorScores] {
    let training = references(names)
    // An image is much larger than its labels: of large datasets so many are enough.
    let step = max(1, training.count / 24)
    func seesImage(_ index: Int) -> Bool { index % step == 0 }
    var intensities: [Float] = []
    for (index, source) in training.enumerated() where seesImage(index) {
      try Cancellation.check()
      let voxels = try NIfTI.readImage(source.images[0]).voxels
      for voxel in stride(from: 0, to: voxels.count, by: max(1, voxels.count / 40_000)) {
        intensities.append(voxels[voxel])
      }
    }
    var learner = PriorLearner(labelCount: dataset.description.classCount, intensities: intensities)
    for (index, source) in training.enumerated() {
      try Cancellation.check()
      let labels = try NIfTI.readLabels(source.label!)
      let image = seesImage(index) ? try NIfTI.readImage(source.images[0]).voxels : nil
      learner.learn(labels.voxels, image: image, shape: labels.shape)
    }
    let predictors = learner.predictors(
      targets.map { PriorClass(labels: $0.labels, predictedLabel: $0.predictedLabel) })
    var scores = [[CaseScores]](repeating: [], count: predictors.count)
    for source in references(cases).sorted(by: { $0.name < $1.name }) {
      let reference = try NIfTI.readLabels(source.label!)
      let image = try NIfTI.readImage(source.images[0]).voxels
      for (index, item) in predictors.enumerated() {
        let labels = item.predictor.prediction(shape: reference.shape, image: item.rule.seesImage ? image : [])
        let guess = Volume(voxels: labels, like: reference)
        let metrics = try evaluator.evaluate(reference: reference, prediction: guess, classes: classes)
        scores[index].append(CaseScores(name: source.name, dsc: metrics.map(\.dsc), nsd: metrics.map(\.nsd)))
      }
    }
    return zip(predictors, scores).map {
      PredictorScores(name: $0.rule.rawValue, scores: ScoreTable(classes: classes.map(\.name), cases: $1))
    }
  }
}

extension EvaluationClass {
  public init(_ target: DatasetDescription.Target) {
    self.init(name: target.name, labels: target.labels.map { Int16($0) })
  }
}
