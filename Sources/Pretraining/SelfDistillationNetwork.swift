import Networks
import Tensors
import Training

/// What student and teacher are alike: a backbone, a head on its class token, and a head on its patch tokens.
package final class SelfDistillationNetwork: Module {
  let backbone: VisionTransformer
  private let head: ProjectionHead
  private let patchHead: ProjectionHead?
  /// Stands for masked patches; the teacher's is never seen.
  private let maskToken: Parameter?

  package init(_ configuration: SelfDistillationConfiguration) {
    let initializer = Initializer(seed: configuration.seed)
    let width = configuration.backbone.width
    backbone = VisionTransformer(configuration.backbone, initializer)
    head = ProjectionHead(configuration.head, name: "head", width: width, initializer)
    let masks = configuration.maskedWeight > 0 && configuration.maskProbability > 0
    patchHead =
      masks ? ProjectionHead(configuration.patchHead, name: "patchHead", width: width, initializer) : nil
    maskToken = masks ? initializer.constant("maskToken", [1, 1, width], 0) : nil
  }

  /// The parts of a network whose gradients are clipped apart.
  enum Part: CaseIterable {
    /// With the mask token.
    case backbone
    case head
    case patchHead
  }

  private func parameters(of part: Part) -> [Parameter] {
    switch part {
    case .backbone: backbone.parameters + [maskToken].compactMap { $0 }
    case .head: head.parameters
    case .patchHead: patchHead?.parameters ?? []
    }
  }

  /// The optimiser's groups, whose rates and decays are factors of the schedules' values: the parameters of one part and one
  /// learning rate that decay, and those that don't, in the order of their first; then the prototypes, which may be frozen.
  func groups(_ configuration: SelfDistillationConfiguration) -> [(part: Part, group: ParameterGroup)] {
    let prototypes = [(Part.head, head.prototypes)] + (patchHead.map { [(Part.patchHead, $0.prototypes)] } ?? [])
    let factors = rateFactors(configuration)
    var parts: [ObjectIdentifier: Part] = [:]
    for part in Part.allCases {
      for parameter in parameters(of: part) { parts[ObjectIdentifier(parameter)] = part }
    }
    var groups: [(part: Part, factor: Double, decays: Bool, parameters: [Parameter])] = []
    for parameter in parameters
    where parameter.isTrainable && !prototypes.contains(where: { $0.1 === parameter }) {
      let part = parts[ObjectIdentifier(parameter)]!
      let factor = factors[ObjectIdentifier(parameter)] ?? 1
      let decays = parameter.decays
      if let index = groups.firstIndex(where: { $0.part == part && $0.factor == factor && $0.decays == decays }) {
        groups[index].parameters.append(parameter)
      } else {
        groups.append((part, factor, decays, [parameter]))
      }
    }
    return groups.map {
      let group = ParameterGroup(
        name: $0.decays ? "decay" : "no decay", parameters: $0.parameters, learningRate: $0.factor,
        weightDecay: $0.decays ? 1 : 0)
      return ($0.part, group)
    }
      + prototypes.map {
        ($0.0, ParameterGroup(name: Self.prototypes, parameters: [$0.1], learningRate: 1, weightDecay: 1))
      }
  }

  /// What the parameters' learning rates are multiplied by: the backbone's by the layer decay once for each layer above theirs,
  /// the patch embedding's by a factor of its own as well.
  package func rateFactors(_ configuration: SelfDistillationConfiguration) -> [ObjectIdentifier: Double] {
    var factors: [ObjectIdentifier: Double] = [:]
    let layers = backbone.layers
    func factor(ofLayer layer: Int) -> Double {
      (0..<(layers.count - 1 - layer)).reduce(1.0) { factor, _ in factor * configuration.layerDecay }
    }
    for (index, layer) in layers.enumerated() {
      for parameter in layer { factors[ObjectIdentifier(parameter)] = factor(ofLayer: index) }
    }
    if let maskToken { factors[ObjectIdentifier(maskToken)] = factor(ofLayer: 0) }
    for parameter in backbone.patchEmbeddingParameters {
      factors[ObjectIdentifier(parameter)]! *= configuration.patchEmbeddingRate
    }
    return factors
  }

  /// The name of the prototypes' groups.
  static let prototypes = "prototypes"

  /// What the teacher sees in the large views of one part of a batch.
  struct Features {
    /// The class tokens in front of the prototypes, `[2 B, bottleneck]`.
    let views: Tensor
    /// The masked patches in front of theirs, `[M, bottleneck]`; nil when nothing is masked.
    let masked: Tensor?
    /// `[2 B, L, width]`
    let patchTokens: Tensor
  }

  func features(_ batch: SelfDistillationBatch) -> Features {
    let tokens = backbone(batch.global, .evaluation)[0]
    var masked: Tensor?
    if let patchHead, let mask = batch.mask {
      let flat = tokens.patches.reshaped([mask.places, tokens.patches.shape[2]])
      masked = patchHead.bottleneck(flat.gathered(mask.indices))
    }
    return Features(views: head.bottleneck(tokens.classToken), masked: masked, patchTokens: tokens.patches)
  }

  /// The targets that the teacher sets a student on a whole batch: class tokens and masked patches each balanced over all of
  /// its parts.
  struct Targets {
    fileprivate let views: SinkhornKnopp
    fileprivate let masked: SinkhornKnopp?
    /// Each part's rows.
    fileprivate let viewRows: [Range<Int>]
    fileprivate let maskedRows: [Range<Int>]

    /// Those of one part: `[2 B, K]`, and `[M, K]` where it has masked patches.
    func part(_ index: Int) -> (views: Tensor, masked: Tensor?) {
      let rows = maskedRows[index]
      return (views.targets(viewRows[index]), rows.isEmpty ? nil : masked?.targets(rows))
    }
  }

  /// - Parameter parts: of every part of the batch, by this network.
  func targets(_ parts: [(views: Tensor, masked: Tensor?)], temperature: Double) -> Targets {
    func balanced(_ head: ProjectionHead, _ features: [Tensor]) -> SinkhornKnopp {
      let all = features.count == 1 ? features[0] : concatenate(features, axis: 0)
      return SinkhornKnopp(
        samples: all.shape[0], prototypes: head.configuration.prototypes, temperature: temperature
      ) { rows in head.logits(rows.count == all.shape[0] ? all : all.sliced(axis: 0, rows)) }
    }
    func rows(_ counts: [Int]) -> [Range<Int>] {
      counts.reduce(into: []) { rows, count in
        let first = rows.last?.upperBound ?? 0
        rows.append(first..<(first + count))
      }
    }
    let masked = parts.compactMap(\.masked)
    return Targets(
      views: balanced(head, parts.map(\.views)),
      masked: patchHead.flatMap { masked.isEmpty ? nil : balanced($0, masked) },
      viewRows: rows(parts.map { $0.views.shape[0] }), maskedRows: rows(parts.map { $0.masked?.shape[0] ?? 0 }))
  }

  /// A student's losses; nil where there is nothing to compare.
  struct Losses {
    var views: Tensor
    var masked: Tensor?
    var koLeo: KoLeoGroups.Term?
    var gram: Tensor?
  }

  /// The tokens that a student in training sees in the large views, some patches hidden from it.
  func globalTokens(
    _ batch: SelfDistillationBatch, _ configuration: SelfDistillationConfiguration
  ) -> BlockTokens {
    let masked = batch.mask.flatMap { mask in maskToken.map { MaskedPatches(mask: mask.mask, token: $0.value) } }
    return backbone(batch.global, masked: masked, context(batch, configuration, pass: 0))[0]
  }

  private func context(
    _ batch: SelfDistillationBatch, _ configuration: SelfDistillationConfiguration, pass: Int
  ) -> ForwardContext {
    .training(
      seed: configuration.seed, epoch: 0, step: batch.iteration, pass: pass,
      share: BatchShare(images: configuration.images(ofPart: batch.part), of: configuration.batch))
  }

  /// The student's losses against the teacher's targets.
  /// - Parameter koLeo: KoLeo's groups.
  func losses(
    _ batch: SelfDistillationBatch, _ targets: (views: Tensor, masked: Tensor?), gramTokens: Tensor?,
    koLeo: KoLeoGroups?, _ configuration: SelfDistillationConfiguration
  ) -> Losses {
    let images = configuration.microBatch
    let global = globalTokens(batch, configuration)
    var classTokens = [global.classToken]
    if let local = batch.local {
      classTokens.append(backbone(local, context(batch, configuration, pass: 1))[0].classToken)
    }
    let views = SelfDistillationLoss.views(
      student: head(classTokens.count == 1 ? classTokens[0] : concatenate(classTokens, axis: 0)),
      targets: targets.views, images: images, temperature: configuration.studentTemperature,
      localWeight: configuration.localWeight.value(at: batch.iteration))
    var losses = Losses(views: views)
    losses.koLeo = koLeo?.loss(global.classToken, part: batch.part)
    if let patchHead, let mask = batch.mask, let maskedTargets = targets.masked {
      let flat = global.patches.reshaped([mask.places, global.patches.shape[2]])
      losses.masked = SelfDistillationLoss.maskedPatches(
        student: patchHead(flat.gathered(mask.indices)), targets: maskedTargets, weights: mask.weights,
        views: mask.counts.count, temperature: configuration.studentTemperature)
    }
    if let gram = configuration.gram, let gramTokens {
      losses.gram = GramLoss.loss(student: global.patches, teacher: gramTokens, gram.normalization)
    }
    return losses
  }
}
