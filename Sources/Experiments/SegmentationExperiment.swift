import Datasets
import Evaluation
import Files
import Foundation
import Imaging
import Networks
import Recipes
import Tensors
import Training

/// One row of a table on one dataset with one seed: trains, predicts, evaluates.
struct SegmentationExperiment {
  let runner: Runner
  let recipe: ResolvedRecipe
  let settings: SegmentationRecipe
  let seed: UInt64
  let identity: String
  let folder: URL
  let dataset: IdentifiedDataset
  let weights: InitialWeightsFile?
  /// The user's folds; nil for nnU-Net's.
  let splits: Splits?
  let pretraining: RunRecord?

  func run() throws -> RunRecord {
    var seconds: [String: Double] = [:]
    let description = dataset.raw.description
    let prepared = try timed("prepare", &seconds) {
      try DatasetPreparation(runner: runner, dataset: settings.dataset).prepare(
        dataset, plan: settings.plan, fold: settings.evaluation.fold, splits: splits)
    }
    try runner.checkCancellation()
    // What prediction needs beside the weights, so that the folder stands alone.
    try prepared.plans.write(to: folder.appendingPathComponent("nnUNetPlans.json"))
    try AtomicFile.write(Data(description.json.text().utf8), to: folder.appendingPathComponent("dataset.json"))
    if let splits { try splits.write(to: folder.appendingPathComponent("splits_final.json")) }
    let network = try settings.network.build(
      NetworkRequest(
        channels: description.channelNames.count, classes: description.classCount, plan: prepared.configuration,
        seed: seed, weights: weights))
    // Weights, and two checkpoints of weights and both moments beside a third that is being written.
    let weightBytes = 4 * network.parameters.reduce(0) { $0 + $1.shape.reduce(1, *) }
    try DiskSpace.require(10 * weightBytes, in: folder, for: "the run's checkpoints and weights")
    let epochs = try train(network, prepared)
    seconds["train"] = epochs.reduce(0) { $0 + $1.seconds }
    let weightsFile = folder.appendingPathComponent("weights.safetensors")
    try Safetensors.write(
      WeightMapping.own(network.parameters).arrays(of: network.parameters), metadata: network.weightMetadata,
      to: weightsFile)
    EngineMemory.releaseUnused()
    let predictions = folder.appendingPathComponent("predictions", isDirectory: true)
    try timed("predict", &seconds) { try predict(network, prepared, into: predictions) }
    let metrics = try timed("evaluate", &seconds) { try evaluate(prepared.fold, predictions) }
    var record = RunRecord(
      description: RunRecord.Description(
        identity: identity, title: recipe.recipe.title, kind: recipe.recipe.kind.rawValue,
        profile: recipe.profile ?? "", seed: Int(seed), dataDigest: dataset.digest,
        initialWeightsDigest: weights?.digest ?? "",
        dependencies: [pretraining?.description.identity].compactMap { $0 },
        weightsDigest: try Digest.sha256(ofFileAt: weightsFile), seconds: seconds),
      recipe: recipe.yamlText, provenance: .current(root: runner.workspace.root), curves: curves(epochs),
      metrics: metrics)
    record.description.splitsDigest = splits?.digest
    return record
  }

  private func train(_ network: any SegmentationNetwork, _ prepared: PreparedDataset) throws -> [EpochRecord] {
    let training = settings.training
    let patch = prepared.configuration.patchSize
    let sources = try BatchSources(
      prepared, batchSize: settings.plan.batchSize ?? prepared.configuration.batchSize, training: training, seed: seed)
    precondition(patch.count == 2, "a 2d configuration has a patch of two sides")
    let configuration = SupervisedTrainingConfiguration(
      epochs: training.epochs, stepsPerEpoch: training.stepsPerEpoch, validationSteps: training.validationSteps,
      seed: seed, optimizer: OptimizerKind(training.optimizer.algorithm),
      learningRate: training.optimizer.learningRate,
      encoderLearningRate: training.optimizer.encoderLearningRate ?? training.optimizer.learningRate,
      weightDecay: training.optimizer.weightDecay, schedule: LearningRateSchedule(training.schedule),
      gradientNorm: training.gradientClip, recomputes: training.recompute,
      epochsPerCheckpoint: max(1, min(50, training.epochs / 8)), identity: identity)
    let checkpoints = try CheckpointFiles(folder, say: runner.say)
    let trainer = SupervisedTrainer(
      network: network, training: sources.training, validation: sources.validation, configuration: configuration,
      checkpoint: checkpoints.latest)
    let outcome = try trainer.run(progress: runner.progress("training"), isCancelled: runner.isCancelled)
    guard outcome == .finished else { throw CancellationError() }
    return trainer.records
  }

