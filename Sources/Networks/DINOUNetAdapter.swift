import Tensors

/// A vision transformer's adapter (Chen et al. 2023) in the form that leaves the transformer frozen: convolutions see the image
/// itself, and their features, at an eighth, a sixteenth and a thirty-second of the resolution, gather what they need from the
/// transformer's tokens by deformable attention, after one block after another.
struct DINOUNetAdapter: Module {
  private let prior: SpatialPrior
  /// `[3, width]`, one row for each of the three resolutions.
  private let levels: Parameter
  /// Those that read the tokens of each of the blocks; the last block is read three times.
  private let extractors: [[Extractor]]
  private let upsample: TransposedConvolutionBlock
  private let norms: [BatchNormalization]
  private let width: Int

  init(_ name: String, _ configuration: DINOUNetConfiguration, _ initializer: Initializer) {
    width = configuration.encoder.width
    prior = SpatialPrior(
      "\(name).prior", channels: configuration.encoder.channels, configuration.adapter.priorWidth, width: width,
      initializer)
    levels = initializer.normal("\(name).levels", [3, width], deviation: 1)
    var index = 0
    extractors = configuration.blocks.indices.map { block in
      (0..<(block == configuration.blocks.count - 1 ? 3 : 1)).map { turn in
        defer { index += 1 }
        return Extractor(
          "\(name).extractors.\(block).\(turn)", index: index, width: configuration.encoder.width,
          configuration.adapter, initializer)
      }
    }
    upsample = TransposedConvolutionBlock("\(name).upsample", inputs: width, outputs: width, initializer)
    norms = (0..<4).map {
      BatchNormalization("\(name).norms.\($0)", channels: configuration.encoder.width, initializer)
    }
  }

  /// - Parameters:
  ///   - images: `[N, 1 or channels, H, W]`, H and W multiples of 32.
  ///   - tokens: `[N, patches, width]` after each of the blocks.
  ///   - map: the patches' rows and columns.
  /// - Returns: features `[N, H / 4, W / 4, width]`, and at 8, 16 and 32.
  func callAsFunction(_ images: Tensor, tokens: [Tensor], map: MapSize, _ context: ForwardContext) -> [Tensor] {
    let (count, height, width) = (images.shape[0], images.shape[2], images.shape[3])
    let found = prior(images, context)
    let sizes = [8, 16, 32].map { MapSize(height: height / $0, width: width / $0) }
    var queries = concatenate(
      (0..<3).map { level in
        found[level + 1].reshaped([count, sizes[level].count, self.width])
          + levels.value.sliced(axis: 0, level..<(level + 1))
      }, axis: 1)
    let references = sizes.flatMap(centres)
    for (tokens, extractors) in zip(tokens, extractors) {
      for extractor in extractors {
        queries = extractor(queries, at: references, sizes, features: tokens, map: map, context)
      }
    }
    var first = 0
    var maps = sizes.map { size in
      defer { first += size.count }
      return queries.sliced(axis: 1, first..<(first + size.count)).reshaped([
        count, size.height, size.width, self.width,
      ])
    }
    maps.insert(found[0] + upsample(maps[0]), at: 0)
    return maps.indices.map { level in
      let patches = tokens[level].reshaped([count, map.height, map.width, self.width])
      let (rows, columns) = (maps[level].shape[1], maps[level].shape[2])
      let features = maps[level] + patches.resized(height: rows, width: columns, layout: .channelsLast)
      return norms[level](features, context)
    }
  }

  /// The pixels' centres, row by row, from 0 to 1.
  private func centres(_ size: MapSize) -> [(x: Double, y: Double)] {
    (0..<size.count).map { pixel in
      let (row, column) = pixel.quotientAndRemainder(dividingBy: size.width)
      let x = (Double(column) + 0.5) / Double(size.width)
      let y = (Double(row) + 0.5) / Double(size.height)
      return (x, y)
    }
  }
}

/// Features of three resolutions read a block's tokens: deformable attention, then a feed-forward network with a depthwise
/// convolution, both pre-norm and residual.
private struct Extractor: Module {
  let queryNorm: LayerNorm
  let featureNorm: LayerNorm
  let attention: DeformableAttention
  let feedForwardNorm: LayerNorm
  let expand: Linear
  /// `[hidden, 1, 3, 3]`, the same for the three resolutions.
  let depthwiseWeight: Parameter
  /// `[hidden]`
  let depthwiseBias: Parameter
  let contract: Linear
  private let dropPath: DropPath
  private let index: Int

