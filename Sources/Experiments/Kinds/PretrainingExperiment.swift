import Datasets
import Files
import Foundation
import Networks
import Pretraining
import Recipes
import Tensors

/// Trains an encoder without labels, and leaves its weights for the rows and the stages that start from it.
struct PretrainingExperiment: Experiment {
  struct Inputs: ExperimentInputs {
    let images: IdentifiedImages
    let weights: InitialWeightsFile?
    let start: RunRecord?
    var warnings: [String] { [] }
    var digests: InputDigests { InputDigests(data: images.digest, weights: weights?.digest ?? "") }
  }

  let recipe: ResolvedRecipe
  let settings: PretrainingRecipe

  func missingInputs(in workspace: Workspace) -> [MissingInput] {
    workspace.missingInputs(of: settings.images) + workspace.missingInputs(of: settings.initialWeights)
  }

  func prepare(_ assembly: InputAssembly) throws { _ = try assembly.images(settings.images) }

  /// With random weights, a Gram teacher's too, which take as long.
  func calibrate(_ assembly: InputAssembly, _ session: RunSession) throws {
    _ = try run(Inputs(images: assembly.images(settings.images), weights: nil, start: nil), session)
  }

  func inputs(_ assembly: InputAssembly) throws -> Inputs {
    let start = try assembly.start(of: recipe)
    return Inputs(
      images: try assembly.images(settings.images),
      weights: try assembly.weights(settings.initialWeights, start: start), start: start)
  }

  func run(_ inputs: Inputs, _ session: RunSession) throws -> RunRecord {
    try PretrainingRun(recipe: recipe, settings: settings, inputs: inputs, session: session).run()
  }

  /// How many iterations each entry of the curves is the mean of.
  static func iterationsPerRecord(of iterations: Int) -> Int { min(10, iterations) }
}

/// A pretraining at work.
private struct PretrainingRun {
  let recipe: ResolvedRecipe
  let settings: PretrainingRecipe
  let inputs: PretrainingExperiment.Inputs
  let session: RunSession

  private var folder: URL { session.folder }

  func run() throws -> RunRecord {
    var seconds: [String: Double] = [:]
    let context = session.context
    let checkpoints = try CheckpointFiles(folder, say: context.say)
    let files = PretrainingFiles(folder: folder)
    try makeFolder(files.snapshots)
    let trainer = try trainer(files, checkpoint: checkpoints.latest)
    try DiskSpace.require([need(of: trainer)])
    let log = MetricsLog(folder: folder)
    let outcome = try timed("train", &seconds) {
      try MemoryAdvice.pretraining.during {
        try settings.selfDistillation.precision.available(for: recipe)({
          try trainer.run(
            progress: session.clock.timing(context.progress("pretraining")), isCancelled: context.isCancelled,
            onSnapshot: { try Self.write(trainer.backbone, to: files.snapshot($0)) },
            onResume: { context.say("resuming at iteration \($0 + 1) of \($1)") }, onRecord: { log.add($0) })
        })
      }
    }
    if let key = recipe.stepKey(plan: nil, device: context.device) {
      session.clock.keep(recipe, key: key, diskBytes: diskBytes(of: trainer), in: context.workspace)
    }
    guard outcome == .finished else { throw CancellationError() }
    try Self.write(trainer.backbone, to: files.weights)
    for (parameters, file) in [(trainer.teacherParameters, files.teacher), (trainer.studentParameters, files.student)] {
      try Safetensors.write(
        WeightMapping.own(parameters).arrays(of: parameters), metadata: trainer.backbone.configuration.metadata,
        to: file)
    }
    EngineMemory.releaseUnused()
    return session.record(
      of: recipe, inputs, weightsDigest: try Digest.sha256(ofFileAt: files.weights), seconds: seconds,
      curves: .pretraining(trainer.records),
      extent: RunExtent(images: inputs.images.found, expectedImages: inputs.images.expected))
  }

