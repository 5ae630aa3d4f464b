import Tensors

/// nnU-Net's loss: soft Dice over the foreground classes plus cross-entropy, summed over the network's outputs; with regions,
/// which may overlap, soft Dice over the regions plus binary cross-entropy.
///
/// Soft Dice is minus the mean of the classes' Dice, so a perfect prediction has the loss -`diceWeight`.
public struct SegmentationLoss: Sendable, Equatable {
  /// The factor of soft Dice; 1 in nnU-Net.
  public var diceWeight: Double
  /// The factor of cross-entropy; 1 in nnU-Net.
  public var crossEntropyWeight: Double
  /// Whether Dice sums over the whole batch before it divides (`batch_dice` of nnU-Net's plans; true for 2d).
  public var diceOverBatch: Bool
  /// What is added to Dice's numerator and denominator; 1e-5 in nnU-Net.
  public var diceSmoothing: Double
  /// The labels of the region that each channel stands for; nil where a channel is a class.
  public var regions: RegionTable?
  /// Whether the dataset has an ignore label. nnU-Net's binary cross-entropy is the mean over pixels and regions without one,
  /// and with one, whether a batch has such pixels or not, the mean over the annotated pixels of the regions' sum.
  public var hasIgnoreLabel: Bool

  public init(
    diceWeight: Double = 1, crossEntropyWeight: Double = 1, diceOverBatch: Bool = true, diceSmoothing: Double = 1e-5,
    regions: RegionTable? = nil, hasIgnoreLabel: Bool = false
  ) {
    self.diceWeight = diceWeight
    self.crossEntropyWeight = crossEntropyWeight
    self.diceOverBatch = diceOverBatch
    self.diceSmoothing = diceSmoothing
    self.regions = regions
    self.hasIgnoreLabel = hasIgnoreLabel
  }

  /// The loss of one output: logits `[N, C, H, W]`, labels int32 `[N, H, W]`, those below 0 ignored.
  public func callAsFunction(logits: Tensor, labels: Tensor) -> Tensor {
    if let regions {
      let dice = regionDice(
        logits: logits, labels: labels, regions: regions, overBatch: diceOverBatch, smooth: diceSmoothing)
      let entropy = regionCrossEntropy(logits: logits, labels: labels, regions: regions, perPixel: hasIgnoreLabel)
      return diceWeight * dice + crossEntropyWeight * entropy
    }
    let dice = softDice(logits: logits, labels: labels, overBatch: diceOverBatch, smooth: diceSmoothing)
    return diceWeight * dice + crossEntropyWeight * crossEntropy(logits: logits, labels: labels)
  }

  /// The weighted loss of several outputs, the finest first; each coarser one is compared with labels taken at its pixels'
  /// centres (deep supervision).
  public func callAsFunction(outputs: [Tensor], labels: Tensor) -> Tensor {
    precondition(!outputs.isEmpty, "a loss of no output")
    if outputs.count == 1 { return self(logits: outputs[0], labels: labels) }
    var total: Tensor?
    for (output, weight) in zip(outputs, Self.deepSupervisionWeights(count: outputs.count)) where weight > 0 {
      let reduced = labels.device.backend.resizedLabels(
        labels, height: output.shape[2], width: output.shape[3])
      let term = weight * self(logits: output, labels: reduced)
      total = total.map { $0 + term } ?? term
    }
    return total!
  }

  /// nnU-Net's weights of `count` outputs, the finest first: 1, 1/2, 1/4 and so on, the last one 0, divided by their sum.
  public static func deepSupervisionWeights(count: Int) -> [Double] {
    if count == 1 { return [1] }
    var weights = (0..<count).map { 1 / Double(1 << $0) }
    weights[count - 1] = 0
    let sum = weights.reduce(0, +)
    return weights.map { $0 / sum }
  }
}