  init(
    _ name: String, index: Int, width: Int, _ configuration: DINOUNetConfiguration.Adapter, _ initializer: Initializer
  ) {
    let hidden = Int(Double(width) * configuration.feedForwardRatio)
    func norm(_ part: String) -> LayerNorm { LayerNorm("\(name).\(part)", width: width, epsilon: 1e-6, initializer) }
    queryNorm = norm("queryNorm")
    featureNorm = norm("featureNorm")
    attention = DeformableAttention(
      "\(name).attention", width: width, heads: configuration.heads, points: configuration.points,
      ratio: configuration.ratio, initializer)
    feedForwardNorm = norm("feedForwardNorm")
    expand = Linear("\(name).expand", inputs: width, outputs: hidden, initializer)
    depthwiseWeight = initializer.he("\(name).depthwise.weight", [hidden, 1, 3, 3], fanIn: 9, slope: 0.01)
    depthwiseBias = initializer.bias("\(name).depthwise.bias", [hidden])
    contract = Linear("\(name).contract", inputs: hidden, outputs: width, initializer)
    dropPath = DropPath(rate: configuration.dropPath)
    self.index = index
  }

  /// queries `[N, Q, width]`: the pixels of maps of those sizes, one map after the other, at those reference points; features
  /// `[N, L, width]`: the pixels of `map`.
  func callAsFunction(
    _ queries: Tensor, at references: [(x: Double, y: Double)], _ sizes: [MapSize], features: Tensor, map: MapSize,
    _ context: ForwardContext
  ) -> Tensor {
    let read = queries + attention(queryNorm(queries), at: references, features: featureNorm(features), map: map)
    let hidden = expand(feedForwardNorm(read))
    let (count, width) = (hidden.shape[0], hidden.shape[2])
    var first = 0
    let mixed = sizes.map { size in
      defer { first += size.count }
      let image = hidden.sliced(axis: 1, first..<(first + size.count)).reshaped([count, size.height, size.width, width])
      return convolution(
        image, weight: depthwiseWeight.value, bias: depthwiseBias.value,
        .init(padding: (1, 1), groups: width, layout: .channelsLast)
      ).reshaped([count, size.count, width])
    }
    let keep = dropPath.keep(count, read.elementType, context.random(for: "adapter drop path", index: index))
    return residual(read, contract(concatenate(mixed, axis: 1).activated(.gelu)), keep: keep)
  }
}

/// What convolutions see in the image at a quarter, an eighth, a sixteenth and a thirty-second of its resolution, each mapped
/// linearly to the transformer's width.
private struct SpatialPrior: Module {
  /// A 3 x 3 convolution without bias, batch normalisation and ReLU.
  private struct Step: Module {
    let weight: Parameter
    let norm: BatchNormalization
    let stride: Int

    func callAsFunction(_ x: Tensor, _ context: ForwardContext) -> Tensor {
      let isRepeated = x.shape[3] == 1 && weight.shape[1] > 1
      let y = convolution(
        x, weight: isRepeated ? weight.value.sum(axes: [1], keep: true) : weight.value,
        .init(stride: (stride, stride), padding: (1, 1), layout: .channelsLast))
      return norm(y, context, slope: 0)
    }
  }
  /// To a half of the resolution, and two more there; then to an eighth, a sixteenth and a thirty-second.
  private let steps: [Step]
  private let projections: [Linear]

  init(_ name: String, channels: Int, _ inner: Int, width: Int, _ initializer: Initializer) {
    let sizes = [channels, inner, inner, inner, 2 * inner, 4 * inner, 4 * inner]
    steps = zip(sizes, sizes.dropFirst()).enumerated().map { index, size in
      Step(
        weight: initializer.he(
          "\(name).steps.\(index).weight", [size.1, size.0, 3, 3], fanIn: size.0 * 9, slope: 0.01),
        norm: BatchNormalization("\(name).steps.\(index).norm", channels: size.1, initializer),
        stride: index == 1 || index == 2 ? 1 : 2)
    }
    projections = sizes.suffix(4).enumerated().map { level, inputs in
      Linear(
        weight: initializer.he("\(name).projections.\(level).weight", [width, inputs], fanIn: inputs, slope: 0.01),
        bias: initializer.bias("\(name).projections.\(level).bias", [width]))
    }
  }

  /// images `[N, 1 or channels, H, W]` → `[N, H / 4, W / 4, width]`, and at 8, 16 and 32.
  func callAsFunction(_ images: Tensor, _ context: ForwardContext) -> [Tensor] {
    var x = channelsLast(images)
    var maps: [Tensor] = []
    for (index, step) in steps.enumerated() {
      x = step(x, context)
      if index == 2 { x = Self.pooled(x) }
      if index >= 2 { maps.append(x) }
    }
    return zip(maps, projections).map { $1($0) }
  }

  /// The largest of every 3 x 3 window of pixels, at every second pixel of `[N, H, W, C]`.
  private static func pooled(_ x: Tensor) -> Tensor {
    x.permuted([0, 3, 1, 2]).maxPooled(.init(kernel: (3, 3), stride: (2, 2), padding: (1, 1))).permuted([0, 2, 3, 1])
  }
}
