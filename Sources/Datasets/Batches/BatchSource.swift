import Random
import Tensors

/// Draws batches as nnU-Net's 2d loader does: cases evenly and with replacement, a third of a batch around a voxel of the
/// foreground, the rest anywhere, borders padded.
///
/// A batch is a function of (seed, epoch, step) alone.
public struct BatchSource: Sendable {
  /// What becomes of the patches that are cut.
  public enum Treatment: Sendable {
    /// Larger patches are cut, augmented and brought to the patch size.
    case augmented(Augmentation)
    /// Patches are cut at their size and left as they are.
    case plain
  }

  public let provider: any SliceProvider
  public let batchSize: Int
  /// [H, W] of a batch's images.
  public let patchSize: [Int]
  public let treatment: Treatment
  public let seed: UInt64
  /// What the random numbers are for: training and validation are drawn apart.
  public let purpose: String
  /// The share of a batch, its last samples, that is cut around foreground.
  public let foregroundShare: Double
  /// The label of voxels that nobody annotated; it becomes -1. With it, the samples that are not cut around foreground are
  /// cut around something annotated.
  public let ignoreLabel: Int?

  /// - Parameters:
  ///   - provider: the fold's cases; all have the same number of channels.
  ///   - patchSize: [H, W].
  ///   - purpose: such as "training"; different purposes draw different samples.
  public init(
    provider: any SliceProvider, batchSize: Int, patchSize: [Int], treatment: Treatment, seed: UInt64, purpose: String,
    foregroundShare: Double = 0.33, ignoreLabel: Int? = nil
  ) {
    precondition(provider.caseCount > 0, "a batch source without a case")
    precondition(batchSize > 0, "a batch of \(batchSize) samples")
    precondition(patchSize.count == 2 && patchSize.allSatisfy { $0 > 0 }, "a 2d patch of \(patchSize)")
    if case .augmented(let augmentation) = treatment {
      precondition(augmentation.patchSize == patchSize, "augmentation to \(augmentation.patchSize), not \(patchSize)")
    }
    self.provider = provider
    self.batchSize = batchSize
    self.patchSize = patchSize
    self.treatment = treatment
    self.seed = seed
    self.purpose = purpose
    self.foregroundShare = foregroundShare
    self.ignoreLabel = ignoreLabel
  }

  /// The size [H, W] that is cut out of a slice.
  public var cutSize: [Int] {
    switch treatment {
    case .augmented(let augmentation): augmentation.initialPatchSize
    case .plain: patchSize
    }
  }

  /// How many samples of a batch are cut around foreground: what is left when the rest is rounded, half to even.
  public static func foregroundCount(batchSize: Int, share: Double) -> Int {
    batchSize - Int((Double(batchSize) * (1 - share)).rounded(.toNearestOrEven))
  }

  /// Whether a sample of a batch is cut around foreground.
  public func isForeground(sample: Int) -> Bool {
    sample >= batchSize - Self.foregroundCount(batchSize: batchSize, share: foregroundShare)
  }

  /// Where one sample is cut.
  public struct Place: Sendable, Equatable {
    public var caseIndex: Int
    public var z: Int
    /// The upper left corner, which may lie beyond the slice.
    public var y: Int
    public var x: Int
  }

  /// Decides where a sample is cut.
  public func place(epoch: Int, step: Int, sample: Int) throws -> Place {
    var random = CounterRandom(seed: seed, purpose: purpose + " place", epoch: epoch, step: step, sample: sample)
    let index = random.integer(below: provider.caseCount)
    let shape = try provider.shape(ofCase: index)
    let places = PatchPlaces(patch: patchSize, cut: cutSize)
    let (lower, upper) = places.corners(shape: shape)
    func place(around locations: [Int32]) -> Place {
      let voxel = 3 * random.integer(below: locations.count / 3)
      let corner = places.corner(around: (0..<3).map { Int(locations[voxel + $0]) }, lower: lower)
      return Place(caseIndex: index, z: corner[0], y: corner[1], x: corner[2])
    }
    if isForeground(sample: sample) {
      let classes = try provider.classes(ofCase: index)
      if !classes.isEmpty {
        let label = classes[random.integer(below: classes.count)]
        let locations = try provider.locations(ofCase: index, class: label)
        guard locations.count >= 3 else {
          throw DatasetError("Case number \(index) lists class \(label) without a voxel; prepare the case anew.")
        }
        return place(around: locations)
      }
    }
    if ignoreLabel != nil {
      let annotated = try provider.locations(ofCase: index, class: CaseFile.annotatedVoxels)
      if annotated.count >= 3 { return place(around: annotated) }
    }
    let corner = (0..<3).map { lower[$0] + random.integer(below: upper[$0] - lower[$0] + 1) }
    return Place(caseIndex: index, z: corner[0], y: corner[1], x: corner[2])
  }

