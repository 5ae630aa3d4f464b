import Networks
import Pretraining
import Tensors
import TestSupport
import Testing

@Suite struct SelfDistillationLossTests {
  /// The head of the fixture: width 6, hidden 10, bottleneck 5, 12 prototypes.
  private func head() throws -> ProjectionHead {
    let head = ProjectionHead(
      .init(hiddenWidth: 10, bottleneckWidth: 5, prototypes: 12), name: "head", width: 6, Initializer(seed: 0))
    for parameter in head.parameters { parameter.set(try peer(parameter.name)) }
    return head
  }

  @Test func lossBetweenViewsThroughTheHead() throws {
    let head = try head()
    let features = Parameter("features", try peer("features"))
    let targets = SinkhornKnopp.targets(try peer("teacher.logits"), temperature: 0.05)
    try #expect(relativeDifference(targets, peer("targets").reshaped([8, 12])) < 1e-5)
    let (loss, gradients) = try Tape.gradients {
      let logits = head(features.value.reshaped([20, 6]))
      try #expect(relativeDifference(logits.detached, peer("logits").reshaped([20, 12])) < 1e-5)
      return SelfDistillationLoss.views(student: logits, targets: targets, images: 4, temperature: 0.1)
    }
    try #expect(abs(loss.scalarValue / (peer("loss")).scalarValue - 1) < 1e-5)
    let gradient = try #require(gradients[features])
    try #expect(relativeDifference(gradient, peer("gradient.features")) < 1e-5)
    for parameter in head.parameters {
      let name = "gradient." + parameter.name.dropFirst("head.".count)
      let gradient = try #require(gradients[parameter])
      try #expect(relativeDifference(gradient, peer(name)) < 1e-5, "\(name)")
    }
  }

  @Test func lossOnMaskedPatches() throws {
    let logits = Parameter("logits", try peer("masked.logits"))
    let (loss, gradients) = try Tape.gradients {
      SelfDistillationLoss.maskedPatches(
        student: logits.value, targets: try peer("masked.targets"),
        weights: SelfDistillationLoss.weights(counts: [3, 1, 0]), views: 3, temperature: 0.1)
    }
    try #expect(abs(loss.scalarValue / (peer("masked.loss")).scalarValue - 1) < 1e-5)
    let gradient = try #require(gradients[logits])
    try #expect(relativeDifference(gradient, peer("masked.gradient")) < 1e-5)
  }

  @Test func koLeo() throws {
    let features = Parameter("features", try peer("koleo.features"))
    let (loss, gradients) = Tape.gradients { KoLeoLoss.loss(features.value) }
    try #expect(abs(loss.scalarValue / peer("koleo.loss").scalarValue - 1) < 1e-5)
    let gradient = try #require(gradients[features])
    try #expect(relativeDifference(gradient, peer("koleo.gradient")) < 1e-5)
    // Equal features repel without becoming infinite.
    let same = Parameter("same", Tensor(repeating: 1, shape: [3, 4]))
    let (high, slopes) = Tape.gradients { KoLeoLoss.loss(same.value) }
    let finite = try #require(slopes[same]).values(as: Float.self).allSatisfy { $0.isFinite }
    #expect(high.scalarValue > 10 && high.scalarValue.isFinite && finite)
  }

  /// Both normalisations, through the resizing of a Gram teacher's features.
  @Test(arguments: GramLoss.Normalization.allCases)
  func gram(_ normalization: GramLoss.Normalization) throws {
    let student = Parameter("student", try peer("gram.student"))
    let teacher = TokenGrid.resized(try peer("gram.teacher"), from: (8, 12), to: (4, 6))
    try #expect(relativeDifference(teacher, peer("gram.resized")) < 1e-5)
    let (loss, gradients) = Tape.gradients { GramLoss.loss(student: student.value, teacher: teacher, normalization) }
    let name = "gram.\(normalization.rawValue)"
    try #expect(abs(loss.scalarValue / peer("\(name).loss").scalarValue - 1) < 1e-5)
    let gradient = try #require(gradients[student])
    try #expect(relativeDifference(gradient, peer("\(name).gradient")) < 1e-5)
    // A student that sees as its Gram teacher does has nothing to mend.
    let same = GramLoss.loss(student: teacher, teacher: teacher, normalization)
    #expect(same.scalarValue == 0)
  }

