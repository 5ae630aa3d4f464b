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

  /// The optimiser's groups, whose rates and decays are factors of the schedules' values: the parameters of one learning
  /// rate that decay, and those that don't, in the order of their first; then the prototypes, which may be frozen.
  func groups(_ configuration: SelfDistillationConfiguration) -> [ParameterGroup] {
    let prototypes = [head.prototypes] + [patchHead?.prototypes].compactMap { $0 }
    var groups: [(factor: Double, decays: Bool, parameters: [Parameter])] = []
    for parameter in parameters
    where parameter.isTrainable && !prototypes.contains(where: { $0 === parameter }) {
      let factor = configuration.rateFactor(of: parameter.name)
      let decays = Self.decays(parameter.name)
      if let index = groups.firstIndex(where: { $0.factor == factor && $0.decays == decays }) {
        groups[index].parameters.append(parameter)
      } else {
        groups.append((factor, decays, [parameter]))
      }
    }
    return groups.map {
      ParameterGroup(
        name: $0.decays ? "decaying" : "lasting", parameters: $0.parameters, learningRate: $0.factor,
        weightDecay: $0.decays ? 1 : 0)
    } + [ParameterGroup(name: Self.prototypes, parameters: prototypes, learningRate: 1, weightDecay: 1)]
  }

  /// The name of the prototypes' group.
  static let prototypes = "prototypes"

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
    var gram: Tensor?
  }

  /// The student's losses against the teacher's targets.
  func losses(
    _ batch: SelfDistillationBatch, _ targets: Targets, gramTokens: Tensor?,
    _ configuration: SelfDistillationConfiguration
  ) -> Losses {
    let images = configuration.imagesAtOnce
    func context(_ pass: Int) -> ForwardContext {
      .training(seed: configuration.seed, epoch: 0, step: batch.iteration, pass: 2 * batch.part + pass)
    }
    let masked = batch.mask.flatMap { mask in maskToken.map { MaskedPatches(mask: mask.mask, token: $0.value) } }
    let global = backbone(batch.global, masked: masked, context(0))[0]
    var classTokens = [global.classToken]
    if let local = batch.local { classTokens.append(backbone(local, context(1))[0].classToken) }
    let views = SelfDistillationLoss.views(
      student: head(classTokens.count == 1 ? classTokens[0] : concatenate(classTokens, axis: 0)),
      targets: targets.views, images: images, temperature: configuration.studentTemperature)
    var losses = Losses(views: views)
    if configuration.koLeoWeight > 0 && images > 1 {
      losses.koLeo = (0..<MultiCropViews.globalCount)
        .map { view in
          let first = view * images
          return KoLeoLoss.loss(global.classToken.sliced(axis: 0, first..<(first + images)))
        }
        .reduce(nil) { sum, term in sum.map { $0 + term } ?? term }
    }
    if let patchHead, let mask = batch.mask, let maskedTargets = targets.masked {
      let flat = global.patches.reshaped([mask.places, global.patches.shape[2]])
      losses.masked = SelfDistillationLoss.maskedPatches(
        student: patchHead(flat.gathered(mask.indices)), targets: maskedTargets, counts: mask.counts,
        temperature: configuration.studentTemperature)
    }
    if let gram = configuration.gram, let gramTokens {
      losses.gram = GramLoss.loss(student: global.patches, teacher: gramTokens, gram.normalization)
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