  /// Two checkpoints beside a third that is being written, teacher and student with their heads, and the teacher's backbone
  /// several times.
  private func need(of trainer: SelfDistillationTrainer) -> DiskNeed {
    let there = ["checkpoints/latest.h5", "checkpoints/previous.h5"].map { folder.appendingPathComponent($0) }
    return DiskNeed(
      bytes: diskBytes(of: trainer) - min(DiskSpace.size(of: there), 2 * trainer.checkpointBytes), folder: folder,
      purpose: "the run's checkpoints, snapshots and weights")
  }

  private func diskBytes(of trainer: SelfDistillationTrainer) -> Int {
    let backbones = 4 + settings.selfDistillation.snapshots.count
    return 3 * trainer.checkpointBytes + backbones * trainer.checkpointBytes / 4
  }

  private func trainer(_ files: PretrainingFiles, checkpoint: URL) throws -> SelfDistillationTrainer {
    let configuration = configuration
    let earlier = inputs.start.map {
      PretrainingFiles(folder: session.context.workspace.run($0.description.identity))
    }
    var gramTeacher: VisionTransformer?
    if let gram = settings.selfDistillation.gram {
      var backbone = configuration.backbone
      backbone.dropPath = .none
      let teacher = VisionTransformer(backbone, Initializer(seed: session.seed))
      // A calibration has none before it.
      if let earlier {
        let file =
          switch gram.teacher {
          case .snapshot(let iteration): earlier.snapshot(iteration)
          case .previous: earlier.gramTeacher
          }
        try WeightMapping.own(teacher.parameters).load(WeightFile(contentsOf: file), into: teacher.parameters)
      }
      teacher.setTrainable(false)
      // For the stage that goes on from this one.
      try Self.write(teacher, to: files.gramTeacher)
      gramTeacher = teacher
    }
    let goesOn = settings.selfDistillation.studentStart == .student
    func load(_ file: URL, into parameters: [Parameter]) throws {
      try WeightMapping.own(parameters).load(WeightFile(contentsOf: file), into: parameters)
    }
    return try SelfDistillationTrainer(
      images: inputs.images.images, configuration: configuration, checkpoint: checkpoint, gramTeacher: gramTeacher,
      initialize: { backbone, heads in
        guard let weights = inputs.weights else { return }
        if settings.selfDistillation.head.start == .previous, let earlier {
          try load(goesOn ? earlier.student : earlier.teacher, into: backbone.parameters + heads)
        } else {
          try weights.load(into: backbone, named: "encoder", adapting: true)
        }
      },
      initializeTeacher: { if goesOn, let earlier { try load(earlier.teacher, into: $0) } })
  }

  private static func write(_ backbone: VisionTransformer, to url: URL) throws {
    try Safetensors.write(
      WeightMapping.own(backbone.parameters).arrays(of: backbone.parameters),
      metadata: backbone.configuration.metadata, to: url)
  }

