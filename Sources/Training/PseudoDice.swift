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
    if let regions {
      add(logits: logits, labels: labels, of: regions)
    } else {
      addClasses(logits: logits, labels: labels)
    }
  }

  private mutating func add(logits: Tensor, labels: Tensor, of regions: RegionTable) {
    let (count, channels) = (logits.shape[0], logits.shape[1])
    let pixels = logits.shape[2] * logits.shape[3]
    logits.withUnsafeElements(of: Float.self) { logits in
      labels.withUnsafeElements(of: Int32.self) { labels in
        for region in 0..<channels {
          let members = (0..<regions.labelCount).map { regions.contains(label: $0, region: region) }
          for item in 0..<count {
            let plane = logits.baseAddress! + (item * channels + region) * pixels
            for pixel in 0..<pixels {
              let label = Int(labels[item * pixels + pixel])
              guard label >= 0 else { continue }
              switch (plane[pixel] > LabelDecision.halfProbabilityLogit, members[label]) {
              case (true, true): truePositives[region] += 1
              case (true, false): falsePositives[region] += 1
              case (false, true): falseNegatives[region] += 1
              case (false, false): break
              }
            }
          }
        }
      }
    }
  }

  private mutating func addClasses(logits: Tensor, labels: Tensor) {
    let (count, classes) = (logits.shape[0], logits.shape[1])
    let pixels = logits.shape[2] * logits.shape[3]
    var best = [Float](repeating: 0, count: pixels)
    var predicted = [Int32](repeating: 0, count: pixels)
    var confusion = [Int](repeating: 0, count: classes * classes)
    logits.withUnsafeElements(of: Float.self) { logits in
      labels.withUnsafeElements(of: Int32.self) { labels in
        best.withUnsafeMutableBufferPointer { best in
          predicted.withUnsafeMutableBufferPointer { predicted in
            for item in 0..<count {
              let planes = logits.baseAddress! + item * classes * pixels
              for pixel in 0..<pixels {
                best[pixel] = planes[pixel]
                predicted[pixel] = 0
              }
              for candidate in 1..<classes {
                let plane = planes + candidate * pixels
                for pixel in 0..<pixels where plane[pixel] > best[pixel] {
                  best[pixel] = plane[pixel]
                  predicted[pixel] = Int32(candidate)
                }
              }
              for pixel in 0..<pixels {
                let label = Int(labels[item * pixels + pixel])
                guard label >= 0 else { continue }
                precondition(label < classes, "label \(label) of \(classes) classes")
                confusion[label * classes + Int(predicted[pixel])] += 1
              }
            }
          }
        }
      }
    }
    for label in 0..<classes {
      for prediction in 0..<classes {
        let pixels = confusion[label * classes + prediction]
        if label == prediction {
          truePositives[label] += pixels
        } else {
          falseNegatives[label] += pixels
          falsePositives[prediction] += pixels
        }
      }
    }
  }

  /// Dice of each foreground class, from class 1 on, or of each region; NaN for one that neither the labels nor the
  /// predictions have.
  public var perClass: [Double] {
    (regions == nil ? 1..<max(1, truePositives.count) : truePositives.indices).map { index in
      let twice = Double(2 * truePositives[index])
      return twice / (twice + Double(falsePositives[index] + falseNegatives[index]))
    }
  }

  /// The mean over the foreground classes or regions that have a Dice; NaN when none has.
  public var mean: Double {
    let defined = perClass.filter { !$0.isNaN }
    return defined.isEmpty ? .nan : defined.reduce(0, +) / Double(defined.count)
  }
}
