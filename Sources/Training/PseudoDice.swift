import Datasets
import Tensors

/// nnU-Net's quick look at validation: hard Dice per class or region of the true and false positives and false negatives summed over
/// patches, as if all validation patches were one image. It is no substitute for Dice per case.
public struct PseudoDice: Sendable, Equatable {
  /// Pixels of each class, the background included, or of each region, predicted rightly, wrongly, and missed.
  public private(set) var truePositives: [Int]
  public private(set) var falsePositives: [Int]
  public private(set) var falseNegatives: [Int]

  private let regions: RegionTable?

  public init(classCount: Int) {
    self.init(channels: classCount, regions: nil)
  }

  public init(regions: RegionTable) {
    self.init(channels: regions.regions.count, regions: regions)
  }

  private init(channels: Int, regions: RegionTable?) {
    self.regions = regions
    truePositives = [Int](repeating: 0, count: channels)
    falsePositives = truePositives
    falseNegatives = truePositives
  }

  /// Adds a batch: logits float32 `[N, C, H, W]`, labels int32 `[N, H, W]`, those below 0 ignored. The prediction is the
  /// class of the greatest logit, the first of equal ones, or every region whose probability exceeds a half.
  public mutating func add(logits: Tensor, labels: Tensor) {
    precondition(
      logits.shape[1] == truePositives.count && labels.count == logits.shape[0] * logits.shape[2] * logits.shape[3],
      "logits \(logits.shape) and labels \(labels.shape) do not match")
    let counts = logits.device.backend.overlapCounts(
      logits: logits, labels: labels, regions: regions, threshold: LabelDecision.halfProbabilityLogit
    ).values(as: Int32.self)
    let channels = truePositives.count
    for channel in 0..<channels {
      truePositives[channel] += Int(counts[channel])
      falsePositives[channel] += Int(counts[channels + channel])
      falseNegatives[channel] += Int(counts[2 * channels + channel])
    }
  }

  /// Dice of each foreground class, from class 1 on, or of each region; NaN for one that neither the labels nor the
  /// predictions have.
  public var perClass: [Double] {
    (regions == nil ? 1..<max(1, truePositives.count) : truePositives.indices).map { index in
      let twice = Double(2 * truePositives[index])
      let whole = twice + Double(falsePositives[index] + falseNegatives[index])
      // 0 / 0 is a NaN whose sign processors differ in.
      return whole == 0 ? .nan : twice / whole
    }
  }

  /// The mean over the foreground classes or regions that have a Dice; NaN when none has.
  public var mean: Double {
    let defined = perClass.filter { !$0.isNaN }
    return defined.isEmpty ? .nan : defined.reduce(0, +) / Double(defined.count)
  }
}
