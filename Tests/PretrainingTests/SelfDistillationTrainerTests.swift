import Files
import Foundation
import Networks
import Pretraining
import Random
import Synchronization
import Tensors
import TestSupport
import Testing
import Training

@Suite struct SelfDistillationTrainerTests {
  @Test func lossFalls() throws {
    try withTemporaryFolder { folder in
      let trainer = try SelfDistillationTrainer(
        images: stripedImages, configuration: smallConfiguration(iterations: 120, learningRate: 5e-3),
        checkpoint: folder.appendingPathComponent("pretraining.h5"))
      let before = Checkpoint.digest(of: trainer.backbone.parameters)
      var streamed: [PretrainingRecord] = []
      let outcome = try trainer.run(onRecord: { streamed.append($0) })
      #expect(outcome == .finished && streamed == trainer.records && streamed.count == 30)
      #expect(streamed.last!.viewLoss < streamed[0].viewLoss - 0.2, "\(streamed[0]) \(streamed.last!)")
      #expect(streamed.last!.maskedLoss < streamed[0].maskedLoss)
      #expect(streamed.allSatisfy { $0.tokenRank > 1 && $0.teacherEntropy > 0 })
      #expect(Checkpoint.digest(of: trainer.backbone.parameters) != before)
    }
  }

  @Test(arguments: [0.0, 1.0])
  func resumingGivesTheSameBytes(maskedWeight: Double) throws {
    try withTemporaryFolder { folder in
      func trainer(_ file: URL) throws -> SelfDistillationTrainer {
        try SelfDistillationTrainer(
          images: stripedImages, configuration: smallConfiguration(maskedWeight: maskedWeight), checkpoint: file)
      }
      let whole = folder.appendingPathComponent("whole.h5")
      let first = try trainer(whole)
      _ = try first.run()
      for stops in [[1], [4, 3], [2, 2, 2, 2, 2]] {
        let file = folder.appendingPathComponent("stopped\(stops).h5")
        for stop in stops {
          var asked = 0
          let outcome = try trainer(file).run(isCancelled: {
            asked += 1
            return asked == stop
          })
          #expect(outcome == .cancelled)
        }
        let last = try trainer(file)
        let outcome = try last.run()
        #expect(outcome == .finished && last.records == first.records)
        try #expect(Digest.sha256(ofFileAt: whole) == Digest.sha256(ofFileAt: file), "\(stops)")
      }
    }
  }

  /// A stop that comes while a batch is made loses no iteration and leaves no half of one.
  @Test(arguments: [1, 2]) func aStopWithinAnIterationKeepsWhatWasDone(parts: Int) throws {
    try withTemporaryFolder { folder in
      var settings = smallConfiguration()
      settings.microBatch = settings.batch / parts
      let statistics = (mean: 0.9, deviation: 0.6)
      func trainer(
        _ file: URL, image: @escaping @Sendable (Int) throws -> Tensor = stripedImages.image
      ) throws -> SelfDistillationTrainer {
        let images = PretrainingImages(count: stripedImages.count, statistics: statistics, image: image)
        return try SelfDistillationTrainer(images: images, configuration: settings, checkpoint: file)
      }
      let (whole, stopped) = (folder.appendingPathComponent("whole.h5"), folder.appendingPathComponent("stopped.h5"))
      try #expect(trainer(whole).run() == .finished)
      // Each image is read once and kept.
      let read = Atomic(0)
      let interrupted = try trainer(stopped) { index in
        if read.add(1, ordering: .relaxed).newValue == 15 { throw CancellationError() }
        return try stripedImages.image(index)
      }
      try #expect(interrupted.run() == .cancelled)
      var done = 0
      try #expect(trainer(stopped).run(onResume: { iteration, _ in done = iteration }) == .finished)
      #expect(done > 1 && done < 12)
      try #expect(Data(contentsOf: stopped) == Data(contentsOf: whole))
    }
  }

