import Elementary

extension CPUBackend {
  package func overlapCounts(logits: Tensor, labels: Tensor, regions: RegionTable?, threshold: Float) -> Tensor {
    let channels = logits.shape[1]
    var counts = OverlapCounts(channels: channels)
    logits.withUnsafeElements(of: Float.self) { elements in
      labels.withUnsafeElements(of: Int32.self) { labels in
        if let regions {
          counts.add(elements, labels, shape: logits.shape, regions, threshold)
        } else {
          counts.addClasses(elements, labels, shape: logits.shape)
        }
      }
    }
    let all = counts.truePositives + counts.falsePositives + counts.falseNegatives
    return Tensor(all.map(Int32.init), shape: [3, channels])
  }

  package func resizedLabels(_ labels: Tensor, height: Int, width: Int) -> Tensor {
    let (count, fullHeight, fullWidth) = (labels.shape[0], labels.shape[1], labels.shape[2])
    if (height, width) == (fullHeight, fullWidth) { return labels }
    let rows = (0..<height).map { min(fullHeight - 1, (2 * $0 + 1) * fullHeight / (2 * height)) }
    let columns = (0..<width).map { min(fullWidth - 1, (2 * $0 + 1) * fullWidth / (2 * width)) }
    return labels.withUnsafeElements(of: Int32.self) { source in
      Tensor(shape: [count, height, width], of: Int32.self) { target in
        var next = 0
        for item in 0..<count {
          for row in rows {
            let start = (item * fullHeight + row) * fullWidth
            for column in columns {
              target[next] = source[start + column]
              next += 1
            }
          }
        }
      }
    }
  }

  package func greatestOffDiagonal(_ matrix: Tensor) -> Tensor {
    let count = matrix.shape[0]
    let values = matrix.values(as: Float.self)
    let greatest = (0..<count).map { row -> Int32 in
      var best = row == 0 ? 1 : 0
      for other in 0..<count where other != row {
        if values[row * count + other] > values[row * count + best] { best = other }
      }
      return Int32(best)
    }
    return Tensor(greatest, shape: [count])
  }

  package func entropy(_ distributions: Tensor) -> Double {
    distributions.withUnsafeElements(of: Float.self) { values in
      var sum = 0.0
      for p in values where p > 0 { sum -= Double(p) * Elementary.log(Double(p)) }
      return sum / Double(distributions.shape[0])
    }
  }

  package func sinkhornKnopp(_ problem: SinkhornKnoppProblem) -> any BalancedTargets { SinkhornKnoppFactors(problem) }
}

/// Pixels of each class or region, predicted rightly, wrongly, and missed.
private struct OverlapCounts {
  var truePositives: [Int]
  var falsePositives: [Int]
  var falseNegatives: [Int]

  init(channels: Int) {
    truePositives = [Int](repeating: 0, count: channels)
    falsePositives = truePositives
    falseNegatives = truePositives
  }

  mutating func add(
    _ logits: UnsafeBufferPointer<Float>, _ labels: UnsafeBufferPointer<Int32>, shape: [Int], _ regions: RegionTable,
    _ threshold: Float
  ) {
    let (count, channels, pixels) = (shape[0], shape[1], shape[2] * shape[3])
    for region in 0..<channels {
      let members = (0..<regions.labelCount).map { regions.contains(label: $0, region: region) }
      for item in 0..<count {
        let plane = logits.baseAddress! + (item * channels + region) * pixels
        for pixel in 0..<pixels {
          let label = Int(labels[item * pixels + pixel])
          guard label >= 0 else { continue }
          switch (plane[pixel] > threshold, members[label]) {
          case (true, true): truePositives[region] += 1
          case (true, false): falsePositives[region] += 1
          case (false, true): falseNegatives[region] += 1
          case (false, false): break
          }
        }
      }
    }
  }

  mutating func addClasses(
    _ logits: UnsafeBufferPointer<Float>, _ labels: UnsafeBufferPointer<Int32>, shape: [Int]
  ) {
    let (count, classes, pixels) = (shape[0], shape[1], shape[2] * shape[3])
    var best = [Float](repeating: 0, count: pixels)
    var predicted = [Int32](repeating: 0, count: pixels)
    var confusion = [Int](repeating: 0, count: classes * classes)
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
}
