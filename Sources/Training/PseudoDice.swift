import Tensors

/// nnU-Net's quick look at validation: hard Dice per class of the true and false positives and false negatives summed over
/// patches, as if all validation patches were one image. It is no substitute for Dice per case.
public struct PseudoDice: Sendable, Equatable {
  /// Pixels of each class, the background included, predicted rightly, wrongly, and missed.
  public private(set) var truePositives: [Int]
  public private(set) var falsePositives: [Int]
  public private(set) var falseNegatives: [Int]

  public init(classCount: Int) {
    truePositives = [Int](repeating: 0, count: classCount)
    falsePositives = truePositives
    falseNegatives = truePositives
  }

  /// Adds a batch: logits float32 `[N, C, H, W]`, labels int32 `[N, H, W]`, those below 0 ignored. The prediction is the
  /// class of the greatest logit, the first of equal ones.
  public mutating func add(logits: Tensor, labels: Tensor) {
    let (count, classes) = (logits.shape[0], logits.shape[1])
    let pixels = logits.shape[2] * logits.shape[3]
    precondition(classes == truePositives.count && labels.count == count * pixels, "logits and labels do not match")
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

  /// Dice of each foreground class, from class 1 on; NaN for one that neither the labels nor the predictions have.
  public var perClass: [Double] {
    (1..<max(1, truePositives.count)).map { index in
      let twice = Double(2 * truePositives[index])
      return twice / (twice + Double(falsePositives[index] + falseNegatives[index]))
    }
  }

  /// The mean over the foreground classes that have a Dice; NaN when none has.
  public var mean: Double {
    let defined = perClass.filter { !$0.isNaN }
    return defined.isEmpty ? .nan : defined.reduce(0, +) / Double(defined.count)
  }
}
