import Networks
import Pretraining
import Tensors

/// How far a loss of the pretraining and its gradient are from the peer's.
struct LossComparison: Encodable {
  let loss: String
  /// The relative difference of the values.
  let value: Double
  /// Of the gradient that differs most: its largest difference over the peer's largest value.
  let gradient: Double

  /// Every loss of `Benchmarks/peers/fixtures/self_distillation.py`.
  static func all(_ peer: PeerValues) throws -> [LossComparison] {
    var rows = [try views(peer)]
    rows.append(
      try compare("iBOT, masked patches", peer, input: "masked.logits", name: "masked") { logits in
        SelfDistillationLoss.maskedPatches(
          student: logits, targets: try peer("masked.targets"),
          weights: SelfDistillationLoss.weights(counts: [3, 1, 0]), views: 3, temperature: 0.1)
      })
    rows.append(try compare("KoLeo", peer, input: "koleo.features", name: "koleo") { KoLeoLoss.loss($0) })
    for normalization in GramLoss.Normalization.allCases {
      let name = "gram.\(normalization.rawValue)"
      rows.append(
        try compare("Gram, \(normalization.rawValue)", peer, input: "gram.student", name: name) { student in
          let teacher = TokenGrid.resized(try peer("gram.teacher"), from: (8, 12), to: (4, 6))
          return GramLoss.loss(student: student, teacher: teacher, normalization)
        })
    }
    return rows
  }

  /// The DINO loss between views, through Sinkhorn-Knopp and a projection head, with the gradients of all weights.
  private static func views(_ peer: PeerValues) throws -> LossComparison {
    let head = ProjectionHead(
      .init(hiddenWidth: 10, bottleneckWidth: 5, prototypes: 12), name: "head", width: 6, Initializer(seed: 0))
    for parameter in head.parameters { parameter.set(try peer(parameter.name)) }
    let features = Parameter("features", try peer("features"))
    let (loss, gradients) = try Tape.gradients {
      let targets = SinkhornKnopp.targets(try peer("teacher.logits"), temperature: 0.05)
      return SelfDistillationLoss.views(
        student: head(features.value.reshaped([20, 6])), targets: targets, images: 4, temperature: 0.1)
    }
    let worst = try ([features] + head.parameters).map { parameter in
      let name = parameter.name.hasPrefix("head.") ? String(parameter.name.dropFirst(5)) : parameter.name
      return try relative(gradients[parameter] ?? Tensor(zeros: parameter.shape), peer("gradient.\(name)"))
    }.max()!
    return LossComparison(
      loss: "DINO, between views", value: abs(loss.scalarValue / (try peer("loss")).scalarValue - 1), gradient: worst)
  }

  private static func compare(
    _ title: String, _ peer: PeerValues, input: String, name: String, _ body: (Tensor) throws -> Tensor
  ) throws -> LossComparison {
    let parameter = Parameter(input, try peer(input))
    let (loss, gradients) = try Tape.gradients { try body(parameter.value) }
    return LossComparison(
      loss: title, value: abs(loss.scalarValue / (try peer("\(name).loss")).scalarValue - 1),
      gradient: try relative(gradients[parameter] ?? Tensor(zeros: parameter.shape), peer("\(name).gradient")))
  }

  private static func relative(_ own: Tensor, _ other: Tensor) -> Double {
    let error = Comparison.difference(own, other)
    return error.most / error.size
  }
}