  @Test func collapseStops() throws {
    try withTemporaryFolder { folder in
      let file = folder.appendingPathComponent("pretraining.h5")
      let even = PretrainingImages(count: 1) { _ in Tensor(repeating: 2, shape: [32, 32]) }
      var same = smallConfiguration()
      same.views.distortions = .ct(.init(brightness: 0))
      let trainer = try SelfDistillationTrainer(images: even, configuration: same, checkpoint: file)
      let error = #expect(throws: PretrainingError.self) { try trainer.run() }
      #expect(error?.description.hasPrefix("Self-distillation has collapsed by iteration 4: the ") == true)
      #expect(!FileManager.default.fileExists(atPath: file.path))
    }
  }

  @Test func otherConfigurationIsRefused() throws {
    try withTemporaryFolder { folder in
      let file = folder.appendingPathComponent("pretraining.h5")
      _ = try SelfDistillationTrainer(
        images: stripedImages, configuration: smallConfiguration(iterations: 5), checkpoint: file
      )
      .run()
      #expect(throws: CheckpointError.otherConfiguration(path: file.path, found: "a", expected: "b")) {
        try SelfDistillationTrainer(
          images: stripedImages, configuration: smallConfiguration(identity: "b"), checkpoint: file
        ).run()
      }
      #expect(throws: CheckpointError.notACheckpoint(path: file.path, expected: "supervised training")) {
        try Checkpoint.readParameters(file, kind: SupervisedTrainer.checkpointKind, ("network", []))
      }
    }
  }

  /// Stage 2's training: Gram anchoring, mixed sizes, a batch in parts, decaying rates, heads from before. Stopped anywhere,
  /// it ends with the same bytes, and hands out the same snapshots.
  @Test func gramAnchoringResumesToTheSameBytes() throws {
    try withTemporaryFolder { folder in
      var settings = smallConfiguration()
      settings.gram = .init(weight: Ramp(2), normalization: .mean)
      settings.resolutions = [ViewSizes(global: 16, local: 8, gram: 32), ViewSizes(global: 24, local: 12, ratio: 2)]
      settings.microBatch = 2
      (settings.layerDecay, settings.patchEmbeddingRate) = (0.9, 0.2)
      settings.snapshots = [3, 7, 12]
      let file = folder.appendingPathComponent("start.h5")
      let start = try SelfDistillationTrainer(
        images: stripedImages, configuration: smallConfiguration(), checkpoint: file)
      _ = try start.run()
      func run(_ file: URL, stops: [Int]) throws -> (records: [PretrainingRecord], snapshots: [Int: String]) {
        var snapshots: [Int: String] = [:]
        for stop in stops + [Int.max] {
          let trainer = try SelfDistillationTrainer(
            images: stripedImages, configuration: settings, checkpoint: file, gramTeacher: start.backbone
          ) { backbone, heads in
            for (own, other) in zip(backbone.parameters + heads, start.teacherParameters) { own.set(other.value) }
          }
          var asked = 0
          let outcome = try trainer.run(
            isCancelled: {
              asked += 1
              return asked == stop
            },
            onSnapshot: { iteration in
              let digest = Checkpoint.digest(of: trainer.backbone.parameters)
              #expect(snapshots[iteration] ?? digest == digest)
              snapshots[iteration] = digest
            })
          if outcome == .finished { return (trainer.records, snapshots) }
        }
        throw CancellationError()
      }
      let whole = folder.appendingPathComponent("whole.h5")
      let stopped = folder.appendingPathComponent("stopped.h5")
      let expected = try run(whole, stops: [])
      let found = try run(stopped, stops: [2, 1, 5])
      #expect(expected.snapshots.keys.sorted() == [3, 7, 12])
      #expect(Set(expected.snapshots.values).count == 3)
      #expect(found.records == expected.records && found.snapshots == expected.snapshots)
      try #expect(Digest.sha256(ofFileAt: whole) == Digest.sha256(ofFileAt: stopped))
      #expect(expected.records.allSatisfy { $0.gramLoss > 0 && $0.koLeoLoss != 0 })
    }
  }

  /// The teacher may begin elsewhere than the student: at a learning rate of 0 the student stays where it began, and the teacher
  /// moves from its own beginning towards it.
  @Test func studentAndTeacherMayBeginApart() throws {
    try withTemporaryFolder { folder in
      var settings = smallConfiguration(iterations: 1, learningRate: 0)
      settings.schedule = .constant(warmUp: 0)
      settings.momentum = (0.75, 0.75)
      func ones(_ parameters: [Parameter], _ value: Double) {
        for parameter in parameters where parameter.name.hasSuffix("bias") {
          parameter.set(Tensor(repeating: value, shape: parameter.shape))
        }
      }
      let trainer = try SelfDistillationTrainer(
        images: stripedImages, configuration: settings, checkpoint: folder.appendingPathComponent("a.h5"),
        initialize: { backbone, heads in ones(backbone.parameters + heads, 1) }, initializeTeacher: { ones($0, 3) })
      func biases(_ parameters: [Parameter]) -> Set<Float> {
        Set(parameters.filter { $0.name.hasSuffix("bias") }.flatMap { $0.value.values(as: Float.self) })
      }
      #expect(biases(trainer.studentParameters) == [1] && biases(trainer.teacherParameters) == [3])
      _ = try trainer.run()
      #expect(biases(trainer.studentParameters) == [1] && biases(trainer.teacherParameters) == [2.5])
      let together = try SelfDistillationTrainer(
        images: stripedImages, configuration: settings, checkpoint: folder.appendingPathComponent("b.h5"),
        initialize: { backbone, heads in ones(backbone.parameters + heads, 1) })
      #expect(biases(together.teacherParameters) == [1])
    }
  }

  /// What a batch is divided into changes nothing but rounding: losses, targets, statistics, gradients, with DropPath of either
  /// kind, rescaled positions, masks, Gram anchoring and KoLeo's groups within and across parts.
  @Test(arguments: DropPath.Selection.allCases, [2, 4, 8])
  func partsOfABatchChangeNothing(_ selection: DropPath.Selection, group: Int) throws {
    func records(microBatch: Int) throws -> [PretrainingRecord] {
      try withTemporaryFolder { folder in
        var settings = smallConfiguration(iterations: 3, learningRate: 1e-4)
        settings.backbone.dropPath = DropPath(rate: 0.3, selection: selection)
        settings.backbone.rotaryAugmentation = RotaryAugmentation(rescale: 2)
        settings.views = MultiCropViews(globalSize: 16, localSize: 8, gramSize: 32, localCount: 2)
        (settings.batch, settings.microBatch, settings.koLeoGroupSize) = (8, microBatch, group)
        settings.gram = .init(weight: Ramp(2))
        settings.localWeight = Ramp(0.5)
        settings.schedule = .constant(warmUp: 0)
        settings.frozenLastLayerIterations = 0
        settings.iterationsPerRecord = 1
        let gramTeacher = VisionTransformer(settings.backbone, Initializer(seed: 3))
        let trainer = try SelfDistillationTrainer(
          images: stripedImages, configuration: settings, checkpoint: folder.appendingPathComponent("a.h5"),
          gramTeacher: gramTeacher)
        _ = try trainer.run()
        return trainer.records
      }
    }
    let whole = try records(microBatch: 8)
    #expect(whole.allSatisfy { $0.koLeoLoss != 0 && $0.gramLoss > 0 && $0.maskedLoss > 0 })
    for microBatch in [1, 2, 4] {
      let parts = try records(microBatch: microBatch)
      for (index, (found, expected)) in zip(parts, whole).enumerated() {
        for (name, pair) in zip(PretrainingRecord.columns, zip(found.values, expected.values)) {
          // AdamW's first steps make much of little: gradients near 0 may change their sign by rounding.
          let tolerance = index == 0 ? (name == "gradient norm" ? 5e-6 : 1e-6) : 1e-2
          #expect(
            abs(pair.0 - pair.1) <= tolerance * max(abs(pair.1), 1e-3),
            "\(name) of iteration \(index + 1) in parts of \(microBatch): \(pair)")
        }
      }
    }
  }

  /// KoLeo's gradient where its groups reach over parts is that of the whole batch.
  @Test func koLeoAcrossParts() throws {
    func tokens(_ part: Int) -> Tensor {
      Tensor(shape: [4, 3], of: Float.self) { values in
        var random = CounterRandom(seed: 4, purpose: "class tokens", sample: part)
        for index in values.indices { values[index] = Float(random.normal()) }
      }
    }
    let parameters = (0..<2).map { Parameter("part \($0)", tokens($0)) }
    let across = KoLeoGroups(size: 4, partSize: 2, parts: 2) { tokens($0) }
    let expected = Tape.gradients {
      // View by view, both parts' two images.
      let views = (0..<2).map { view in
        concatenate(parameters.map { $0.value.sliced(axis: 0, 2 * view..<2 * view + 2) }, axis: 0)
      }
      return KoLeoLoss.loss(views[0]) + KoLeoLoss.loss(views[1])
    }
    for (part, parameter) in parameters.enumerated() {
      var value = 0.0
      let found = Tape.gradients {
        let term = across.loss(parameter.value, part: part)
        value = term.value
        // A part's share of a batch of two.
        return term.differentiable * 0.5
      }
      #expect(abs(value - expected.loss.scalarValue) < 1e-6)
      let (own, whole) = (try #require(found.gradients[parameter]), try #require(expected.gradients[parameter]))
      #expect(relativeDifference(own, whole) < 1e-6)
    }
  }

  /// The backbone and each head are clipped apart, unless all are to be clipped together; below the bound it is the same.
  @Test func gradientsAreClippedByModule() throws {
    func run(_ clipping: SelfDistillationConfiguration.Clipping, norm: Double) throws -> [PretrainingRecord] {
      try withTemporaryFolder { folder in
        var settings = smallConfiguration(iterations: 6)
        (settings.clipping, settings.gradientNorm, settings.iterationsPerRecord) = (clipping, norm, 1)
        (settings.frozenLastLayerIterations, settings.schedule) = (0, .constant(warmUp: 0))
        let trainer = try SelfDistillationTrainer(
          images: stripedImages, configuration: settings, checkpoint: folder.appendingPathComponent("a.h5"))
        _ = try trainer.run()
        return trainer.records
      }
    }
    let (one, other) = (try run(.module, norm: 1e12), try run(.global, norm: 1e12))
    for (a, b) in zip(one, other) { #expect(a.values == b.values) }
    let (module, global) = (try run(.module, norm: 0.05), try run(.global, norm: 0.05))
    #expect(module[0] == global[0] && module[5] != global[5])
  }

  /// A student that is its own Gram teacher and sees what that sees has no Gram loss until it moves.
  @Test func gramLossStartsAtZero() throws {
    try withTemporaryFolder { folder in
      var settings = smallConfiguration(iterations: 3, maskedWeight: 0)
      settings.views = MultiCropViews(
        globalSize: 16, localSize: 8, localCount: 2, distortions: .ct(.none))
      settings.backbone.dropPath = .none
      settings.gram = .init(normalization: .frobenius)
      settings.iterationsPerRecord = 1
      settings.schedule = .constant(warmUp: 0)
      let model = VisionTransformer(settings.backbone, Initializer(seed: 3))
      let trainer = try SelfDistillationTrainer(
        images: stripedImages, configuration: settings, checkpoint: folder.appendingPathComponent("a.h5"),
        gramTeacher: model
      ) { backbone, _ in
        for (own, other) in zip(backbone.parameters, model.parameters) { own.set(other.value) }
      }
      _ = try trainer.run()
      #expect(trainer.records[0].gramLoss < 1e-8 && trainer.records[2].gramLoss > 1e-6)
    }
  }
}
