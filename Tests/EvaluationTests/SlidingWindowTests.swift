import Evaluation
import Files
import Foundation
import Networks
import Random
import Tensors
import TestSupport
import Testing

/// Labels every pixel by itself: class c has the logit weight[c] · x + bias[c] · (its place in the tile).
private final class PixelNetwork: SegmentationNetwork {
  let parameters: [Parameter] = []
  let inputMultiple = (height: 4, width: 4)
  let places: [Float]
  private(set) var batches: [Int] = []

  init(places: [Float]) { self.places = places }

  func logits(_ images: Tensor, _ context: ForwardContext) -> [Tensor] {
    let (count, height, width) = (images.shape[0], images.shape[2], images.shape[3])
    batches.append(count)
    let pixels = height * width
    let result = Tensor(shape: [count, 2, height, width], of: Float.self) { result in
      images.withUnsafeElements(of: Float.self) { images in
        for item in 0..<count {
          for pixel in 0..<pixels {
            result[item * 2 * pixels + pixel] = 2 * images[item * pixels + pixel] - 1
            result[(item * 2 + 1) * pixels + pixel] = places.isEmpty ? 0 : places[pixel]
          }
        }
      }
    }
    return [result]
  }
}

@Suite struct SlidingWindowTests {
  static let peers = try! Safetensors.read(fixture("sliding_window.safetensors"))

  private func integers(_ name: String) throws -> [Int] {
    let stored = try #require(Self.peers[name])
    return stored.data.withUnsafeBytes { bytes in
      (0..<(bytes.count / 4)).map { Int(bytes.loadUnaligned(fromByteOffset: 4 * $0, as: Int32.self)) }
    }
  }

  @Test func tilesLieWhereNNUNetPutsThem() throws {
    let cases = try integers("tiles.cases")
    #expect(cases.count >= 16)
    for index in stride(from: 0, to: cases.count, by: 2) {
      let (extent, tile) = (cases[index], cases[index + 1])
      let found = SlidingWindow.positions(extent: extent, tile: tile, step: 0.5)
      #expect(found == (try integers("tiles.\(extent).\(tile)")), "\(extent) \(tile)")
    }
  }

  @Test(arguments: [(16, 24), (33, 20), (7, 64)])
  func gaussianIsNNUNets(height: Int, width: Int) throws {
    let expected = try #require(Self.peers["gaussian.\(height).\(width)"]?.floats())
    let found = SlidingWindow.gaussian(height: height, width: width)
    #expect(found.count == expected.count)
    // The peer scales to 10 at the centre.
    for (a, b) in zip(found, expected) { #expect(abs(10 * a - b) <= 2e-6 * b) }
  }

  private static func noise(_ shape: [Int]) -> Tensor {
    var random = CounterRandom(seed: 7, purpose: "sliding window test")
    return Tensor(shape: shape, of: Float.self) { for index in $0.indices { $0[index] = Float(random.normal()) } }
  }

  /// What a network says of a pixel by its value alone comes out unchanged, whatever the tiles and mirrors, padded or not.
  @Test(arguments: [(8, 12, true), (30, 21, true), (5, 40, true), (30, 21, false)])
  func pixelwiseNetworkIsReproduced(height: Int, width: Int, mirrors: Bool) throws {
    let image = Self.noise([1, height, width])
    let network = PixelNetwork(places: [])
    let predictor = SlidingWindowPredictor(
      network: network,
      configuration: .init(tileHeight: 8, tileWidth: 12, mirrors: mirrors, tilesAtOnce: 3))
    let logits = try predictor.logits(image)
    #expect(logits.shape == [2, height, width])
    for (found, value) in zip(logits[0].values(as: Float.self), image.values(as: Float.self)) {
      #expect(abs(found - (2 * value - 1)) < 1e-5)
    }
    #expect(network.batches.dropLast().allSatisfy { $0 == 3 })
  }

  /// What it says by the place in the tile is averaged over overlapping and mirrored tiles as the definition has it.
  @Test func placesAreWeighted() throws {
    let (tileHeight, tileWidth, height, width) = (8, 8, 13, 8)
    let places = Self.noise([64]).values(as: Float.self)
    let gaussian = SlidingWindow.gaussian(height: tileHeight, width: tileWidth)
    let predictor = SlidingWindowPredictor(
      network: PixelNetwork(places: places), configuration: .init(tileHeight: tileHeight, tileWidth: tileWidth))
    let found = try predictor.logits(Self.noise([1, height, width]))[1].values(as: Float.self)
    for y in 0..<height {
      for x in 0..<width {
        var (sum, weight) = (0.0, 0.0)
        // nnU-Net's tiles of 8 in 13 rows by 0.5: rounded to even from 0, 2.5, 5.
        for top in [0, 2, 5] where y >= top && y < top + 8 {
          let v = y - top
          let mean =
            [v * 8 + x, (7 - v) * 8 + x, v * 8 + 7 - x, (7 - v) * 8 + 7 - x].map { Double(places[$0]) }
            .reduce(0, +) / 4
          sum += Double(gaussian[v * 8 + x]) * mean
          weight += Double(gaussian[v * 8 + x])
        }
        #expect(abs(Double(found[y * width + x]) - sum / weight) < 1e-5)
      }
    }
  }
}
