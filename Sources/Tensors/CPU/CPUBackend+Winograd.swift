import Kernels

// Convolutions by 3 x 3 kernels with Winograd's minimal filtering: 16 multiplications for 36 (Sources/Kernels/Families/Winograd.h).
//
// An image's tiles of two by two results are divided into blocks, whose patches, products and results one thread computes while they
// are in its cache. Where the image is so small that its blocks would be few, all threads share the positions of a single block.
// Either way every element is the same sum in the same order, whatever the number of threads.

extension ConvolutionShape {
  /// Whether Winograd's filtering computes this convolution. Its transformations are made for every channel, and its kernels are
  /// larger, so that it takes many channels and, for each of them, many pixels to gain by it.
  /// The items have no say, so that an image's results do not depend on what is computed beside it.
  func suitsWinograd(_ type: ElementType) -> Bool {
    guard
      type == .float32, kernel == (3, 3), attributes.stride == (1, 1), attributes.dilation == (1, 1),
      attributes.groups == 1, attributes.padding.0 <= 2, attributes.padding.1 <= 2, items > 0,
      layout == .channelsLast, inputs % 32 == 0, outputs % 32 == 0
    else { return false }
    return (outputHeight + 1) / 2 * ((outputWidth + 1) / 2) * inputs * outputs >= 1 << 21
  }
}

extension CPUBackend {
  func winogradForward(_ shape: ConvolutionShape, _ x: Tensor, _ weight: Tensor, _ bias: Tensor?) -> Tensor {
    let y = Tensor(uninitialized: shape.outputShape, x.elementType)
    let kernels = WinogradKernels(
      weight, depth: shape.inputs, 9, columns: shape.outputs, 9 * shape.inputs, turned: false)
    WinogradFilter(from: x, to: y, shape.patches, shape.results, kernels, bias).run()
    return y
  }

  /// By the image: the convolution of dy by the kernels turned around.
  func winogradBackwardData(_ shape: ConvolutionShape, _ dy: Tensor, _ weight: Tensor) -> Tensor {
    let dx = Tensor(uninitialized: shape.inputShape, dy.elementType)
    let kernels = WinogradKernels(
      weight, depth: shape.outputs, 9 * shape.inputs, columns: shape.inputs, 9, turned: true)
    WinogradFilter(from: dy, to: dx, shape.turned.patches, shape.turned.results, kernels, nil).run()
    return dx
  }

  /// By the kernels and, where asked for, the bias.
  func winogradBackwardWeights(_ shape: ConvolutionShape, _ x: Tensor, _ dy: Tensor, needsBias: Bool)
    -> (weight: Tensor, bias: Tensor?)
  {
    let dWeight = Tensor(uninitialized: [shape.outputs, shape.inputs, 3, 3], x.elementType)
    let dBias = needsBias ? Tensor(uninitialized: [shape.outputs], x.elementType) : nil
    WinogradSlopes(shape, x, dy).run(into: dWeight, dBias)
    return (dWeight, dBias)
  }
}

extension ConvolutionShape {
  /// The image's patches, four by four, and the results' tiles, two by two.
  fileprivate var patches: winograd_image {
    winograd_image(
      height: height, width: width, channels: inputs,
      top: attributes.padding.0, left: attributes.padding.1, down: down, across: across, tiles: items * down * across)
  }
  fileprivate var results: winograd_image {
    winograd_image(
      height: outputHeight, width: outputWidth, channels: outputs,
      top: 0, left: 0, down: down, across: across, tiles: items * down * across)
  }

  private var down: Int { (outputHeight + 1) / 2 }
  private var across: Int { (outputWidth + 1) / 2 }

  /// The convolution whose results are this one's image.
  fileprivate var turned: ConvolutionShape {
    var shape = self
    (shape.inputs, shape.height, shape.width) = (outputs, outputHeight, outputWidth)
    (shape.outputs, shape.outputHeight, shape.outputWidth) = (inputs, height, width)
    shape.attributes.padding = (2 - attributes.padding.0, 2 - attributes.padding.1)
    return shape
  }
}

/// Elements between arrays that are used together, so that their places in the cache differ.
private let gap = 16
/// The positions of a patch, each with a matrix product of its own.
private let positions = 16

