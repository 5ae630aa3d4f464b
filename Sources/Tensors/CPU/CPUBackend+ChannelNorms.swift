import Kernels

#if canImport(Glibc)
  import Glibc
#endif

/// Whose mean and deviation a norm over channels uses.
enum ChannelStatistics {
  /// Of the channels of one group of one image: all of them in one group, each in its own (instance norm), or between.
  case groups(Int)
  /// Of a channel over all images.
  case batch
}

// Instance, group and batch norm, followed by a leaky ReLU. All of them are one affine function of every (image, channel)
// once the statistics are known; sums are taken in double over parts whose number depends on the sizes alone.
extension CPUBackend {
  /// The sizes of images, whichever way they lie.
  private struct Images {
    let items: Int
    let channels: Int
    /// Pixels of one image.
    let pixels: Int
    /// Channels that lie together, pixel by pixel; nil where every channel is a plane.
    let width: Int?

    init(_ x: Tensor, _ layout: DataLayout) {
      let sizes = layout.sizes(of: x)
      (items, channels, pixels) = (sizes.items, sizes.channels, sizes.height * sizes.width)
      width = layout == .channelsLast ? channels : nil
    }

    var pairs: Int { items * channels }
  }

  /// Two numbers of every (image, channel), in double.
  private struct Pairs {
    var first: [Double]
    var second: [Double]
  }

  /// y, and for the backward pass the mean and 1 / deviation of every (image, channel); for batch statistics also the channels'
  /// mean and variance, as outputs.
  func channelNorm(
    _ inputs: [Tensor], _ statistics: ChannelStatistics, _ epsilon: Double, slope: Double, _ layout: DataLayout
  ) -> ForwardResult {
    let x = inputs[0]
    let images = Images(x, layout)
    check(inputs, images)
    if case .groups(let groups) = statistics {
      precondition(groups > 0 && images.channels % groups == 0, "\(groups) groups of \(images.channels) channels")
    }
    let moments = moments(x, images)
    var means = [Double](repeating: 0, count: images.pairs)
    var scales = means
    let shared = joined(moments, images, statistics)
    for pair in 0..<images.pairs {
      let (mean, variance) = shared[index(of: pair, images, statistics)]
      means[pair] = mean
      scales[pair] = 1 / (variance + epsilon).squareRoot()
    }
    let (mean, scale) = (tensor(means, x.elementType), tensor(scales, x.elementType))
    let y = normed(x, images, mean: mean, scale: scale, inputs, slope)
    guard case .batch = statistics else { return ForwardResult([y], saved: [mean, scale]) }
    return ForwardResult(
      [y, tensor(shared.map(\.mean), x.elementType), tensor(shared.map(\.variance), x.elementType)],
      saved: [mean, scale])
  }

  /// The same with mean and variance given for every channel: inputs x, weight, bias, mean, variance.
  func fixedNorm(_ inputs: [Tensor], _ epsilon: Double, slope: Double, _ layout: DataLayout) -> ForwardResult {
    let x = inputs[0]
    let images = Images(x, layout)
    check(inputs, images)
    let (channelMeans, variances) = (doubles(inputs[3]), doubles(inputs[4]))
    precondition(channelMeans.count == images.channels && variances.count == images.channels, "a norm's statistics")
    let means = (0..<images.pairs).map { channelMeans[$0 % images.channels] }
    let scales = (0..<images.pairs).map { 1 / (variances[$0 % images.channels] + epsilon).squareRoot() }
    let (mean, scale) = (tensor(means, x.elementType), tensor(scales, x.elementType))
    return ForwardResult([normed(x, images, mean: mean, scale: scale, inputs, slope)], saved: [mean, scale])
  }

