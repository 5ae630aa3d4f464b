import Networks
import Tensors
import Training

/// What student and teacher are alike: a backbone, a head on its class token, and a head on its patch tokens.
final class SelfDistillationNetwork {
  let backbone: VisionTransformer
  let parameters: [Parameter]
  private let head: ProjectionHead
  private let patchHead: ProjectionHead?
  /// Stands for masked patches; the teacher's is never seen.
  private let maskToken: Parameter?

  init(_ configuration: SelfDistillationConfiguration) {
    let initializer = Initializer(seed: configuration.seed)
    let width = configuration.backbone.width
    backbone = VisionTransformer(configuration.backbone, initializer)
    head = ProjectionHead(configuration.head, name: "head", width: width, initializer)
    let masks = configuration.maskedWeight > 0 && configuration.maskProbability > 0
    patchHead =
      masks ? ProjectionHead(configuration.patchHead, name: "patchHead", width: width, initializer) : nil
    maskToken = masks ? initializer.constant("maskToken", [1, 1, width], 0) : nil
    parameters = backbone.parameters + head.parameters + (patchHead?.parameters ?? []) + [maskToken].compactMap { $0 }
  }

  /// The optimiser's groups, whose rates and decays are factors of the schedules' values.
  var groups: [ParameterGroup] {
    let prototypes = [head.prototypes] + [patchHead?.prototypes].compactMap { $0 }
    let others = parameters.filter { parameter in
      parameter.isTrainable && !prototypes.contains { $0 === parameter }
    }
    return [
      ParameterGroup(
        name: "decaying", parameters: others.filter { Self.decays($0.name) }, learningRate: 1, weightDecay: 1),
      ParameterGroup(
        name: "lasting", parameters: others.filter { !Self.decays($0.name) }, learningRate: 1, weightDecay: 0),
      ParameterGroup(name: "prototypes", parameters: prototypes, learningRate: 1, weightDecay: 1),
    ]
  }

  /// Biases, norms and LayerScale do not decay.
  static func decays(_ name: String) -> Bool {
    let parts = name.split(separator: ".")
    return !(name.hasSuffix(".bias") || parts.contains { $0.hasPrefix("norm") || $0.hasPrefix("scale") })
  }

  /// What the teacher says of the large views.
  struct Targets {
    /// `[2 B, K]`
    let views: Tensor
    /// `[M, K]`; nil when nothing is masked.
    let masked: Tensor?
    /// `[2 B, L, width]`
    let patchTokens: Tensor
  }

  func targets(_ batch: SelfDistillationBatch, temperature: Double) -> Targets {
    let tokens = backbone(batch.global, .evaluation)[0]
    let views = SinkhornKnopp.targets(head(tokens.classToken), temperature: temperature)
    var masked: Tensor?
    if let patchHead, let mask = batch.mask {
      let flat = tokens.patches.reshaped([mask.places, tokens.patches.shape[2]])
      masked = SinkhornKnopp.targets(patchHead(flat.gathered(mask.indices)), temperature: temperature)
    }
    return Targets(views: views, masked: masked, patchTokens: tokens.patches)
  }

  /// A student's losses; nil where there is nothing to compare.
  struct Losses {
    var views: Tensor
    var masked: Tensor?
    var koLeo: Tensor?
  }