private func roundedUp(_ count: Int, to multiple: Int) -> Int { (count + multiple - 1) / multiple * multiple }

/// Kernels as the products take them: G g G' in panels of columns at each of the positions.
private struct WinogradKernels {
  let weight: Tensor
  let depth: Int
  let depthStep: Int
  let columnStep: Int
  let turned: Bool
  let panels: Int
  /// Elements from one position's panels to the next's.
  let step: Int
  private let panelWidth: Int

  /// - Parameters:
  ///   - depth: how many channels are summed, followed by the elements from one's kernel to the next's.
  ///   - columns: how many channels result, followed by the elements from one's kernel to the next's.
  init(_ weight: Tensor, depth: Int, _ depthStep: Int, columns: Int, _ columnStep: Int, turned: Bool) {
    (self.weight, self.depth, self.depthStep, self.columnStep) = (weight, depth, depthStep, columnStep)
    self.turned = turned
    panelWidth = kernel_product_tile(weight.elementType.kernel).columns
    panels = columns / panelWidth
    step = depth * columns + gap
  }

  var count: Int { positions * step }

  func fill(_ values: UnsafeMutablePointer<Float>) {
    parallel(panels, grain: rowGrain(depth * panelWidth)) {
      kernel_winograd_kernels(
        weight.elementType.kernel, weight.rawPointer, depthStep, columnStep, turned ? 1 : 0, depth, values, step, $0, $1
      )
    }
  }
}

/// A convolution's forward pass.
private struct WinogradFilter {
  let x: Tensor
  let y: Tensor
  let patches: winograd_image
  let results: winograd_image
  let kernels: WinogradKernels
  let bias: Tensor?
  private let type: kernel_type
  private let tile: product_tile

  /// Up to so many tiles the threads share one block.
  private static let mostShared = 512
  /// Rows that the threads take of a shared block's positions.
  private static let sharedRows = 96
  /// Elements of a block's arrays: three quarters of a cache's second level of 512 KiB.
  private static let blockElements = 96 << 10

  init(
    from x: Tensor, to y: Tensor, _ patches: winograd_image, _ results: winograd_image, _ kernels: WinogradKernels,
    _ bias: Tensor?
  ) {
    (self.x, self.y, self.patches, self.results, self.kernels, self.bias) = (x, y, patches, results, kernels, bias)
    type = x.elementType.kernel
    tile = kernel_product_tile(type)
  }

  func run() {
    if patches.tiles <= Self.mostShared { runShared() } else { runBlocks() }
  }

  private func runBlocks() {
    let fitting = Self.blockElements / (positions * (patches.channels + results.channels + 2 * gap))
    let size = roundedUp(max(48, min(fitting, 96)), to: tile.rows)
    let blocks = (patches.tiles + size - 1) / size
    let each = Arrays.count(self, tiles: size)
    withScratch(kernels.count + Compute.threadCount * each) { scratch in
      kernels.fill(scratch)
      parallel(blocks) { begin, end in
        // Every thread has arrays of its own.
        let arrays = Arrays(self, tiles: size, in: scratch + kernels.count + Int(kernels_slot()) * each)
        for block in begin..<end {
          let first = block * size
          let count = min(size, patches.tiles - first)
          let rows = roundedUp(count, to: tile.rows)
          fill(arrays, first, first, first + rows)
          multiply(arrays, scratch, 0, rows, 0, positions)
          finish(arrays, first, first, first + count)
        }
      }
    }
  }

  private func runShared() {
    let rows = roundedUp(patches.tiles, to: tile.rows)
    withScratch(kernels.count + Arrays.count(self, tiles: rows)) { scratch in
      kernels.fill(scratch)
      let arrays = Arrays(self, tiles: rows, in: scratch + kernels.count)
      parallel(rows, grain: rowGrain(positions * patches.channels)) { fill(arrays, 0, $0, $1) }
      let group = roundedUp(Self.sharedRows, to: tile.rows)
      let groups = (rows + group - 1) / group
      parallel(positions * groups) { begin, end in
        for index in begin..<end {
          let (position, first) = (index / groups, index % groups * group)
          multiply(arrays, scratch, first, min(group, rows - first), position, position + 1)
        }
      }
      parallel(patches.tiles, grain: rowGrain(positions * results.channels)) { finish(arrays, 0, $0, $1) }
    }
  }