  /// - Parameter statistics: nil where they were given and do not depend on x.
  func channelNormBackward(
    _ inputs: [Tensor], _ saved: [Tensor], _ g: Tensor, _ statistics: ChannelStatistics?, slope: Double,
    _ layout: DataLayout, _ needed: [Bool]
  ) -> [Tensor?] {
    let (x, weight) = (inputs[0], inputs[1])
    let images = Images(x, layout)
    let scales = doubles(saved[1])
    let weights = doubles(weight)
    let (factor, shift) = factors(scales, inputs, images)
    // What the statistics do not depend on is a product by then.
    let dx = needed[0] ? Tensor(uninitialized: x.shape, x.elementType) : nil
    let sums = gradientSums(
      x, images, mean: saved[0], factor: factor, shift: shift, g, slope, into: statistics == nil ? dx : nil)
    var result: [Tensor?] = inputs.map { _ in nil }
    var (dWeight, dBias) = (
      [Double](repeating: 0, count: images.channels), [Double](repeating: 0, count: images.channels)
    )
    for pair in 0..<images.pairs {
      dWeight[pair % images.channels] += sums.second[pair] * scales[pair]
      dBias[pair % images.channels] += sums.first[pair]
    }
    if needed[1] { result[1] = tensor(dWeight, x.elementType) }
    if needed[2] { result[2] = tensor(dBias, x.elementType) }
    result[0] = dx
    guard let dx, let statistics, images.pairs > 0 else { return result }

    // dx = scale (d w - mean(d w) - x̂ mean(d w x̂)), the means over everything that shares the statistics.
    var levels = [Double](repeating: 0, count: images.pairs)
    var tilts = levels
    var shared = [(level: Double, tilt: Double, count: Double)](
      repeating: (0, 0, 0), count: count(of: images, statistics))
    for pair in 0..<images.pairs {
      let place = index(of: pair, images, statistics)
      shared[place].level += weights[pair % images.channels] * sums.first[pair]
      shared[place].tilt += weights[pair % images.channels] * sums.second[pair]
      shared[place].count += Double(images.pixels)
    }
    for pair in 0..<images.pairs {
      let (level, tilt, count) = shared[index(of: pair, images, statistics)]
      levels[pair] = scales[pair] * level / max(1, count)
      tilts[pair] = scales[pair] * scales[pair] * scales[pair] * tilt / max(1, count)
    }
    let (level, tilt) = (tensor(levels, x.elementType), tensor(tilts, x.elementType))
    let type = x.elementType.kernel
    if let width = images.width {
      parallel(x.count / max(1, width), grain: rowGrain(width)) {
        kernel_row_norm_backward(
          type, x.rawPointer, saved[0].rawPointer, factor.rawPointer, shift.rawPointer, level.rawPointer,
          tilt.rawPointer, g.rawPointer, dx.rawPointer, slope, width, images.pixels, $0, $1)
      }
    } else {
      parallel(images.pairs, grain: rowGrain(images.pixels)) {
        kernel_plane_norm_backward(
          type, x.rawPointer, saved[0].rawPointer, factor.rawPointer, shift.rawPointer, level.rawPointer,
          tilt.rawPointer, g.rawPointer, dx.rawPointer, slope, images.pixels, $0, $1)
      }
    }
    return result
  }

  // MARK: - Steps

  private func check(_ inputs: [Tensor], _ images: Images) {
    precondition(
      inputs[1].shape == [images.channels] && inputs[2].shape == [images.channels],
      "a norm of \(inputs[0].shape) with weights \(inputs[1].shape)")
  }

  /// How many statistics there are.
  private func count(of images: Images, _ statistics: ChannelStatistics) -> Int {
    switch statistics {
    case .groups(let groups): images.items * groups
    case .batch: images.channels
    }
  }

  /// Whose statistics an (image, channel) shares.
  private func index(of pair: Int, _ images: Images, _ statistics: ChannelStatistics) -> Int {
    switch statistics {
    case .groups(let groups): pair / (images.channels / groups)
    case .batch: pair % images.channels
    }
  }

  /// Mean and sum of squared distances of every (image, channel).
  private func moments(_ x: Tensor, _ images: Images) -> Pairs {
    byPairs(images) { first, second, begin, end in
      kernel_plane_moments(x.elementType.kernel, x.rawPointer, first, second, images.pixels, begin, end)
    } rows: { bundle, width, first, second, begin, end in
      let offset = bundle * width * images.pixels * x.elementType.byteCount
      kernel_row_moments(x.elementType.kernel, x.rawPointer + offset, first, second, width, begin, end)
    } join: { total, part, before, count in
      // Chan, Golub and LeVeque 1983: moments of two parts joined.
      let whole = before + count
      let distance = part.first - total.first
      total.first += distance * count / whole
      total.second += part.second + distance * distance * before * count / whole
    }
  }

  /// - Parameter dx: becomes factor · the gradient before the leaky ReLU.
  private func gradientSums(
    _ x: Tensor, _ images: Images, mean: Tensor, factor: Tensor, shift: Tensor, _ g: Tensor, _ slope: Double,
    into dx: Tensor?
  ) -> Pairs {
    let type = x.elementType.kernel
    return byPairs(images) { first, second, begin, end in
      kernel_plane_norm_sums(
        type, x.rawPointer, mean.rawPointer, factor.rawPointer, shift.rawPointer, g.rawPointer, dx?.rawPointer, first,
        second, slope, images.pixels, begin, end)
    } rows: { bundle, width, first, second, begin, end in
      let pair = bundle * width * x.elementType.byteCount
      let offset = pair * images.pixels
      kernel_row_norm_sums(
        type, x.rawPointer + offset, mean.rawPointer + pair, factor.rawPointer + pair, shift.rawPointer + pair,
        g.rawPointer + offset, dx.map { $0.rawPointer + offset }, first, second, slope, width, begin, end)
    } join: { total, part, _, _ in
      total.first += part.first
      total.second += part.second
    }
  }

  /// Pixels of one part of an image whose channels lie together.
  private static let partPixels = 1024