  @Test func tokensOnAGridOfAnyRatio() throws {
    let resized = TokenGrid.resized(try peer("gram.teacher"), from: (8, 12), to: (5, 9))
    try #expect(relativeDifference(resized, peer("gram.resized.odd")) < 1e-5)
    let same = TokenGrid.resized(try peer("gram.teacher"), from: (8, 12), to: (8, 12))
    try #expect(same.values(as: Float.self) == peer("gram.teacher").values(as: Float.self))
  }

  /// Targets balanced over a batch are the same whatever is computed at once and asked for together.
  @Test(arguments: [1, 24, 100, 1 << 20])
  func targetsOfAWholeBatch(keptElements: Int) throws {
    let (features, prototypes) = (try peer("balanced.bottleneck"), try peer("balanced.prototypes"))
    var asked: [Range<Int>] = []
    let balanced = SinkhornKnopp(samples: 30, prototypes: 12, temperature: 0.07, keptElements: keptElements) { rows in
      asked.append(rows)
      return linear(features.sliced(axis: 0, rows), weight: prototypes)
    }
    let size = max(1, keptElements / 12)
    #expect(asked.allSatisfy { $0.count <= size })
    // Few samples are computed once, many in each of the three rounds.
    #expect(asked.count == (size < 30 ? 3 * ((30 + size - 1) / size) : 1))
    for part in [0..<30, 0..<7, 7..<8, 8..<30] {
      let expected = try peer("balanced.targets").sliced(axis: 0, part)
      #expect(relativeDifference(balanced.targets(part), expected) < 1e-6, "\(part)")
    }
    // Balanced within parts of ten, the targets are others.
    let within = SinkhornKnopp.targets(
      linear(features.sliced(axis: 0, 0..<10), weight: prototypes), temperature: 0.07)
    try #expect(relativeDifference(within, peer("balanced.targets").sliced(axis: 0, 0..<10)) > 1e-2)
  }

  /// Extreme logits at a low temperature leave targets that are numbers and sum to 1.
  @Test(arguments: [(1, 3e-3), (1, 1e-6), (60, 1e-3)] as [(Float, Double)], [1, 1 << 20])
  func targetsOfExtremeLogits(_ scale: (size: Float, temperature: Double), keptElements: Int) {
    let logits = Tensor(([-1, 1, 0.5, 1, -1, -1, -1, -1, -0.75] as [Float]).map { $0 * scale.size }, shape: [3, 3])
    let targets = SinkhornKnopp(
      samples: 3, prototypes: 3, temperature: scale.temperature, keptElements: keptElements
    ) { logits.sliced(axis: 0, $0) }.targets(0..<3)
    for row in 0..<3 {
      let values = targets[row].values(as: Float.self)
      #expect(abs(values.reduce(0, +) - 1) < 1e-6, "\(values)")
    }
  }

  /// Small views may count less than large ones.
  @Test func weightOfSmallViews() throws {
    let logits = Parameter("logits", try peer("local.logits"))
    let targets = try peer("targets").reshaped([8, 12])
    let (loss, gradients) = Tape.gradients {
      SelfDistillationLoss.views(
        student: logits.value.reshaped([20, 12]), targets: targets, images: 4, temperature: 0.1, localWeight: 0.3)
    }
    try #expect(abs(loss.scalarValue / peer("local.loss").scalarValue - 1) < 1e-6)
    let gradient = try #require(gradients[logits])
    try #expect(relativeDifference(gradient, peer("local.gradient")) < 1e-5)
  }

  @Test func entropyAndTokenStatistics() {
    let half = Tensor([0.5, 0.5, 0, 0, 1, 0, 0, 0] as [Float], shape: [2, 4])
    #expect(abs(SelfDistillationLoss.entropy(half) - 0.34657359) < 1e-7)
    // Tokens along three axes and their opposites vary alike in three directions, with length 1.
    let axes = (0..<6).flatMap { index in (0..<4).map { Float($0 == index / 2 ? (index % 2 == 0 ? 2 : -2) : 0) } }
    let statistics = TokenStatistics(Tensor(axes, shape: [1, 6, 4]))
    #expect(abs(statistics.rank - 3) < 1e-5 && abs(statistics.spread - 1) < 1e-6)
    // In parts: the same, the first of which alone would say something else.
    var sums = TokenStatistics.Sums()
    sums.add(Tensor(axes, shape: [6, 4]).sliced(axis: 0, 0..<1))
    sums.add(Tensor(axes, shape: [6, 4]).sliced(axis: 0, 1..<6))
    #expect(abs(sums.statistics.rank - 3) < 1e-5 && abs(sums.statistics.spread - 1) < 1e-6)
    #expect(TokenStatistics(Tensor(repeating: 3, shape: [5, 4])).spread < 1e-12)
  }
}