  private var configuration: SelfDistillationConfiguration {
    let distillation = settings.selfDistillation
    let crops = distillation.crops
    let sizes = crops.sizes.map { ViewSizes(global: $0.global, local: $0.local, gram: $0.gram, ratio: $0.ratio) }
    return SelfDistillationConfiguration(
      backbone: VisionTransformerConfiguration(settings.vit),
      views: MultiCropViews(
        globalSize: sizes[0].global, localSize: sizes[0].local, gramSize: sizes[0].gram, localCount: crops.local.count,
        globalScale: crops.global.scale, localScale: crops.local.scale,
        flips: (crops.flips.vertical, crops.flips.horizontal),
        distortions: MultiCropViews.Distortions(crops.intensities)),
      head: ProjectionHead.Configuration(
        hiddenWidth: distillation.head.hiddenWidth, bottleneckWidth: distillation.head.bottleneckWidth,
        prototypes: distillation.head.prototypes, initialDeviation: distillation.head.initialDeviation),
      resolutions: sizes.count > 1 ? sizes : [], seed: session.seed, iterations: distillation.iterations,
      batch: distillation.batchSize, microBatch: distillation.microBatchSize,
      maskedWeight: distillation.maskedPatches.weight, koLeoWeight: distillation.koLeoWeight,
      koLeoGroupSize: distillation.koLeoGroup,
      localWeight: Ramp(
        from: distillation.localLoss.weight.first, to: distillation.localLoss.weight.last,
        iterations: distillation.localLoss.iterations),
      gram: distillation.gram.map {
        SelfDistillationConfiguration.Gram(
          weight: Ramp(from: 0, to: $0.weight, iterations: $0.warmupIterations),
          normalization: $0.normalization)
      }, maskProbability: distillation.maskedPatches.probability, maskRatio: distillation.maskedPatches.ratio,
      studentTemperature: distillation.studentTemperature,
      teacherTemperature: (
        distillation.teacher.temperature.first, distillation.teacher.temperature.last,
        distillation.teacher.temperatureWarmupIterations
      ), momentum: (distillation.teacher.momentum.first, distillation.teacher.momentum.last),
      learningRate: distillation.learningRate, schedule: RateSchedule(distillation.optimizer),
      layerDecay: distillation.optimizer.layerDecay,
      patchEmbeddingRate: distillation.optimizer.patchEmbeddingRate,
      weightDecay: (distillation.optimizer.weightDecay.first, distillation.optimizer.weightDecay.last),
      betas: distillation.optimizer.betas, epsilon: distillation.optimizer.epsilon,
      gradientNorm: distillation.gradientClip,
      clipping: distillation.gradientClipScope,
      frozenLastLayerIterations: distillation.frozenLastLayerIterations,
      snapshots: Set(distillation.snapshots),
      iterationsPerRecord: PretrainingExperiment.iterationsPerRecord(of: distillation.iterations),
      iterationsPerCheckpoint: max(10, min(250, distillation.iterations / 8)), identity: session.identity)
  }
}

extension MultiCropViews.Distortions {
  init(_ settings: CropSettings.Intensities) {
    switch settings {
    case .ct(let own):
      self = .ct(
        CTDistortions(
          brightness: own.brightness, contrast: own.contrast, gamma: own.gamma, blur: own.blur, noise: own.noise))
    case .dinov3(let theirs):
      self = .dinov3(
        DINOv3Distortions(
          jitter: theirs.jitter, brightness: theirs.brightness, contrast: theirs.contrast,
          blur: (theirs.blur.first, theirs.blur.second, theirs.blur.local),
          solarize: theirs.solarize))
    }
  }
}

extension RateSchedule {
  init(_ settings: PretrainingOptimizerSettings) {
    switch settings.schedule {
    case .cosine(let last): self = .cosine(warmUp: settings.warmupIterations, end: last)
    case .constant: self = .constant(warmUp: settings.warmupIterations)
    case .rising: self = .rising(warmUp: settings.warmupIterations)
    }
  }
}

/// Where a pretraining run keeps what others start from.
public struct PretrainingFiles {
  public let folder: URL

  public init(folder: URL) { self.folder = folder }

  /// The teacher's backbone at the end, in SegBench's own layout.
  public var weights: URL { folder.appendingPathComponent("weights.safetensors") }
  /// The whole teacher at the end, heads and mask token included.
  var teacher: URL { folder.appendingPathComponent("teacher.safetensors") }
  /// The whole student at the end, likewise.
  var student: URL { folder.appendingPathComponent("student.safetensors") }
  /// The Gram teacher's backbone, if there was one.
  var gramTeacher: URL { folder.appendingPathComponent("gram-teacher.safetensors") }
  var snapshots: URL { folder.appendingPathComponent("snapshots", isDirectory: true) }

  /// The teacher's backbone after an iteration.
  public func snapshot(_ iteration: Int) -> URL { snapshots.appendingPathComponent("\(iteration).safetensors") }
}
