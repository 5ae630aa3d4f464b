import Kernels

extension CPUBackend {
  /// Logits [N, C, ·] and labels [N, ·], checked.
  struct LossShape {
    let images: Int
    let channels: Int
    let plane: Int
    let blocks: Int
    let labels: UnsafePointer<Int32>

    /// - Parameter classes: how many labels there are; as many as channels when nil.
    init(_ logits: Tensor, _ labels: Tensor, classes: Int? = nil) {
      precondition(
        logits.rank >= 2 && labels.elementType == .int32
          && labels.shape == [logits.shape[0]] + Array(logits.shape.dropFirst(2)),
        "a loss of logits \(logits.shape) and labels \(labels.shape)")
      images = logits.shape[0]
      channels = logits.shape[1]
      plane = logits.shape.dropFirst(2).reduce(1, *)
      blocks = pixelBlocks(plane)
      self.labels = UnsafePointer(labels.rawPointer.assumingMemoryBound(to: Int32.self))
      let classes = Int32(classes ?? channels)
      labels.withUnsafeElements(of: Int32.self) { values in
        var greatest: Int32 = -1
        for value in values { greatest = max(greatest, value) }
        precondition(greatest < classes, "the label \(greatest) where there are \(classes) classes")
      }
    }
  }

  /// How many labels are not ignored.
  func countedLabels(_ labels: Tensor) -> Int {
    labels.withUnsafeElements(of: Int32.self) { values in
      var count = 0
      for value in values where value >= 0 { count += 1 }
      return count
    }
  }

  func crossEntropy(_ logits: Tensor, _ labels: Tensor) -> ForwardResult {
    let shape = LossShape(logits, labels)
    let counted = countedLabels(labels)
    // Images differ in nothing here: all blocks are one range, cut in parts that do not depend on the threads.
    let total = sumOfLosses(shape.images * shape.blocks, width: 1) { share, begin, end in
      kernel_cross_entropy_forward(
        logits.elementType.kernel, logits.rawPointer, shape.labels, share, shape.channels, shape.plane, begin, end)
    }
    let factor = counted > 0 ? 1 / Double(counted) : 0
    return ForwardResult(
      [Tensor(repeating: total[0] * factor, shape: [], logits.elementType)], saved: [Tensor(scalar: factor)])
  }

  func crossEntropyBackward(_ logits: Tensor, _ labels: Tensor, _ saved: [Tensor], _ g: Tensor) -> Tensor {
    let shape = LossShape(logits, labels)
    let dx = Tensor(uninitialized: logits.shape, logits.elementType)
    let factor = g.scalarValue * saved[0].scalarValue
    parallel(shape.images * shape.blocks, grain: rowGrain(Int(pixel_block) * shape.channels)) {
      kernel_cross_entropy_backward(
        logits.elementType.kernel, logits.rawPointer, shape.labels, dx.rawPointer, factor, shape.channels,
        shape.plane, $0, $1)
    }
    return dx
  }

  func softDice(
    _ logits: Tensor, _ labels: Tensor, _ overBatch: Bool, _ includeBackground: Bool, _ smooth: Double
  ) -> ForwardResult {
    let shape = LossShape(logits, labels)
    let channels = shape.channels
    // sums[image][p t, p, t][class]
    var sums: [Double] = []
    for image in 0..<shape.images {
      sums += sumOfLosses(shape.blocks, width: 3 * channels) { share, begin, end in
        kernel_soft_dice_sums(
          logits.elementType.kernel, logits.rawPointer, shape.labels, share, channels, shape.plane, image, begin, end)
      }
    }
    let saved = Tensor(sums, shape: [shape.images, 3, channels])
    var total = 0.0
    var terms = 0
    for group in diceGroups(shape.images, overBatch) {
      for channel in (includeBackground ? 0 : 1)..<max(channels, includeBackground ? 0 : 1) {
        let dice = DiceTerm(sums, group, channel, channels, smooth)
        total += dice.value
        terms += 1
      }
    }
    precondition(terms > 0, "a Dice loss without a class")
    return ForwardResult(
      [Tensor(repeating: -total / Double(terms), shape: [], logits.elementType)], saved: [saved])
  }

  func softDiceBackward(
    _ logits: Tensor, _ labels: Tensor, _ saved: [Tensor], _ g: Tensor, _ overBatch: Bool, _ includeBackground: Bool,
    _ smooth: Double
  ) -> Tensor {
    let shape = LossShape(logits, labels)
    let channels = shape.channels
    let sums = saved[0].values(as: Double.self)
    let groups = diceGroups(shape.images, overBatch)
    let first = includeBackground ? 0 : 1
    let factor = -g.scalarValue / Double(groups.count * (channels - first))
    let dx = Tensor(uninitialized: logits.shape, logits.elementType)
    for group in groups {
      var byProduct = [Double](repeating: 0, count: channels)
      var byPrediction = byProduct
      for channel in first..<channels {
        let dice = DiceTerm(sums, group, channel, channels, smooth)
        byProduct[channel] = factor * 2 / dice.denominator
        byPrediction[channel] = dice.isClipped ? 0 : -factor * dice.value / dice.denominator
      }
      for image in group {
        byProduct.withUnsafeBufferPointer { a in
          byPrediction.withUnsafeBufferPointer { b in
            parallel(shape.blocks, grain: rowGrain(Int(pixel_block) * channels)) {
              kernel_soft_dice_backward(
                logits.elementType.kernel, logits.rawPointer, shape.labels, a.baseAddress, b.baseAddress,
                dx.rawPointer, channels, shape.plane, image, $0, $1)
            }
          }
        }
      }
    }
    return dx
  }

  /// The images whose sums make one Dice value.
  func diceGroups(_ images: Int, _ overBatch: Bool) -> [Range<Int>] {
    overBatch ? [0..<images] : (0..<images).map { $0..<($0 + 1) }
  }

  /// One class's Dice: (2 Σ p t + smooth) / max(Σ p + Σ t + smooth, 1e-8).
  struct DiceTerm {
    let value: Double
    let denominator: Double
    let isClipped: Bool

    init(_ sums: [Double], _ group: Range<Int>, _ channel: Int, _ channels: Int, _ smooth: Double) {
      var totals = [0.0, 0.0, 0.0]
      for image in group {
        for kind in 0..<3 { totals[kind] += sums[(image * 3 + kind) * channels + channel] }
      }
      let unclipped = totals[1] + totals[2] + smooth
      isClipped = unclipped < 1e-8
      denominator = max(unclipped, 1e-8)
      value = (2 * totals[0] + smooth) / denominator
    }
  }

  /// Adds the shares of parts of `0 ..< count` in double precision, in an order that does not depend on the threads.
  func sumOfLosses(
    _ count: Int, width: Int, _ body: (UnsafeMutablePointer<Double>, Int, Int) -> Void
  ) -> [Double] {
    let sums = Tensor(uninitialized: [width], .float64)
    sumOfShares(count, part: 8, width: width, work: Int(pixel_block) * width, into: sums) { share, begin, end in
      body(share.assumingMemoryBound(to: Double.self), begin, end)
    }
    return sums.values()
  }
}
