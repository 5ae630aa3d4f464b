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
  public var teacherParameters: [Parameter] { teacher.parameters }
  /// The student's, in the same order.
  public var studentParameters: [Parameter] { student.parameters }

  /// What checkpoints of this trainer call themselves.
  public static let checkpointKind = "self-distillation"

  private let images: ImagePool
  private let student: SelfDistillationNetwork
  private let teacher: SelfDistillationNetwork
  private let gramTeacher: VisionTransformer?
  private let optimizer: AdamW
  private var iteration = 0
  /// Of the four losses since the last record: views, masked patches, KoLeo, Gram.
  private var sums = [0.0, 0, 0, 0]

  /// Student and teacher start from an initialiser of the configuration's seed, and alike unless told otherwise.
  /// - Parameters:
  ///   - checkpoint: an HDF5 file. If it is there, `run` goes on from it.
  ///   - gramTeacher: wanted where the configuration has Gram anchoring; of the backbone's patch size.
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
    try initialize(student.backbone, Array(student.parameters.dropFirst(student.backbone.parameters.count)))
    teacher = SelfDistillationNetwork(configuration)
    for (own, other) in zip(teacher.parameters, student.parameters) {
      own.set(other.value)
      own.isTrainable = false
    }
    try initializeTeacher(teacher.parameters)
    optimizer = AdamW(
      groups: student.groups(configuration), betas: configuration.betas, epsilon: configuration.epsilon)
  }

  /// Trains from the checkpoint, if there is one, to the last iteration.
  /// - Parameters:
  ///   - progress: told of every iteration.
  ///   - isCancelled: asked after every iteration; when true, a checkpoint is written and the run ends.
  ///   - onSnapshot: called after each of the configuration's snapshot iterations, before the checkpoint that follows: a
  ///     resumed training has been through it, or will be.
  ///   - onRecord: gets every record; those of a resumed training's earlier iterations come first.
  /// - Throws: `PretrainingError` when training diverges or collapses, `CheckpointError` when the checkpoint belongs to
  ///   another training, `FileError` and `HDF5Error` about the file, and what the images throw.
  public func run(
    progress: Files.Progress = .silent, isCancelled: () -> Bool = { false },
    onSnapshot: (_ iteration: Int) throws -> Void = { _ in },
    onRecord: (PretrainingRecord) throws -> Void = { _ in }
  ) throws -> TrainingOutcome {
    if FileManager.default.fileExists(atPath: checkpoint.path) { try resume() }
    for record in records { try onRecord(record) }
    let pace = Pace(done: iteration, total: configuration.iterations)
    while iteration < configuration.iterations {
      let record = try step()
      if configuration.snapshots.contains(iteration) { try onSnapshot(iteration) }
      let isLast = iteration == configuration.iterations
      if isLast || iteration % configuration.iterationsPerCheckpoint == 0 { try writeCheckpoint() }
      if let record { try onRecord(record) }
      let latest = records.last.map {
        String(format: "loss %.3f, rank %.1f, ", $0.viewLoss + $0.maskedLoss, $0.tokenRank)
      }
      progress(iteration, of: configuration.iterations, note: (latest ?? "") + pace.note(after: iteration))
      if !isLast && isCancelled() {
        try writeCheckpoint()
        return .cancelled
      }
    }
    return .finished
  }

  // MARK: - One iteration

  private func step() throws -> PretrainingRecord? {
    let moment = configuration.moment(iteration)
    var total = Gradients()
    var loss = 0.0
    var last: SelfDistillationNetwork.Targets?
    for part in 0..<configuration.parts {
      let batch = try SelfDistillationBatch(images, configuration, iteration: iteration, part: part)
      let targets = teacher.targets(batch, temperature: moment.teacherTemperature)
      let (partLoss, gradients) = gradients(of: batch, targets)
      loss += partLoss
      total.add(gradients)
      last = targets
    }
    let norm = GradientClipping.globalNorm(total, of: optimizer.parameters)
    guard loss.isFinite, norm.isFinite else { throw PretrainingError.diverged(iteration: iteration) }
    let areFrozen = iteration < configuration.frozenPrototypes
    optimizer.setLearningRate(of: SelfDistillationNetwork.prototypes, to: areFrozen ? 0 : 1)
    optimizer.step(
      total, gradientScale: GradientClipping.scale(norm: norm, maximum: configuration.gradientNorm),
      learningRateFactor: moment.learningRate, weightDecayFactor: moment.weightDecay)
    teacher.follow(student, share: 1 - moment.momentum)
    iteration += 1
    guard iteration % configuration.iterationsPerRecord == 0, let last else { return nil }

    let tokens = TokenStatistics(last.patchTokens)
    let count = Double(configuration.iterationsPerRecord)
    let record = PretrainingRecord(
      [Double(iteration)] + sums.map { $0 / count } + [
        SelfDistillationLoss.entropy(last.views), tokens.rank, tokens.spread, norm, moment.learningRate,
        moment.weightDecay, moment.momentum, moment.teacherTemperature,
      ])
    records.append(record)
    sums = [0, 0, 0, 0]
    try Self.checkForCollapse(record, tokens)
    return record
  }

  /// The loss of one part of a batch as its share of the whole, and its gradients; the single losses go into `sums`.
  private func gradients(of batch: SelfDistillationBatch, _ targets: SelfDistillationNetwork.Targets) -> (
    loss: Double, gradients: Gradients
  ) {
    let share = 1 / Double(configuration.parts)
    let gramTokens = gramTokens(batch)
    let (loss, gradients) = Tape.gradients {
      let losses = student.losses(batch, targets, gramTokens: gramTokens, configuration)
      // The masked loss counts views without masked patches as 0; for people to read, they are left out.
      let maskedShare = batch.mask.map { Double($0.counts.filter { $0 > 0 }.count) / Double($0.counts.count) } ?? 1
      let terms = [
        losses.views.scalarValue, (losses.masked?.scalarValue ?? 0) / maskedShare, losses.koLeo?.scalarValue ?? 0,
        losses.gram?.scalarValue ?? 0,
      ]
      for index in terms.indices { sums[index] += share * terms[index] }
      var total = configuration.viewWeight * losses.views
      if let masked = losses.masked { total = total + configuration.maskedWeight * masked }
      if let koLeo = losses.koLeo { total = total + configuration.koLeoWeight * koLeo }
      if let gram = losses.gram, let weight = configuration.gram?.weight { total = total + weight * gram }
      return share == 1 ? total : total * share
    }
    return (loss.scalarValue, gradients)
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
    return 3 * bytes(student.parameters) + bytes(teacher.parameters)
  }

  private var sets: [Checkpoint.ParameterSet] { [("student", student.parameters), ("teacher", teacher.parameters)] }

  private func writeCheckpoint() throws {
    var state = Checkpoint(kind: Self.checkpointKind, configuration: configuration.identity)
    state.counters = [("iterations", iteration)]
    state.curves = PretrainingRecord.columns.enumerated().map { column, name in
      (name, records.map { $0.values[column] })
    }
    state.curves.append(("lossSums", sums))
    try state.write(to: checkpoint, sets, optimizer: optimizer)
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