  /// A block's patches and products, [tiles, channels] at each position.
  private struct Arrays {
    let patches: UnsafeMutablePointer<Float>
    let products: UnsafeMutablePointer<Float>
    let patchPitch: Int
    let productPitch: Int
    let patchStep: Int
    let productStep: Int

    init(_ filter: WinogradFilter, tiles: Int, in memory: UnsafeMutablePointer<Float>) {
      patchPitch = filter.patches.channels + gap
      productPitch = filter.results.channels + gap
      patchStep = tiles * patchPitch + gap
      productStep = tiles * productPitch + gap
      patches = memory
      products = memory + positions * patchStep
    }

    static func count(_ filter: WinogradFilter, tiles: Int) -> Int {
      positions * (tiles * (filter.patches.channels + filter.results.channels + 2 * gap) + 2 * gap)
    }
  }

  // Tiles begin ..< end of the block that begins with tile `first`.

  private func fill(_ arrays: Arrays, _ first: Int, _ begin: Int, _ end: Int) {
    withUnsafePointer(to: patches) {
      kernel_winograd_patches(
        type, $0, x.rawPointer, arrays.patches + (begin - first) * arrays.patchPitch, arrays.patchStep,
        arrays.patchPitch, tile.columns, begin, end)
    }
  }

  private func multiply(
    _ arrays: Arrays, _ kernelValues: UnsafeMutablePointer<Float>, _ row: Int, _ rows: Int, _ begin: Int, _ end: Int
  ) {
    kernel_winograd_products(
      type, arrays.patches + row * arrays.patchPitch, arrays.patchStep, arrays.patchPitch, kernelValues, kernels.step,
      arrays.products + row * arrays.productPitch, arrays.productStep, arrays.productPitch, rows, kernels.depth,
      kernels.panels, begin, end)
  }

  private func finish(_ arrays: Arrays, _ first: Int, _ begin: Int, _ end: Int) {
    withUnsafePointer(to: results) {
      kernel_winograd_results(
        type, $0, arrays.products + (begin - first) * arrays.productPitch, arrays.productStep, arrays.productPitch,
        bias?.rawPointer, y.rawPointer, begin, end)
    }
  }
}

/// A convolution's gradient by the kernels and the bias. At each of the positions a matrix [outputs, inputs] is summed over the tiles,
/// and behind these the bias's gradient.
private struct WinogradSlopes {
  private let x: Tensor
  private let dy: Tensor
  private let patches: winograd_image
  private let results: winograd_image
  private let type: kernel_type
  private let tile: product_tile
  /// Elements from one position's sums to the next's, and of all sums.
  private let step: Int
  private let width: Int

  /// Matrices of up to so many elements are summed by each thread in its own cache; larger ones once, by all threads together.
  private static let mostOwn = 8192
  private static let mostShares = 16
  /// Tiles whose products are summed before they are added to the others'.
  private static let ownTiles = 96
  private static let sharedTiles = 192

  init(_ shape: ConvolutionShape, _ x: Tensor, _ dy: Tensor) {
    (self.x, self.dy, patches, results) = (x, dy, shape.patches, shape.results)
    type = x.elementType.kernel
    tile = kernel_product_tile(type)
    step = roundedUp(shape.outputs, to: tile.rows) * shape.inputs + gap
    width = roundedUp(positions * step + shape.outputs, to: gap)
  }

  func run(into dWeight: Tensor, _ dBias: Tensor?) {
    let isOwn = patches.channels * results.channels <= Self.mostOwn
    let tiles = isOwn ? Self.ownTiles : min(Self.sharedTiles, patches.tiles)
    let blocks = (patches.tiles + tiles - 1) / tiles
    // As many as the sizes say, whatever the number of threads.
    let shares = isOwn ? min(Self.mostShares, (blocks + 3) / 4) : 1
    let each = width + Arrays.count(self, tiles: tiles)
    withScratch(shares * each) { scratch in
      if isOwn {
        parallel(shares) { begin, end in
          for share in begin..<end {
            let sums = scratch + share * each
            sum(sums, (blocks * share / shares)..<(blocks * (share + 1) / shares), tiles)
          }
        }
        for share in 1..<max(1, shares) {
          parallel(width, grain: elementGrain) {
            kernel_add_into(type, scratch, scratch + share * each, $0, $1)
          }
        }
      } else {
        sumTogether(scratch, tiles)
      }
      parallel(results.channels, grain: rowGrain(positions * patches.channels)) {
        kernel_winograd_kernel_slopes(type, scratch, step, patches.channels, dWeight.rawPointer, $0, $1)
      }
      dBias?.floats.update(from: scratch + positions * step, count: results.channels)
    }
  }

