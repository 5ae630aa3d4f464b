import Files
import Foundation
import Networks
import Tensors
import Training

/// Learns a vision transformer without labels: a student matches what its own moving average, the teacher, says of other
/// views of the same image (DINO) and of patches hidden from the student (iBOT), with targets balanced by Sinkhorn-Knopp;
/// where asked for, its patches' similarities are held to those of an earlier model (Gram anchoring).
///
/// Equal configurations, images and initial weights give equal bits, whether or not it was stopped and resumed.
public final class SelfDistillationTrainer {
  public let configuration: SelfDistillationConfiguration
  /// Where checkpoints are written, and read when the training goes on.
  public let checkpoint: URL
  public private(set) var records: [PretrainingRecord] = []
  /// The teacher's backbone: what is learnt.
  public var backbone: VisionTransformer { teacher.backbone }
  /// All of the teacher's parameters: the backbone's, then the heads' and the mask token.
  public let teacherParameters: [Parameter]
  /// The student's, in the same order.
  public let studentParameters: [Parameter]

  /// What checkpoints of this trainer call themselves.
  public static let checkpointKind = "self-distillation"

  /// The networks', where batches go.
  private let device: Device
  private let images: ImagePool
  private let student: SelfDistillationNetwork
  private let teacher: SelfDistillationNetwork
  private let gramTeacher: VisionTransformer?
  private let optimizer: AdamW
  /// The part of the network that each of the optimiser's groups belongs to.
  private let parts: [SelfDistillationNetwork.Part]
  private var iteration = 0
  /// When the last checkpoint was written, or the training began.
  private var lastCheckpoint = ContinuousClock.now
  /// Of the four losses since the last record: views, masked patches, KoLeo, Gram.
  private var sums = [0.0, 0, 0, 0]

  /// Student and teacher start from an initialiser of the configuration's seed, and alike unless told otherwise.
  /// - Parameters:
  ///   - checkpoint: an HDF5 file. If it is there, `run` goes on from it.
  ///   - gramTeacher: required where the configuration has Gram anchoring; of the backbone's patch size.
  ///   - initialize: may put other weights into the backbone and into the heads (which hold the mask token too) first.
  ///   - initializeTeacher: may put others into the teacher's parameters, in the order of `teacherParameters`, in place of the
  ///     student's.
  /// - Throws: what these two throw.
  public init(
    images: PretrainingImages, configuration: SelfDistillationConfiguration, checkpoint: URL,
    gramTeacher: VisionTransformer? = nil,
    initialize: (_ backbone: VisionTransformer, _ heads: [Parameter]) throws -> Void = { _, _ in },
    initializeTeacher: (_ parameters: [Parameter]) throws -> Void = { _ in }
  ) throws {
    precondition((configuration.gram != nil) == (gramTeacher != nil), "a Gram teacher for Gram anchoring")
    precondition(gramTeacher.map { $0.configuration.patch == configuration.backbone.patch } ?? true, "equal patches")
    self.gramTeacher = gramTeacher
    self.images = ImagePool(images)
    self.configuration = configuration
    self.checkpoint = checkpoint
    student = SelfDistillationNetwork(configuration)
    studentParameters = student.parameters
    device = student.device
    try initialize(student.backbone, Array(studentParameters.dropFirst(student.backbone.parameters.count)))
    teacher = SelfDistillationNetwork(configuration)
    teacherParameters = teacher.parameters
    for (own, other) in zip(teacherParameters, studentParameters) {
      own.set(other.value)
      own.isTrainable = false
    }
    try initializeTeacher(teacherParameters)
    let groups = student.groups(configuration)
    parts = groups.map(\.part)
    optimizer = AdamW(groups: groups.map(\.group), betas: configuration.betas, epsilon: configuration.epsilon)
  }

