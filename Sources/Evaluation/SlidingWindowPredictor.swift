import Files
import Networks
import Tensors

/// How tiles of a slice are predicted.
public struct SlidingWindowConfiguration: Sendable, Equatable {
  /// The tile's size in pixels: the patch that the network was trained on.
  public var tileHeight: Int
  public var tileWidth: Int
  /// The greatest step from tile to tile, as a part of the tile; 0.5 in nnU-Net.
  public var step: Double
  /// Whether each tile is seen mirrored along y, along x and along both as well, and the four logits averaged.
  public var mirrors: Bool
  /// Whether a tile's middle counts more than its rim, by a Gaussian; all of it alike otherwise.
  public var gaussian: Bool
  /// How many tiles, mirrored ones counted, go through the network at once.
  public var tilesAtOnce: Int

  public init(
    tileHeight: Int, tileWidth: Int, step: Double = 0.5, mirrors: Bool = true, gaussian: Bool = true,
    tilesAtOnce: Int = 4
  ) {
    self.tileHeight = tileHeight
    self.tileWidth = tileWidth
    self.step = step
    self.mirrors = mirrors
    self.gaussian = gaussian
    self.tilesAtOnce = tilesAtOnce
  }
}

/// nnU-Net's sliding-window prediction of slices: overlapping tiles, weighted by a Gaussian, mirrored.
public final class SlidingWindowPredictor {
  public let configuration: SlidingWindowConfiguration
  private let network: any SegmentationNetwork
  /// The tile's weights as each mirroring sees them.
  private let gaussians: [[Float]]

  /// - Parameter configuration: the tile's sides must suit the network's `inputMultiple`.
  public init(network: any SegmentationNetwork, configuration: SlidingWindowConfiguration) {
    precondition(
      configuration.tileHeight % network.inputMultiple.height == 0
        && configuration.tileWidth % network.inputMultiple.width == 0
        && configuration.tileHeight > 0 && configuration.tileWidth > 0 && configuration.tilesAtOnce > 0,
      "tiles of \(configuration.tileHeight) x \(configuration.tileWidth) for multiples of \(network.inputMultiple)")
    self.network = network
    self.configuration = configuration
    let (height, width) = (configuration.tileHeight, configuration.tileWidth)
    let gaussian =
      configuration.gaussian
      ? SlidingWindow.gaussian(height: height, width: width) : [Float](repeating: 1, count: height * width)
    gaussians = Self.mirrorings.map { rows, columns in
      (0..<(height * width)).map { place in
        let (y, x) = (place / width, place % width)
        return gaussian[(rows ? height - 1 - y : y) * width + (columns ? width - 1 - x : x)]
      }
    }
  }

  /// Along y, along x: not at all, one, the other, both.
  private static let mirrorings = [(false, false), (true, false), (false, true), (true, true)]

  /// One pass over a tile of the slice: the tile's first pixel in the padded slice, and which mirroring.
  private struct TilePass {
    let top, left, mirroring: Int
  }

  /// The logits `[classes, Y, X]` of a slice `[C, Y, X]`, which is padded with zeros on both sides where the tile is larger.
  /// - Throws: `CancellationError` between tiles once a stop was asked for.
  public func logits(_ image: Tensor) throws -> Tensor {
    let (channels, height, width) = (image.shape[0], image.shape[1], image.shape[2])
    let (tileHeight, tileWidth) = (configuration.tileHeight, configuration.tileWidth)
    let (paddedHeight, paddedWidth) = (max(height, tileHeight), max(width, tileWidth))
    let (above, before) = ((paddedHeight - height) / 2, (paddedWidth - width) / 2)
    let mirrorings = configuration.mirrors ? Self.mirrorings.count : 1
    var passes: [TilePass] = []
    for top in SlidingWindow.positions(extent: paddedHeight, tile: tileHeight, step: configuration.step) {
      for left in SlidingWindow.positions(extent: paddedWidth, tile: tileWidth, step: configuration.step) {
        for mirroring in 0..<mirrorings { passes.append(TilePass(top: top, left: left, mirroring: mirroring)) }
      }
    }
    var weights = [Float](repeating: 0, count: height * width)
    var sums: [Float] = []
    var classes = 0
    for start in stride(from: 0, to: passes.count, by: configuration.tilesAtOnce) {
      try Cancellation.check()
      let batch = passes[start..<min(passes.count, start + configuration.tilesAtOnce)]
      let tiles = Tensor(shape: [batch.count, channels, tileHeight, tileWidth], of: Float.self) { tiles in
        image.withUnsafeElements(of: Float.self) { image in
          for (index, pass) in batch.enumerated() {
            for channel in 0..<channels {
              let tile = tiles.baseAddress! + (index * channels + channel) * tileHeight * tileWidth
              let plane = image.baseAddress! + channel * height * width
              visit(pass, height, width, above, before) { inSlice, inTile in tile[inTile] = plane[inSlice] }
            }
          }
        }
      }
      let logits = network.logits(tiles, .evaluation)[0]
      if sums.isEmpty {
        classes = logits.shape[1]
        sums = [Float](repeating: 0, count: classes * height * width)
      }
      sums.withUnsafeMutableBufferPointer { sums in
        logits.withUnsafeElements(of: Float.self) { logits in
          for (index, pass) in batch.enumerated() {
            gaussians[pass.mirroring].withUnsafeBufferPointer { gaussian in
              for candidate in 0..<classes {
                let tile = logits.baseAddress! + (index * classes + candidate) * tileHeight * tileWidth
                let plane = sums.baseAddress! + candidate * height * width
                visit(pass, height, width, above, before) { inSlice, inTile in
                  plane[inSlice] += gaussian[inTile] * tile[inTile]
                }
              }
            }
          }
        }
      }
      for pass in batch {
        let gaussian = gaussians[pass.mirroring]
        visit(pass, height, width, above, before) { inSlice, inTile in weights[inSlice] += gaussian[inTile] }
      }
    }
    return Tensor(shape: [classes, height, width], of: Float.self) { result in
      for candidate in 0..<classes {
        let start = candidate * height * width
        for pixel in 0..<(height * width) { result[start + pixel] = sums[start + pixel] / weights[pixel] }
      }
    }
  }

  /// Calls `body` with the places of every pixel that a pass shares with the slice, in the slice and in its tile.
  @inline(__always)
  private func visit(
    _ pass: TilePass, _ height: Int, _ width: Int, _ above: Int, _ before: Int,
    _ body: (_ inSlice: Int, _ inTile: Int) -> Void
  ) {
    let (tileHeight, tileWidth) = (configuration.tileHeight, configuration.tileWidth)
    // The slice's rows and columns under the tile.
    let (flipsRows, flipsColumns) = Self.mirrorings[pass.mirroring]
    let rows = max(0, pass.top - above)..<min(height, pass.top - above + tileHeight)
    let columns = max(0, pass.left - before)..<min(width, pass.left - before + tileWidth)
    for row in rows {
      let y = row + above - pass.top
      let tileRow = (flipsRows ? tileHeight - 1 - y : y) * tileWidth
      let x = columns.lowerBound + before - pass.left
      let first = tileRow + (flipsColumns ? tileWidth - 1 - x : x)
      let direction = flipsColumns ? -1 : 1
      let sliceRow = row * width + columns.lowerBound
      for index in 0..<columns.count { body(sliceRow + index, first + direction * index) }
    }
  }
}