  /// The sums of some blocks of tiles, by this thread.
  private func sum(_ sums: UnsafeMutablePointer<Float>, _ blocks: Range<Int>, _ tiles: Int) {
    let arrays = Arrays(self, tiles: tiles, in: sums + width)
    sums.update(repeating: 0, count: width)
    for block in blocks {
      let first = block * tiles
      let count = min(tiles, patches.tiles - first)
      fill(arrays, first, first, first + count)
      add(arrays, count, to: sums, 0, positions)
    }
  }

  /// The sums of all tiles, by all threads.
  private func sumTogether(_ sums: UnsafeMutablePointer<Float>, _ tiles: Int) {
    let arrays = Arrays(self, tiles: tiles, in: sums + width)
    parallel(width, grain: elementGrain) { (sums + $0).update(repeating: 0, count: $1 - $0) }
    for first in stride(from: 0, to: patches.tiles, by: tiles) {
      let count = min(tiles, patches.tiles - first)
      parallel(count, grain: rowGrain(positions * patches.channels)) { fill(arrays, first, first + $0, first + $1) }
      parallel(positions) { add(arrays, count, to: sums, $0, $1) }
    }
  }

  /// The patches of a block of tiles, in panels of channels, and its results' gradients [tiles, channels], zero where a product's
  /// last rows take more channels than there are.
  private struct Arrays {
    let patches: UnsafeMutablePointer<Float>
    let patchStep: Int
    let panelStep: Int
    let slopes: UnsafeMutablePointer<Float>
    let slopeStep: Int
    let slopePitch: Int

    init(_ owner: WinogradSlopes, tiles: Int, in memory: UnsafeMutablePointer<Float>) {
      panelStep = tiles * owner.tile.columns
      patchStep = tiles * owner.patches.channels + gap
      slopePitch = owner.results.channels + gap
      slopeStep = tiles * slopePitch + gap
      patches = memory
      slopes = memory + positions * patchStep
      slopes.update(repeating: 0, count: positions * slopeStep)
    }

    static func count(_ owner: WinogradSlopes, tiles: Int) -> Int {
      positions * (tiles * (owner.patches.channels + owner.results.channels + gap) + 2 * gap)
    }
  }

  /// Tiles begin ..< end of the block that begins with tile `first`.
  private func fill(_ arrays: Arrays, _ first: Int, _ begin: Int, _ end: Int) {
    withUnsafePointer(to: patches) {
      kernel_winograd_patches(
        type, $0, x.rawPointer, arrays.patches + (begin - first) * tile.columns, arrays.patchStep, tile.columns,
        arrays.panelStep, begin, end)
    }
    withUnsafePointer(to: results) {
      kernel_winograd_slopes(
        type, $0, dy.rawPointer, arrays.slopes + (begin - first) * arrays.slopePitch, arrays.slopeStep,
        arrays.slopePitch, begin, end)
    }
  }

  /// Adds a block's products at positions begin ..< end.
  private func add(_ arrays: Arrays, _ count: Int, to sums: UnsafeMutablePointer<Float>, _ begin: Int, _ end: Int) {
    kernel_winograd_kernel_products(
      type, arrays.slopes, arrays.slopeStep, arrays.slopePitch, arrays.patches, arrays.patchStep, arrays.panelStep,
      sums,
      step, sums + positions * step, count, patches.channels, results.channels, begin, end)
  }
}

/// Calls `body` with memory for so many elements.
private func withScratch(_ count: Int, _ body: (UnsafeMutablePointer<Float>) -> Void) {
  ScratchMemory.with(byteCount: count * MemoryLayout<Float>.stride) {
    body($0.bindMemory(to: Float.self, capacity: count))
  }
}