  /// Trains from the checkpoint, if there is one, to the last iteration.
  /// - Parameters:
  ///   - progress: told of every iteration.
  ///   - isCancelled: asked after every iteration and between the parts of its batch; when true, a checkpoint is written and
  ///     the run ends.
  ///   - onSnapshot: called after each of the configuration's snapshot iterations, before the checkpoint that follows: a
  ///     resumed training has been through it, or will be.
  ///   - onResume: told how many iterations of how many were done when it goes on from a checkpoint.
  ///   - onRecord: gets every record; those of a resumed training's earlier iterations come first.
  /// - Throws: `PretrainingError` when training diverges or collapses, `CheckpointError` when the checkpoint belongs to
  ///   another training, `FileError` and `HDF5Error` about the file, and what the images throw.
  public func run(
    progress: Files.Progress = .silent, isCancelled: () -> Bool = { false },
    onSnapshot: (_ iteration: Int) throws -> Void = { _ in },
    onResume: (_ done: Int, _ total: Int) -> Void = { _, _ in },
    onRecord: (PretrainingRecord) throws -> Void = { _ in }
  ) throws -> TrainingOutcome {
    try device { try train(progress, isCancelled, onSnapshot, onResume, onRecord) }
  }

  private func train(
    _ progress: Files.Progress, _ isCancelled: () -> Bool, _ onSnapshot: (_ iteration: Int) throws -> Void,
    _ onResume: (_ done: Int, _ total: Int) -> Void, _ onRecord: (PretrainingRecord) throws -> Void
  ) throws -> TrainingOutcome {
    if FileManager.default.fileExists(atPath: checkpoint.path) { try resume() }
    for record in records { try onRecord(record) }
    if iteration > 0 && iteration < configuration.iterations { onResume(iteration, configuration.iterations) }
    if iteration < configuration.iterations { progress(iteration, of: configuration.iterations) }
    lastCheckpoint = .now
    while iteration < configuration.iterations {
      let record: PretrainingRecord?
      do {
        record = try step(isCancelled)
      } catch is CancellationError {
        try writeCheckpoint()
        return .cancelled
      }
      if configuration.snapshots.contains(iteration) { try Cancellation.deferred { try onSnapshot(iteration) } }
      let isLast = iteration == configuration.iterations
      if isLast || iteration % configuration.iterationsPerCheckpoint == 0
        || ContinuousClock.now - lastCheckpoint > Checkpoint.longestWait
      {
        try writeCheckpoint()
      }
      if let record { try onRecord(record) }
      let latest = records.last.map {
        String(format: "loss %.3f, rank %.1f", $0.viewLoss + $0.maskedLoss, $0.tokenRank)
      }
      progress(iteration, of: configuration.iterations, note: latest ?? "")
      if !isLast && isCancelled() {
        try writeCheckpoint()
        return .cancelled
      }
    }
    return .finished
  }

  // MARK: - One iteration