  /// The batch of one step: images [N, C, H, W], labels [N, H, W] with -1 for what nobody annotated.
  /// - Throws: what the provider throws.
  public func batch(epoch: Int, step: Int) throws -> Batch {
    let channels = provider.channelCount
    let (height, width) = (patchSize[0], patchSize[1])
    let (cutHeight, cutWidth) = (cutSize[0], cutSize[1])
    let cutImage = UnsafeMutablePointer<Float>.allocate(capacity: channels * cutHeight * cutWidth)
    let cutLabels = UnsafeMutablePointer<Int16>.allocate(capacity: cutHeight * cutWidth)
    defer {
      cutImage.deallocate()
      cutLabels.deallocate()
    }
    let labels = Tensor(zeros: [batchSize, height, width], .int32, on: .cpu)
    let images = Tensor(zeros: [batchSize, channels, height, width], on: .cpu)
    var workspace: Augmentation.Workspace?
    if case .augmented(let augmentation) = treatment { workspace = Augmentation.Workspace(for: augmentation) }
    try images.withUnsafeMutableElements(of: Float.self) { imagesOut in
      try labels.withUnsafeMutableElements(of: Int32.self) { labelsOut in
        for sample in 0..<batchSize {
          let place = try place(epoch: epoch, step: step, sample: sample)
          try provider.readPatch(
            ofCase: place.caseIndex, z: place.z, y: place.y, x: place.x, height: cutHeight, width: cutWidth,
            image: cutImage, labels: cutLabels)
          let imageOut = imagesOut.baseAddress! + sample * channels * height * width
          let labelOut = labelsOut.baseAddress! + sample * height * width
          switch treatment {
          case .augmented(let augmentation):
            var random = CounterRandom(
              seed: seed, purpose: purpose + " augmentation", epoch: epoch, step: step, sample: sample)
            let parameters = augmentation.draw(channels: channels, random: &random)
            augmentation.apply(
              parameters, image: cutImage, labels: cutLabels, size: cutSize, channels: channels, into: imageOut,
              labelOut, workspace: workspace!)
          case .plain:
            imageOut.update(from: cutImage, count: channels * height * width)
            for index in 0..<(height * width) { labelOut[index] = Int32(cutLabels[index]) }
            Augmentation.removeOutside(labelOut, count: height * width)
          }
          if let ignoreLabel {
            for index in 0..<(height * width) where labelOut[index] == Int32(ignoreLabel) { labelOut[index] = -1 }
          }
        }
      }
    }
    return Batch(images: images, labels: labels)
  }
}

/// Where nnU-Net's loader may cut a slice.
package struct PatchPlaces: Sendable {
  private let cut: [Int]
  private let patch: [Int]

  /// - Parameters:
  ///   - patch: [H, W] that the network sees.
  ///   - cut: [H, W] that is cut for it.
  package init(patch: [Int], cut: [Int]) {
    self.patch = [1] + patch
    self.cut = [1] + cut
  }

  /// The lowest and the highest corner [z, y, x] of a cut anywhere in a case of `shape`.
  package func corners(shape: [Int]) -> (lower: [Int], upper: [Int]) {
    // A cut may hang over the border by half of what it is larger than the patch, or as far as it takes to hold all of a
    // slice that is smaller than the cut.
    let margins = (0..<3).map { max(cut[$0] - patch[$0], cut[$0] - shape[$0]) }
    // Shifting right halves towards minus infinity.
    let lower = margins.map { -$0 >> 1 }
    let upper = (0..<3).map { axis -> Int in
      let margin = margins[axis]
      return shape[axis] + margin / 2 + margin % 2 - cut[axis]
    }
    return (lower, upper)
  }

  /// The corner of a cut with a voxel in its middle. As in nnU-Net it may lie beyond the highest corner, never before the
  /// lowest.
  package func corner(around voxel: [Int], lower: [Int]) -> [Int] {
    (0..<3).map { max(lower[$0], voxel[$0] - cut[$0] / 2) }
  }
}
