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
  /// The network's.
  private let device: Device
  /// The tile's, `[tileHeight, tileWidth]`.
  private let weights: Tensor

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
    device = network.device
    weights = device { Tensor(gaussian, shape: [height, width]) }
  }

  /// Along y, along x: not at all, one, the other, both.
  private static let mirrorings = [(false, false), (true, false), (false, true), (true, true)]

  /// The logits `[classes, Y, X]` of a slice `[C, Y, X]`, which is padded with zeros on both sides where the tile is larger.
  /// - Throws: `CancellationError` between tiles once a stop was asked for.
  public func logits(_ image: Tensor) throws -> Tensor {
    try device { try logits(onDevice: image.moved(to: device)) }
  }

  private func logits(onDevice image: Tensor) throws -> Tensor {
    let (height, width) = (image.shape[1], image.shape[2])
    let (tileHeight, tileWidth) = (configuration.tileHeight, configuration.tileWidth)
    let passes = placements(height: height, width: width)
    var sums: Tensor?
    for start in stride(from: 0, to: passes.count, by: configuration.tilesAtOnce) {
      try Cancellation.check()
      let batch = Array(passes[start..<min(passes.count, start + configuration.tilesAtOnce)])
      let tiles = device.backend.tiles(of: image, at: batch, height: tileHeight, width: tileWidth)
      let logits = network.logits(tiles, .evaluation)[0]
      let sum = sums ?? Tensor(zeros: [logits.shape[1], height, width])
      sums = sum
      device.backend.add(logits, weights: weights, at: batch, to: sum)
    }
    return sums! / totalWeights(of: passes, height: height, width: width)
  }

  /// Every pass over a tile, in order.
  private func placements(height: Int, width: Int) -> [TilePlacement] {
    let (tileHeight, tileWidth) = (configuration.tileHeight, configuration.tileWidth)
    let (paddedHeight, paddedWidth) = (max(height, tileHeight), max(width, tileWidth))
    let (above, before) = ((paddedHeight - height) / 2, (paddedWidth - width) / 2)
    let mirrorings = configuration.mirrors ? Self.mirrorings[...] : Self.mirrorings.prefix(1)
    var passes: [TilePlacement] = []
    for top in SlidingWindow.positions(extent: paddedHeight, tile: tileHeight, step: configuration.step) {
      for left in SlidingWindow.positions(extent: paddedWidth, tile: tileWidth, step: configuration.step) {
        for (rows, columns) in mirrorings {
          passes.append(TilePlacement(top: top - above, left: left - before, flipsRows: rows, flipsColumns: columns))
        }
      }
    }
    return passes
  }

  /// The sum of the weights over each pixel of a slice, `[Y, X]`: a slice of ones under tiles of ones.
  private func totalWeights(of passes: [TilePlacement], height: Int, width: Int) -> Tensor {
    let sums = Tensor(zeros: [1, height, width])
    let ones = Tensor(repeating: 1, shape: [1, 1, configuration.tileHeight, configuration.tileWidth])
    for pass in passes { device.backend.add(ones, weights: weights, at: [pass], to: sums) }
    return sums
  }
}
