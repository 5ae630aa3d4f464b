import Networks
import Random
import Tensors

/// The views and masks of one part of an iteration's batch: a function of the seed, the iteration and the part alone.
struct SelfDistillationBatch {
  let iteration: Int
  let part: Int
  /// `[2 B, 1, G, G]`, the first view of every image, then the second; B images are in memory at once.
  let global: Tensor
  /// `[n B, 1, L, L]`; nil without small views.
  let local: Tensor?
  /// The large views as the Gram teacher sees them, `[2 B, 1, T, T]`; nil without Gram anchoring.
  let gram: Tensor?
  let mask: Mask?

  struct Mask {
    /// `[2 B, L, 1]`
    let mask: Tensor
    /// The masked patches among all of the large views, ascending: int32 `[M]`.
    let indices: Tensor
    /// One over the number of masked patches in a patch's view: `[M, 1]`.
    let weights: Tensor
    /// How many each large view has.
    let counts: [Int]
    /// How many patches all large views have.
    let places: Int
  }

  private init(iteration: Int, part: Int, global: Tensor, local: Tensor?, gram: Tensor?, mask: Mask?) {
    (self.iteration, self.part) = (iteration, part)
    (self.global, self.local, self.gram, self.mask) = (global, local, gram, mask)
  }

  /// The same on another device.
  func moved(to device: Device) -> Self {
    Self(
      iteration: iteration, part: part, global: global.moved(to: device), local: local?.moved(to: device),
      gram: gram?.moved(to: device),
      mask: mask.map { mask in
        Mask(
          mask: mask.mask.moved(to: device), indices: mask.indices.moved(to: device),
          weights: mask.weights.moved(to: device), counts: mask.counts, places: mask.places)
      })
  }

  init(_ images: ImagePool, _ configuration: SelfDistillationConfiguration, iteration: Int, part: Int) throws {
    self.iteration = iteration
    self.part = part
    let sizes = configuration.views(iteration)
    let count = configuration.microBatch
    let views = try (part * count..<(part + 1) * count).map { sample in
      var random = CounterRandom(seed: configuration.seed, purpose: "image", epoch: iteration, step: sample)
      let image = try images.image(random.integer(below: images.count))
      return try sizes(
        of: image, unit: images.unit(), seed: configuration.seed, iteration: iteration, sample: sample,
        withGram: configuration.gram != nil)
    }
    /// View by view, each of all images.
    func joined(_ kind: (MultiCropViews.Views) -> [Tensor]) -> Tensor? {
      let each = views.map(kind)
      return each[0].isEmpty ? nil : concatenate(each[0].indices.flatMap { view in each.map { $0[view] } }, axis: 0)
    }
    global = joined(\.global)!
    local = joined(\.local)
    gram = joined(\.gram)
    mask = Self.mask(
      configuration, side: sizes.globalSize / configuration.backbone.patch, iteration: iteration, part: part)
  }

  private static func mask(
    _ configuration: SelfDistillationConfiguration, side: Int, iteration: Int, part: Int
  ) -> Mask? {
    guard configuration.maskedWeight > 0 else { return nil }
    let share = BatchShare(images: configuration.images(ofPart: part), of: configuration.batch)
    // The batch's large views share the counts out among them; a part takes its own.
    let views = share.rows(views: MultiCropViews.globalCount)
    var random = CounterRandom(seed: configuration.seed, purpose: "mask counts", epoch: iteration)
    let all = BlockMask.counts(
      views: MultiCropViews.globalCount * configuration.batch, patches: side * side,
      probability: configuration.maskProbability, ratio: configuration.maskRatio, &random)
    let counts = views.map { all[$0] }
    let count = counts.count
    var indices: [Int32] = []
    for (place, view) in views.enumerated() where all[view] > 0 {
      var random = CounterRandom(seed: configuration.seed, purpose: "masks", epoch: iteration, step: view)
      let mask = BlockMask.draw(rows: side, columns: side, count: all[view], &random)
      indices += mask.indices.filter { mask[$0] }.map { Int32(place * side * side + $0) }
    }
    guard !indices.isEmpty else { return nil }
    let mask = Tensor(shape: [count, side * side, 1], of: Float.self) { values in
      for index in indices { values[Int(index)] = 1 }
    }
    return Mask(
      mask: mask, indices: Tensor(indices, shape: [indices.count]),
      weights: SelfDistillationLoss.weights(counts: counts), counts: counts, places: count * side * side)
  }
}