  /// - Throws: `CancellationError` when a stop was asked for before anything has changed: while a batch was made, or between
  ///   the batch's parts, of which one may take a minute.
  private func step(_ isCancelled: () -> Bool) throws -> PretrainingRecord? {
    let scheduled = configuration.scheduledValues(at: iteration)
    let isRecorded = (iteration + 1) % configuration.iterationsPerRecord == 0
    let parts = configuration.parts
    func batch(_ part: Int) throws -> SelfDistillationBatch {
      if part > 0 && isCancelled() { throw CancellationError() }
      return try Device.cpu {
        try SelfDistillationBatch(images, configuration, iteration: iteration, part: part)
      }.moved(to: device)
    }
    // The teacher sees the whole batch first: its targets are balanced over all of it. The views of several parts are made
    // again for the student, which takes less time than they would take memory.
    let only = parts == 1 ? try batch(0) : nil
    var tokens = TokenStatistics.Sums()
    var maskedViews = 0
    let features = try (0..<parts).map { part in
      let batch = try only ?? batch(part)
      maskedViews += batch.mask?.counts.filter { $0 > 0 }.count ?? 0
      let seen = teacher.features(batch)
      if isRecorded { tokens.add(seen.patchTokens) }
      return (views: seen.views, masked: seen.masked)
    }
    let targets = teacher.targets(features, temperature: scheduled.teacherTemperature)
    // The masked loss counts views without masked patches as 0; in the records, for people to read, they are left out.
    let maskedShare = Double(max(1, maskedViews)) / Double(MultiCropViews.globalCount * configuration.batch)
    let koLeo = try configuration.koLeoGroup.map { group in
      try KoLeoGroups(size: group, partSize: configuration.microBatch, parts: parts) {
        student.globalTokens(try only ?? batch($0), configuration).classToken
      }
    }
    var total = Gradients()
    var sums = sums
    var (loss, entropy) = (0.0, 0.0)
    for part in 0..<parts {
      let partTargets = targets.part(part)
      let (terms, gradients) = gradients(of: try only ?? batch(part), partTargets, koLeo, scheduled)
      loss += terms.total
      for (index, term) in [terms.views, terms.masked / maskedShare, terms.koLeo, terms.gram].enumerated() {
        sums[index] += term / Double(parts)
      }
      total.add(gradients)
      if isRecorded { entropy += SelfDistillationLoss.entropy(partTargets.views) / Double(parts) }
    }
    let norm = try update(total, loss, scheduled)
    // The teacher's exponential moving average.
    for (own, other) in zip(teacherParameters, studentParameters) {
      own.update { $1.lerp($0, towards: other.value, weight: 1 - scheduled.momentum) }
    }
    iteration += 1
    self.sums = sums
    guard isRecorded else { return nil }

    let statistics = tokens.statistics
    let count = Double(configuration.iterationsPerRecord)
    let record = PretrainingRecord(
      [Double(iteration)] + sums.map { $0 / count } + [
        entropy, statistics.rank, statistics.spread, norm, scheduled.learningRate, scheduled.weightDecay,
        scheduled.momentum,
        scheduled.teacherTemperature,
      ])
    records.append(record)
    self.sums = [0, 0, 0, 0]
    try Self.checkForCollapse(record, statistics)
    return record
  }

  /// Clips the gradients and moves the student along them; returns the norm of all gradients before.
  private func update(
    _ gradients: Gradients, _ loss: Double, _ scheduled: SelfDistillationConfiguration.ScheduledValues
  ) throws
    -> Double
  {
    let squares = SelfDistillationNetwork.Part.allCases.map { part in
      let groups = zip(parts, optimizer.groups).filter { $0.0 == part }
      let norm = GradientClipping.globalNorm(gradients, of: groups.flatMap(\.1.parameters))
      return (part: part, square: norm * norm)
    }
    let norm = squares.reduce(0) { $0 + $1.square }.squareRoot()
    guard loss.isFinite, norm.isFinite else { throw PretrainingError.diverged(iteration: iteration) }
    let scales = parts.map { part in
      let square = squares.first { $0.part == part }!.square
      let clipped = configuration.clipping == .global ? norm : square.squareRoot()
      return GradientClipping.scale(norm: clipped, maximum: configuration.gradientNorm)
    }
    let areFrozen = iteration < configuration.frozenLastLayerIterations
    optimizer.setLearningRate(of: SelfDistillationNetwork.prototypes, to: areFrozen ? 0 : 1)
    optimizer.step(
      gradients, gradientScales: scales, learningRateFactor: scheduled.learningRate,
      weightDecayFactor: scheduled.weightDecay)
    return norm
  }

  /// The losses of one part of a batch before their factors, and their weighted sum as the part's share of the batch's.
  private typealias Terms = (views: Double, masked: Double, koLeo: Double, gram: Double, total: Double)

