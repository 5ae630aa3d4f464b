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
struct SupervisedExperiment: Experiment {
  struct Inputs: ExperimentInputs {
    let data: InputAssembly.ScoredData
    let weights: InitialWeightsFile?
    let start: RunRecord?
    var warnings: [String] { data.warnings }
    var digests: InputDigests {
      InputDigests(data: data.dataset.digest, weights: weights?.digest ?? "", splits: data.splits?.digest)
    }
  }

  let recipe: ResolvedRecipe
  let settings: SegmentationRecipe

  func missingInputs(in workspace: Workspace) -> [MissingInput] {
    workspace.missingInputs(of: settings.dataset) + workspace.missingInputs(of: settings.evaluation.scoring)
      + workspace.missingInputs(of: settings.initialWeights)
  }

  func prepare(_ assembly: InputAssembly) throws {
    let data = try assembly.data(settings.dataset, settings.evaluation.scoring, verifies: true)
    let runs = assembly.context.workspace.runs
    _ = try DatasetPreparation(context: assembly.context, dataset: settings.dataset).prepare(
      data.dataset, plan: settings.plan, fold: settings.evaluation.scoring.fold, splits: data.splits,
      following: { try needs(data.dataset, $0, $1, in: runs) })
  }

  func inputs(_ assembly: InputAssembly) throws -> Inputs {
    let data = try assembly.data(settings.dataset, settings.evaluation.scoring, verifies: true)
    let start = try assembly.start(of: recipe)
    return Inputs(
      data: data, weights: try assembly.weights(settings.initialWeights, start: start), start: start)
  }

  /// With random weights, which take as long.
  func calibrate(_ assembly: InputAssembly, _ session: RunSession) throws {
    let data = try assembly.data(settings.dataset, settings.evaluation.scoring, verifies: true)
    _ = try run(Inputs(data: data, weights: nil, start: nil), session)
  }

  func run(_ inputs: Inputs, _ session: RunSession) throws -> RunRecord {
    try SupervisedRun(experiment: self, inputs: inputs, session: session).run()
  }

  /// What training and predicting will leave: weights, two checkpoints of weights and both moments beside a third that is
  /// being written, and a label map a case, before compression.
  /// - Parameter folder: the run's, whose checkpoints give way to its next ones.
  fileprivate func needs(
    _ dataset: IdentifiedDataset, _ plan: Plans.Configuration, _ fold: Splits.Fold, in folder: URL
  ) throws -> [DiskNeed] {
    let description = dataset.raw.description
    let network = try settings.network.build(
      NetworkRequest(
        channels: description.channelNames.count, classes: description.outputCount, plan: plan, seed: 0, weights: nil))
    let weightBytes = 4 * network.parameters.reduce(0) { $0 + $1.shape.reduce(1, *) }
    let there = ["checkpoints/latest.h5", "checkpoints/previous.h5"].map { folder.appendingPathComponent($0) }
    let voxels = try dataset.raw.cases.filter { fold.validation.contains($0.name) }.reduce(0) {
      try $0 + NIfTI.readHeader($1.images[0]).shape.reduce(1, *)
    }
    return [
      DiskNeed(
        bytes: 10 * weightBytes - min(DiskSpace.size(of: there), 6 * weightBytes), folder: folder,
        purpose: "the run's checkpoints and weights"),
      DiskNeed(bytes: 2 * voxels, folder: folder, purpose: "its predictions"),
    ]
  }
}

/// A supervised training at work.
private struct SupervisedRun {
  let experiment: SupervisedExperiment
  let inputs: SupervisedExperiment.Inputs
  let session: RunSession

  private var recipe: ResolvedRecipe { experiment.recipe }
  private var settings: SegmentationRecipe { experiment.settings }
  private var context: RunContext { session.context }
  private var folder: URL { session.folder }
  private var seed: UInt64 { session.seed }
  private var dataset: IdentifiedDataset { inputs.data.dataset }

