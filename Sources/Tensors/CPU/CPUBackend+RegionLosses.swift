import Kernels

/// Losses of regions that may overlap: a channel a region, the sigmoid inside.
extension CPUBackend {
  func regionCrossEntropy(_ logits: Tensor, _ labels: Tensor, _ regions: RegionTable, _ perPixel: Bool)
    -> ForwardResult
  {
    let shape = regionShape(logits, labels, regions)
    let total = sumOfLosses(shape.images * shape.blocks, width: 1) { share, begin, end in
      kernel_region_cross_entropy_forward(
        logits.elementType.kernel, logits.rawPointer, shape.labels, regions.words, share, shape.channels,
        regions.labelCount, shape.plane, begin, end)
    }
    let terms = countedLabels(labels) * (perPixel ? 1 : shape.channels)
    let factor = terms > 0 ? 1 / Double(terms) : 0
    return ForwardResult(
      [Tensor(repeating: total[0] * factor, shape: [], logits.elementType)], saved: [Tensor(scalar: factor)])
  }

  func regionCrossEntropyBackward(
    _ logits: Tensor, _ labels: Tensor, _ regions: RegionTable, _ saved: [Tensor], _ g: Tensor
  ) -> Tensor {
    let shape = regionShape(logits, labels, regions)
    let dx = Tensor(uninitialized: logits.shape, logits.elementType)
    let factor = g.scalarValue * saved[0].scalarValue
    parallel(shape.images * shape.blocks, grain: rowGrain(Int(pixel_block) * shape.channels)) {
      kernel_region_cross_entropy_backward(
        logits.elementType.kernel, logits.rawPointer, shape.labels, regions.words, dx.rawPointer, factor,
        shape.channels, regions.labelCount, shape.plane, $0, $1)
    }
    return dx
  }

  func regionDice(_ logits: Tensor, _ labels: Tensor, _ regions: RegionTable, _ overBatch: Bool, _ smooth: Double)
    -> ForwardResult
  {
    let shape = regionShape(logits, labels, regions)
    let channels = shape.channels
    // sums[image][p t, p, t][region]
    var sums: [Double] = []
    for image in 0..<shape.images {
      sums += sumOfLosses(shape.blocks, width: 3 * channels) { share, begin, end in
        kernel_region_dice_sums(
          logits.elementType.kernel, logits.rawPointer, shape.labels, regions.words, share, channels,
          regions.labelCount, shape.plane, image, begin, end)
      }
    }
    let groups = diceGroups(shape.images, overBatch)
    var total = 0.0
    for group in groups {
      for channel in 0..<channels { total += DiceTerm(sums, group, channel, channels, smooth).value }
    }
    return ForwardResult(
      [Tensor(repeating: -total / Double(groups.count * channels), shape: [], logits.elementType)],
      saved: [Tensor(sums, shape: [shape.images, 3, channels])])
  }

  func regionDiceBackward(
    _ logits: Tensor, _ labels: Tensor, _ regions: RegionTable, _ saved: [Tensor], _ g: Tensor, _ overBatch: Bool,
    _ smooth: Double
  ) -> Tensor {
    let shape = regionShape(logits, labels, regions)
    let channels = shape.channels
    let sums = saved[0].values(as: Double.self)
    let groups = diceGroups(shape.images, overBatch)
    let factor = -g.scalarValue / Double(groups.count * channels)
    let dx = Tensor(uninitialized: logits.shape, logits.elementType)
    for group in groups {
      let terms = (0..<channels).map { DiceTerm(sums, group, $0, channels, smooth) }
      let byProduct = terms.map { factor * 2 / $0.denominator }
      let byPrediction = terms.map { $0.isClipped ? 0 : -factor * $0.value / $0.denominator }
      for image in group {
        byProduct.withUnsafeBufferPointer { a in
          byPrediction.withUnsafeBufferPointer { b in
            parallel(shape.blocks, grain: rowGrain(Int(pixel_block) * channels)) {
              kernel_region_dice_backward(
                logits.elementType.kernel, logits.rawPointer, shape.labels, regions.words, a.baseAddress,
                b.baseAddress, dx.rawPointer, channels, regions.labelCount, shape.plane, image, $0, $1)
            }
          }
        }
      }
    }
    return dx
  }

  private func regionShape(_ logits: Tensor, _ labels: Tensor, _ regions: RegionTable) -> LossShape {
    let shape = LossShape(logits, labels, classes: regions.labelCount)
    precondition(
      shape.channels == regions.regions.count, "logits \(logits.shape) of \(regions.regions.count) regions")
    return shape
  }
}