  private func gradients(
    of batch: SelfDistillationBatch, _ targets: (views: Tensor, masked: Tensor?), _ koLeo: KoLeoGroups?,
    _ scheduled: SelfDistillationConfiguration.ScheduledValues
  ) -> (terms: Terms, gradients: Gradients) {
    let share = 1 / Double(configuration.parts)
    let gramTokens = gramTokens(batch)
    var terms = Terms(0, 0, 0, 0, 0)
    let (loss, gradients) = Tape.gradients {
      let losses = student.losses(batch, targets, gramTokens: gramTokens, koLeo: koLeo, configuration)
      terms.views = losses.views.scalarValue
      var total = configuration.viewWeight * losses.views
      if let masked = losses.masked {
        terms.masked = masked.scalarValue
        total = total + configuration.maskedWeight * masked
      }
      if let koLeo = losses.koLeo {
        terms.koLeo = koLeo.value
        total = total + configuration.koLeoWeight * koLeo.differentiable
      }
      if let gram = losses.gram {
        terms.gram = gram.scalarValue
        total = total + scheduled.gramWeight * gram
      }
      return share == 1 ? total : total * share
    }
    terms.total = loss.scalarValue
    return (terms, gradients)
  }

  /// The Gram teacher's tokens on the student's grid.
  private func gramTokens(_ batch: SelfDistillationBatch) -> Tensor? {
    guard let gramTeacher, let views = batch.gram else { return nil }
    func side(_ views: Tensor) -> Int { views.shape[2] / configuration.backbone.patch }
    let (from, to) = (side(views), side(batch.global))
    return TokenGrid.resized(gramTeacher(views, .evaluation)[0].patches, from: (from, from), to: (to, to))
  }

  /// A teacher whose tokens all point the same way, or along one line, or whose targets are all certain has nothing to teach.
  private static func checkForCollapse(_ record: PretrainingRecord, _ tokens: TokenStatistics) throws {
    func collapsed(_ sign: String) -> PretrainingError { .collapsed(iteration: record.iterations, sign: sign) }
    if !(tokens.spread > 1e-5) {
      throw collapsed("the spread of its patch tokens has fallen to \(String(format: "%.2g", tokens.spread))")
    }
    if !(tokens.rank > 1.01) {
      throw collapsed("the rank of its patch tokens has fallen to \(String(format: "%.3f", tokens.rank))")
    }
    if !(record.teacherEntropy > 1e-3) {
      throw collapsed("its targets' entropy has fallen to \(String(format: "%.2g", record.teacherEntropy))")
    }
  }

  // MARK: - Checkpoints

  /// Bytes of one checkpoint: student and teacher, and two moments of what the student trains.
  public var checkpointBytes: Int {
    func bytes(_ parameters: [Parameter]) -> Int { 4 * parameters.reduce(0) { $0 + $1.shape.reduce(1, *) } }
    return 3 * bytes(studentParameters) + bytes(teacherParameters)
  }

  private var sets: [Checkpoint.ParameterSet] { [("student", studentParameters), ("teacher", teacherParameters)] }

  private func writeCheckpoint() throws {
    defer { lastCheckpoint = .now }
    var state = Checkpoint(kind: Self.checkpointKind, configuration: configuration.identity)
    state.counters = [("iterations", iteration)]
    state.curves = PretrainingRecord.columns.enumerated().map { column, name in
      (name, records.map { $0.values[column] })
    }
    state.curves.append(("lossSums", sums))
    try Cancellation.deferred { try state.write(to: checkpoint, sets, optimizer: optimizer) }
  }

  private func resume() throws {
    let columns = PretrainingRecord.columns
    let state = try Checkpoint.read(
      checkpoint, kind: Self.checkpointKind, configuration: configuration.identity, counters: ["iterations"],
      curves: columns + ["lossSums"], sets, optimizer: optimizer)
    let done = state.counters[0].value
    let curves = state.curves.map(\.values)
    let count = done / configuration.iterationsPerRecord
    guard done <= configuration.iterations, curves.dropLast().allSatisfy({ $0.count == count }),
      curves.last!.count == sums.count
    else {
      throw CheckpointError.inconsistent(path: checkpoint.path, problem: "its curves do not have \(count) records")
    }
    iteration = done
    records = (0..<count).map { index in PretrainingRecord(curves.dropLast().map { $0[index] }) }
    sums = curves.last!
  }
}