  /// Two numbers of every (image, channel): at once where a channel is a plane, joined from parts of the image in order
  /// where channels lie together. A bundle is what lies together: all channels of an image, or a block of them.
  private func byPairs(
    _ images: Images, planes: (UnsafeMutablePointer<Double>, UnsafeMutablePointer<Double>, Int, Int) -> Void,
    rows: (
      _ bundle: Int, _ width: Int, UnsafeMutablePointer<Double>, UnsafeMutablePointer<Double>, Int, Int
    ) -> Void,
    join: (inout (first: Double, second: Double), (first: Double, second: Double), _ before: Double, _ count: Double)
      -> Void
  ) -> Pairs {
    let pixels = images.pixels
    var result = Pairs(
      first: [Double](repeating: 0, count: images.pairs), second: [Double](repeating: 0, count: images.pairs))
    if images.pairs * pixels == 0 { return result }
    guard let width = images.width else {
      result.first.withUnsafeMutableBufferPointer { first in
        result.second.withUnsafeMutableBufferPointer { second in
          let (first, second) = (first.baseAddress!, second.baseAddress!)
          parallel(images.pairs, grain: rowGrain(pixels)) { planes(first, second, $0, $1) }
        }
      }
      return result
    }
    let bundles = images.pairs / width
    let parts = (pixels + Self.partPixels - 1) / Self.partPixels
    let shares = Tensor(uninitialized: [bundles * parts, 2, width], .float64)
    let base = shares.rawPointer.assumingMemoryBound(to: Double.self)
    func start(_ part: Int) -> Int { pixels * part / parts }
    parallel(bundles * parts, grain: rowGrain(width * Self.partPixels)) { begin, end in
      for index in begin..<end {
        let (bundle, part) = index.quotientAndRemainder(dividingBy: parts)
        let share = base + index * 2 * width
        rows(bundle, width, share, share + width, start(part), start(part + 1))
      }
    }
    for bundle in 0..<bundles {
      for channel in 0..<width {
        var total = (first: 0.0, second: 0.0)
        for part in 0..<parts {
          let share = base + (bundle * parts + part) * 2 * width + channel
          join(&total, (share[0], share[width]), Double(start(part)), Double(start(part + 1) - start(part)))
        }
        result.first[bundle * width + channel] = total.first
        result.second[bundle * width + channel] = total.second
      }
    }
    return result
  }

  /// Mean and variance of everything that shares them.
  private func joined(_ moments: Pairs, _ images: Images, _ statistics: ChannelStatistics) -> [(
    mean: Double, variance: Double
  )] {
    var counts = [Double](repeating: 0, count: count(of: images, statistics))
    var results = counts.map { _ in (mean: 0.0, variance: 0.0) }
    let count = Double(images.pixels)
    if count == 0 { return results }
    for pair in 0..<images.pairs {
      let place = index(of: pair, images, statistics)
      let distance = moments.first[pair] - results[place].mean
      let whole = counts[place] + count
      results[place].mean += distance * count / whole
      results[place].variance += moments.second[pair] + distance * distance * counts[place] * count / whole
      counts[place] = whole
    }
    for place in results.indices { results[place].variance /= max(1, counts[place]) }
    return results
  }

  /// scale · weight and bias of every (image, channel).
  private func factors(_ scales: [Double], _ inputs: [Tensor], _ images: Images) -> (factor: Tensor, shift: Tensor) {
    let (weights, biases) = (doubles(inputs[1]), doubles(inputs[2]))
    let type = inputs[0].elementType
    return (
      tensor(scales.enumerated().map { $1 * weights[$0 % images.channels] }, type),
      tensor(scales.indices.map { biases[$0 % images.channels] }, type)
    )
  }

  private func normed(
    _ x: Tensor, _ images: Images, mean: Tensor, scale: Tensor, _ inputs: [Tensor], _ slope: Double
  ) -> Tensor {
    let (factor, shift) = factors(doubles(scale), inputs, images)
    let y = Tensor(uninitialized: x.shape, x.elementType)
    if y.count == 0 { return y }
    let type = x.elementType.kernel
    if let width = images.width {
      parallel(x.count / width, grain: rowGrain(width)) {
        kernel_row_norm(
          type, x.rawPointer, mean.rawPointer, factor.rawPointer, shift.rawPointer, y.rawPointer, slope, width,
          images.pixels, $0, $1)
      }
    } else {
      parallel(images.pairs, grain: rowGrain(images.pixels)) {
        kernel_plane_norm(
          type, x.rawPointer, mean.rawPointer, factor.rawPointer, shift.rawPointer, y.rawPointer, slope,
          images.pixels, $0, $1)
      }
    }
    return y
  }

  private func doubles(_ x: Tensor) -> [Double] {
    x.elementType == .float32 ? x.values(as: Float.self).map(Double.init) : x.values(as: Double.self)
  }

  private func tensor(_ values: [Double], _ type: ElementType) -> Tensor {
    let tensor = Tensor(values, shape: [values.count])
    return tensor.converted(to: type)
  }
}
