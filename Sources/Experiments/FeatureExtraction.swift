import Files
import Foundation
import Networks
import Tensors

/// A vision transformer from a file of weights, and the patch features it sees in images.
public struct FeatureExtraction {
  public let encoder: VisionTransformer
  /// Whose names the file's keys have.
  public let layout: Networks.WeightLayout

  /// Builds the encoder that the file holds, whatever its layout (`EncoderFile`).
  /// - Parameters:
  ///   - heads: the number of attention heads, where the file does not tell.
  ///   - model: which of a self-distillation's networks is meant; the teacher if the file has one.
  ///   - hdf5: who reads the file where it is HDF5.
  /// - Throws: `WeightFileError`, `FileError`, `SafetensorsError` or `HDF5Error`.
  public init(weights: URL, heads: Int? = nil, model: EncoderModel? = nil, hdf5: HDF5WeightReader = .none) throws {
    let file = try EncoderFile(WeightFile(contentsOf: weights, hdf5: hdf5), heads: heads, model: model)
    encoder = try file.load()
    layout = file.layout
  }

  /// Pixels along a patch's side.
  public var patch: Int { encoder.configuration.patch }

  /// The patches' features after some of the blocks, each through the encoder's final norm.
  /// - Parameters:
  ///   - image: `[1, C, H, W]` as `EncoderImage.read` returns it; one channel stands for all of the encoder's.
  ///   - blocks: indices from 0, ascending; the last block alone when nil.
  /// - Returns: for each block, float32 `[H / patch, W / patch, width]`.
  public func features(of image: Tensor, blocks: [Int]? = nil) -> [(block: Int, features: Tensor)] {
    let blocks = blocks ?? [encoder.configuration.depth - 1]
    let shape = [image.shape[2] / patch, image.shape[3] / patch, encoder.configuration.width]
    let tokens = encoder(image, blocks: blocks, .evaluation)
    return zip(blocks, tokens).map { ($0, $1.patches.reshaped(shape)) }
  }

  /// The blocks at the ends of the encoder's four quarters: 2, 5, 8 and 11 of twelve.
  public var quarters: [Int] {
    let depth = encoder.configuration.depth
    return Set((1...4).map { $0 * depth / 4 - 1 }.filter { $0 >= 0 }).sorted()
  }

  /// Extracts an image's features into an HDF5 file with a float32 dataset `block<k>` for each block `k`.
  /// - Parameters: as in `EncoderImage.read` and `features`; `quarters` when `blocks` is nil.
  /// - Throws: what reading the image throws, `FeatureError`, `FileError` or `HDF5Error`.
  public func write(
    image url: URL, slice: Int? = nil, across axis: Int? = nil, size: Int? = nil,
    normalization: EncoderNormalization? = nil, blocks: [Int]? = nil, to output: URL
  ) throws {
    let depth = encoder.configuration.depth
    if let block = blocks?.first(where: { !(0..<depth).contains($0) }) {
      throw FeatureError.noBlock(block, depth: depth)
    }
    let image = try EncoderImage.read(
      url, slice: slice, across: axis, size: size, patch: patch, normalization: normalization)
    let channels = encoder.configuration.channels
    guard image.shape[1] == 1 || image.shape[1] == channels else {
      throw EncoderImageError.wrongChannels(image.shape[1], path: url.path, expected: channels)
    }
    let results = features(of: image, blocks: blocks.map { Set($0).sorted() } ?? quarters)
    try HDF5File.create(output) { file in
      for (block, features) in results {
        try file.write(features.values(as: Float.self), shape: features.shape, to: "block\(block)")
      }
    }
  }
}

/// What can be wrong with a request for features.
public enum FeatureError: InputError, Equatable {
  case noBlock(Int, depth: Int)

  public var description: String {
    switch self {
    case .noBlock(let block, let depth):
      "the encoder has no block \(block); its blocks are 0 to \(depth - 1)"
    }
  }
}