  private func predict(_ network: any SegmentationNetwork, _ prepared: PreparedDataset, into predictions: URL) throws {
    try FileManager.default.createDirectory(at: predictions, withIntermediateDirectories: true)
    let predictor = CasePredictor(
      network: network, configuration: prepared.configuration, classCount: dataset.raw.description.classCount,
      evaluation: settings.evaluation)
    let progress = runner.progress("predicting")
    for (index, name) in prepared.fold.validation.enumerated() {
      try runner.checkCancellation()
      let source = dataset.raw.cases.first { $0.name == name }!
      let labels = try predictor.predict(prepared.store.file(name), header: NIfTI.readHeader(source.images[0]))
      try NIfTI.write(labels, to: predictions.appendingPathComponent(name + ".nii.gz"))
      progress(index + 1, of: prepared.fold.validation.count, note: name)
    }
  }

  private func evaluate(_ fold: Splits.Fold, _ predictions: URL) throws -> RunRecord.Metrics {
    let evaluation = RunEvaluation(dataset: dataset.raw, settings: settings.evaluation)
    let report = try evaluation.report(
      cases: fold.validation, predictions: predictions, progress: runner.progress("evaluating"))
    let prior = try positionPrior(
      evaluation.evaluator, evaluation.classes, evaluation.references(fold.validation), learnedFrom: fold.train)
    let digests = try report.cases.map {
      try Digest.sha256(ofFileAt: predictions.appendingPathComponent($0.name + ".nii.gz"))
    }
    let table = RunEvaluation.table
    return RunRecord.Metrics(
      cases: report.cases.map(\.name),
      classes: dataset.raw.description.labels.dropFirst().map { ($0.value, $0.name) },
      dsc: table(report.cases, \.dsc), nsd: table(report.cases, \.nsd), hd95: table(report.cases, \.hd95),
      predictionDigests: digests, positionPriorDSC: table(prior, \.dsc), positionPriorNSD: table(prior, \.nsd))
  }

  /// What a predictor that knows only positions scores on the same cases.
  private func positionPrior(
    _ evaluator: Evaluator, _ classes: [EvaluationClass], _ references: [RawDataset.Case], learnedFrom names: [String]
  ) throws -> [CaseMetrics] {
    var prior = PositionPrior(labelCount: dataset.raw.description.classCount)
    for source in dataset.raw.cases where names.contains(source.name) {
      let labels = try NIfTI.readLabels(source.label!)
      prior.learn(labels.voxels, shape: labels.shape)
    }
    return try references.sorted { $0.name < $1.name }.map { source in
      let reference = try NIfTI.readLabels(source.label!)
      let guess = Volume(voxels: prior.prediction(shape: reference.shape), like: reference)
      return CaseMetrics(
        name: source.name, classes: evaluator.evaluate(reference: reference, prediction: guess, classes: classes))
    }
  }

  private func curves(_ epochs: [EpochRecord]) -> [(name: String, values: [Double])] {
    var curves: [(name: String, values: [Double])] = [
      ("training loss", epochs.map(\.trainingLoss)), ("validation loss", epochs.map(\.validationLoss)),
      ("mean pseudo-Dice", epochs.map(\.meanPseudoDice)), ("smoothed pseudo-Dice", epochs.map(\.movingAverage)),
      ("seconds", epochs.map(\.seconds)),
    ]
    for (index, label) in dataset.raw.description.labels.dropFirst().enumerated() {
      curves.append(("pseudo-Dice of label \(label.value)", epochs.map { $0.pseudoDice[index] }))
    }
    return curves
  }
}

/// Runs `body` and files how long it took under `phase`.
func timed<Result>(_ phase: String, _ seconds: inout [String: Double], _ body: () throws -> Result) rethrows -> Result {
  let start = ContinuousClock.now
  defer { seconds[phase] = (ContinuousClock.now - start) / .seconds(1) }
  return try body()
}

extension OptimizerKind {
  /// The optimiser that a recipe names.
  init(_ settings: OptimizerSettings.Algorithm) {
    switch settings {
    case .adamW(let beta1, let beta2, let epsilon): self = .adamW(beta1: beta1, beta2: beta2, epsilon: epsilon)
    case .sgd(let momentum, let nesterov): self = .sgd(momentum: momentum, nesterov: nesterov)
    }
  }
}

extension LearningRateSchedule {
  /// The schedule that a recipe describes.
  init(_ settings: ScheduleSettings) {
    let form: Form =
      switch settings.form {
      case .constant: .constant
      case .polynomial(let power): .polynomial(power: power)
      case .linear(let fraction): .linear(finalFraction: fraction)
      case .cosine(let fraction): .cosine(finalFraction: fraction)
      }
    self.init(form, warmUp: settings.warmupEpochs)
  }
}