  func run() throws -> RunRecord {
    var seconds: [String: Double] = [:]
    let description = dataset.raw.description
    let prepared = try timed("prepare", &seconds) {
      try DatasetPreparation(context: context, dataset: settings.dataset).prepare(
        dataset, plan: settings.plan, fold: settings.evaluation.scoring.fold, splits: inputs.data.splits,
        following: { try experiment.needs(dataset, $0, $1, in: folder) })
    }
    try context.checkCancellation()
    // What prediction needs beside the weights, so that the folder stands alone.
    try prepared.plans.write(to: folder.appendingPathComponent("nnUNetPlans.json"))
    try AtomicFile.write(Data(description.json.text().utf8), to: folder.appendingPathComponent("dataset.json"))
    try inputs.data.splits?.write(to: folder.appendingPathComponent("splits_final.json"))
    let network = try settings.network.build(
      NetworkRequest(
        channels: description.channelNames.count, classes: description.outputCount, plan: prepared.configuration,
        seed: seed, weights: inputs.weights))
    let epochs = try train(network, prepared)
    seconds["train"] = epochs.reduce(0) { $0 + $1.seconds }
    let weightsFile = folder.appendingPathComponent("weights.safetensors")
    try Safetensors.write(
      WeightMapping.own(network.parameters).arrays(of: network.parameters), metadata: network.weightMetadata,
      to: weightsFile)
    EngineMemory.releaseUnused()
    let predictions = folder.appendingPathComponent("predictions", isDirectory: true)
    try timed("predict", &seconds) {
      try MemoryAdvice.predicting.during { try predict(network, prepared, into: predictions) }
    }
    let metrics = try timed("evaluate", &seconds) {
      let evaluation = RunEvaluation(dataset: dataset.raw, settings: settings.evaluation.scoring)
      let report = try evaluation.report(
        cases: prepared.fold.validation, predictions: predictions, progress: context.progress("evaluating"))
      for warning in FileWarning.grouped(report.warnings) { context.say("warning: \(warning)") }
      return try evaluation.metrics(report, learnedFrom: prepared.fold.train, predictions: predictions)
    }
    return session.record(
      of: recipe, inputs, weightsDigest: try Digest.sha256(ofFileAt: weightsFile), seconds: seconds,
      curves: curves(epochs), metrics: metrics,
      extent: RunExtent(dataset, settings.dataset, prepared.fold, patch: prepared.configuration.patchSize))
  }

  private func train(_ network: any SegmentationNetwork, _ prepared: PreparedDataset) throws -> [EpochRecord] {
    let training = settings.training
    let patch = prepared.configuration.patchSize
    let sources = try BatchSources(
      prepared, batchSize: settings.plan.batchSize ?? prepared.configuration.batchSize, training: training, seed: seed,
      ignoreLabel: dataset.raw.description.ignoreLabel)
    precondition(patch.count == 2, "a 2d configuration has a patch of two sides")
    let configuration = SupervisedTrainingConfiguration(
      epochs: training.epochs, stepsPerEpoch: training.stepsPerEpoch, validationSteps: training.validationSteps,
      seed: seed, optimizer: training.optimizer.algorithm,
      learningRate: training.optimizer.learningRate,
      encoderLearningRate: training.optimizer.encoderLearningRate ?? training.optimizer.learningRate,
      weightDecay: training.optimizer.weightDecay, schedule: training.schedule,
      gradientNorm: training.gradientClip, loss: SegmentationLoss(dataset.raw.description),
      recomputes: training.recompute,
      epochsPerCheckpoint: max(1, min(50, training.epochs / 8)), identity: session.identity)
    let checkpoints = try CheckpointFiles(folder, say: context.say)
    let trainer = SupervisedTrainer(
      network: network, training: sources.training, validation: sources.validation, configuration: configuration,
      checkpoint: checkpoints.latest)
    let log = MetricsLog(folder: session.folder)
    let clock = session.clock
    let outcome = try MemoryAdvice.training.during {
      try training.precision.available(for: recipe)({
        try trainer.run(
          progress: clock.timing(context.progress("training")), isCancelled: context.isCancelled,
          onResume: { context.say("resuming at step \($0 + 1) of \($1)") }, onEpoch: { log.add($0) })
      })
    }
    if let key = recipe.stepKey(plan: prepared.configuration.text, device: context.device) {
      let disk = try experiment.needs(dataset, prepared.configuration, prepared.fold, in: context.workspace.measured)
      clock.keep(recipe, key: key, diskBytes: disk.reduce(0) { $0 + $1.bytes }, in: context.workspace)
    }
    guard outcome == .finished else { throw CancellationError() }
    return trainer.records
  }

  private func predict(_ network: any SegmentationNetwork, _ prepared: PreparedDataset, into predictions: URL) throws {
    try makeFolder(predictions)
    let predictor = CasePredictor(
      network: network, configuration: prepared.configuration, description: dataset.raw.description,
      evaluation: settings.evaluation)
    let progress = context.progress("predicting")
    progress(0, of: prepared.fold.validation.count)
    for (index, name) in prepared.fold.validation.enumerated() {
      try context.checkCancellation()
      let source = dataset.raw.cases.first { $0.name == name }!
      let labels = try predictor.predict(prepared.store.file(name), header: NIfTI.readHeader(source.images[0]))
      try NIfTI.write(labels, to: predictions.appendingPathComponent(name + ".nii.gz"))
      progress(index + 1, of: prepared.fold.validation.count, note: name)
    }
  }

  private func curves(_ epochs: [EpochRecord]) -> RunCurves {
    let description = dataset.raw.description
    return .training(
      epochs.map(CurvePoint.init),
      classes: description.targets.enumerated().map { index, target in
        description.learnsRegions ? "region \(index + 1)" : "label \(target.labels[0])"
      })
  }
}

extension SegmentationLoss {
  /// nnU-Net's loss of what a dataset's networks learn.
  init(_ description: DatasetDescription) {
    self.init(
      regions: description.learnsRegions
        ? RegionTable(regions: description.targets.map(\.labels), labelCount: description.classCount) : nil,
      hasIgnoreLabel: description.ignoreLabel != nil)
  }
}
