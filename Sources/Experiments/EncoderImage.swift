import Files
import Foundation
import Imaging
import Tensors

/// How an image's values become an encoder's input.
public enum EncoderNormalization: String, Sendable, CaseIterable {
  /// Hounsfield units held within [-1000, 1000], then standardised by CT-3M's mean and standard deviation, as MedDINOv3 saw
  /// CT in its pretraining (the paper's notes, point 15).
  case ct
  /// The stored values; a PNG's as parts of full brightness, 0 to 1.
  case none

  static let hounsfieldRange: ClosedRange<Float> = -1000...1000
  static let hounsfieldMean = 65.1084213256836
  static let hounsfieldDeviation = 178.01663208007812
}

/// Reads a picture or a slice of a volume for an encoder.
public enum EncoderImage {
  /// - Parameters:
  ///   - url: a PNG picture, or a NIfTI volume.
  ///   - slice: which of a volume's slices, from 0; its middle one when nil.
  ///   - axis: across which axis [Z, Y, X] the volume is cut; when nil, that of the greatest spacing, as nnU-Net plans.
  ///   - size: pixels along both sides, by bilinear interpolation (with a wider kernel when shrinking); when nil, each side
  ///     becomes the nearest multiple of `patch`.
  ///   - patch: what the sides must be multiples of.
  ///   - normalization: `ct` for a volume and `none` for a picture when nil.
  /// - Returns: float32 `[1, 1 or 3, H, W]`. Of a volume: rows and columns along the other axes, in the volume's order.
  /// - Throws: `EncoderImageError`, `NIfTIError`, `PNGError` or `FileError`.
  public static func read(
    _ url: URL, slice: Int? = nil, across axis: Int? = nil, size: Int? = nil, patch: Int,
    normalization: EncoderNormalization? = nil
  ) throws -> Tensor {
    if let size, size % patch != 0 || size < patch { throw EncoderImageError.badSize(size, patch: patch) }
    let image: Tensor
    if url.pathExtension.lowercased() == "png" {
      if slice != nil || axis != nil { throw EncoderImageError.sliceOfPicture(url.path) }
      if normalization == .ct { throw EncoderImageError.pictureAsCT(url.path) }
      image = picture(try PNGImage.read(url))
    } else {
      let values = try sliceValues(url, slice, axis)
      image = (normalization ?? .ct) == .ct ? standardised(values) : values
    }
    let (height, width) = (image.shape[2], image.shape[3])
    func side(_ pixels: Int) -> Int { size ?? max(patch, (pixels + patch / 2) / patch * patch) }
    guard (side(height), side(width)) != (height, width) else { return image }
    return image.resized(height: side(height), width: side(width), .bilinearAntialiased)
  }

  private static func sliceValues(_ url: URL, _ slice: Int?, _ axis: Int?) throws -> Tensor {
    let volume = try NIfTI.readImage(url)
    let plane = SlicePlane(across: axis ?? SlicePlane.axis(ofGreatest: volume.spacing))
    let depth = volume.shape[plane.axis]
    let z = slice ?? depth / 2
    guard (0..<depth).contains(z) else { throw EncoderImageError.noSlice(z, path: url.path, depth: depth) }
    let shape = [1, 1, volume.shape[plane.rowAxis], volume.shape[plane.columnAxis]]
    return Tensor(plane.slice(z, of: volume), shape: shape)
  }

  private static func standardised(_ hounsfield: Tensor) -> Tensor {
    let range = EncoderNormalization.hounsfieldRange
    let clamped = hounsfield.values(as: Float.self).map { min(max($0, range.lowerBound), range.upperBound) }
    return (Tensor(clamped, shape: hounsfield.shape) - EncoderNormalization.hounsfieldMean)
      / EncoderNormalization.hounsfieldDeviation
  }

  private static func picture(_ picture: PNGImage) -> Tensor {
    let (channels, count) = (picture.channels, picture.width * picture.height)
    return Tensor(shape: [1, channels, picture.height, picture.width], of: Float.self) { values in
      for channel in 0..<channels {
        for index in 0..<count {
          values[channel * count + index] = Float(picture.pixels[index * channels + channel]) / 255
        }
      }
    }
  }
}

/// What can be wrong with an image for an encoder.
public enum EncoderImageError: InputError, Equatable {
  case badSize(Int, patch: Int)
  case sliceOfPicture(String)
  case pictureAsCT(String)
  case noSlice(Int, path: String, depth: Int)
  case wrongChannels(Int, path: String, expected: Int)

  public var description: String {
    switch self {
    case .badSize(let size, let patch):
      let nearest = max(1, (size + patch / 2) / patch) * patch
      return "an image of \(size) pixels a side does not divide into patches of \(patch) pixels; \(nearest) would"
    case .sliceOfPicture(let path): return "\(path) is a picture without slices: leave the slice out"
    case .pictureAsCT(let path):
      return "\(path) is a picture, which has no Hounsfield units: only a NIfTI volume is normalised as CT"
    case .noSlice(let slice, let path, let depth):
      return "\(path) has no slice \(slice); its slices are 0 to \(depth - 1)"
    case .wrongChannels(let channels, let path, let expected):
      return "\(path) has \(channels) channels, and the encoder takes \(expected)"
    }
  }
}