  /// The student's losses against the teacher's targets.
  func losses(
    _ batch: SelfDistillationBatch, _ targets: Targets, _ configuration: SelfDistillationConfiguration, iteration: Int
  ) -> Losses {
    func context(_ pass: Int) -> ForwardContext {
      .training(seed: configuration.seed, epoch: 0, step: iteration, pass: pass)
    }
    let masked = batch.mask.flatMap { mask in maskToken.map { MaskedPatches(mask: mask.mask, token: $0.value) } }
    let global = backbone(batch.global, masked: masked, context(0))[0]
    var classTokens = [global.classToken]
    if let local = batch.local { classTokens.append(backbone(local, context(1))[0].classToken) }
    let views = SelfDistillationLoss.views(
      student: head(classTokens.count == 1 ? classTokens[0] : concatenate(classTokens, axis: 0)),
      targets: targets.views,
      images: configuration.batch, temperature: configuration.studentTemperature)
    var losses = Losses(views: views)
    if configuration.koLeoWeight > 0 && configuration.batch > 1 {
      losses.koLeo = (0..<MultiCropViews.globalCount)
        .map { view in
          let first = view * configuration.batch
          return KoLeoLoss.loss(global.classToken.sliced(axis: 0, first..<(first + configuration.batch)))
        }
        .reduce(nil) { sum, term in sum.map { $0 + term } ?? term }
    }
    if let patchHead, let mask = batch.mask, let maskedTargets = targets.masked {
      let flat = global.patches.reshaped([mask.places, global.patches.shape[2]])
      losses.masked = SelfDistillationLoss.maskedPatches(
        student: patchHead(flat.gathered(mask.indices)), targets: maskedTargets, counts: mask.counts,
        temperature: configuration.studentTemperature)
    }
    return losses
  }

  /// Moves every parameter the share of the way to the student's.
  func follow(_ student: SelfDistillationNetwork, share: Double) {
    for (own, other) in zip(parameters, student.parameters) {
      other.value.withUnsafeElements(of: Float.self) { source in
        own.update { ParameterKernels.move($0, towards: source, share: share) }
      }
    }
  }
}

/// The views and masks of one iteration: a function of the seed and the iteration alone.
struct SelfDistillationBatch {
  /// `[2 B, 1, G, G]`, the first view of every image, then the second.
  let global: Tensor
  /// `[n B, 1, L, L]`; nil without small views.
  let local: Tensor?
  let mask: Mask?

  struct Mask {
    /// `[2 B, L, 1]`
    let mask: Tensor
    /// The masked patches among all of the large views, ascending: int32 `[M]`.
    let indices: Tensor
    /// How many each large view has.
    let counts: [Int]
    /// How many patches all large views have.
    let places: Int
  }

  init(_ images: ImagePool, _ configuration: SelfDistillationConfiguration, iteration: Int) throws {
    var views: [[Tensor]] = []
    for sample in 0..<configuration.batch {
      var random = CounterRandom(seed: configuration.seed, purpose: "image", epoch: iteration, step: sample)
      let image = try images.image(random.integer(below: images.count))
      let (global, local) = configuration.views(
        of: image, seed: configuration.seed, iteration: iteration, sample: sample)
      views.append(global + local)
    }
    func joined(_ range: Range<Int>) -> Tensor {
      concatenate(range.flatMap { view in views.map { $0[view] } }, axis: 0)
    }
    global = joined(0..<MultiCropViews.globalCount)
    local =
      configuration.views.localCount == 0
      ? nil : joined(MultiCropViews.globalCount..<(MultiCropViews.globalCount + configuration.views.localCount))
    mask = Self.mask(configuration, iteration: iteration)
  }

  private static func mask(_ configuration: SelfDistillationConfiguration, iteration: Int) -> Mask? {
    guard configuration.maskedWeight > 0 else { return nil }
    let side = configuration.views.globalSize / configuration.backbone.patch
    let count = MultiCropViews.globalCount * configuration.batch
    var counts: [Int] = []
    var indices: [Int32] = []
    for view in 0..<count {
      var random = CounterRandom(seed: configuration.seed, purpose: "masks", epoch: iteration, step: view)
      guard random.chance(configuration.maskProbability) else {
        counts.append(0)
        continue
      }
      let ratio = random.uniform(configuration.maskRatio.lowerBound, configuration.maskRatio.upperBound)
      let masked = BlockMask.draw(rows: side, columns: side, count: Int(ratio * Double(side * side)), &random)
      let found = masked.indices.filter { masked[$0] }
      counts.append(found.count)
      indices += found.map { Int32(view * side * side + $0) }
    }
    guard !indices.isEmpty else { return nil }
    let mask = Tensor(shape: [count, side * side, 1], of: Float.self) { values in
      for index in indices { values[Int(index)] = 1 }
    }
    return Mask(
      mask: mask, indices: Tensor(indices, shape: [indices.count]), counts: counts, places: count * side * side)
  }
}
