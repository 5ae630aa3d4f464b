import Foundation
import Imaging

/// One channel of a case. Integers of up to 16 bits stay what they are in the file, at half the memory of floats.
package enum CaseImage: Sendable {
  case integers(Volume<Int16>)
  case floats(Volume<Float>)

  /// - Throws: what reading throws.
  init(_ url: URL) throws {
    let header = try NIfTI.readHeader(url)
    let isSmall = [.uint8, .int8, .int16].contains(header.voxelType)
    if isSmall && header.slope == 1 && header.intercept == 0 {
      self = .integers(try NIfTI.readLabels(url))
    } else {
      self = .floats(try NIfTI.readImage(url))
    }
  }

  var shape: [Int] {
    switch self {
    case .integers(let volume): volume.shape
    case .floats(let volume): volume.shape
    }
  }

  var spacing: [Double] {
    switch self {
    case .integers(let volume): volume.spacing
    case .floats(let volume): volume.spacing
    }
  }
}

/// The volumes of one case, read and found to belong together.
struct CaseVolumes: Sendable {
  var name: String
  /// One volume a channel, all of one shape and spacing and without NaN.
  var images: [CaseImage]
  var label: Volume<Int16>?

  var shape: [Int] { images[0].shape }
  var spacing: [Double] { images[0].spacing }

  /// - Throws: what reading throws; `DatasetError` when the volumes differ in shape or spacing, or hold NaN or
  ///   infinities.
  init(_ source: RawDataset.Case) throws {
    name = source.name
    images = []
    for url in source.images {
      let image = try CaseImage(url)
      if let first = images.first {
        try Self.check(image.shape, image.spacing, url, first.shape, first.spacing, source.images[0])
      }
      images.append(image)
    }
    if let url = source.label {
      let label = try NIfTI.readLabels(url)
      try Self.check(label.shape, label.spacing, url, images[0].shape, images[0].spacing, source.images[0])
      self.label = label
    }
  }

  /// - Throws: `DatasetError` when the label map holds a value that `dataset.json` does not list.
  func requireLabels(valueCount: Int) throws {
    let stray = label?.voxels.withUnsafeBufferPointer { $0.first { $0 < 0 || Int($0) >= valueCount } }
    guard let stray else { return }
    throw DatasetError(
      "\(name): the label map holds the value \(stray), which dataset.json does not list; its labels are 0 to "
        + "\(valueCount - 1).")
  }

  private static func check(
    _ shape: [Int], _ spacing: [Double], _ url: URL, _ otherShape: [Int], _ otherSpacing: [Double], _ other: URL
  ) throws {
    guard shape == otherShape else {
      throw DatasetError(
        "\(url.path): the shape \(describe(shape)) differs from \(describe(otherShape)) of "
          + "\(other.lastPathComponent); they must be equal."
      )
    }
    guard sameSpacing(spacing, otherSpacing) else {
      throw DatasetError(
        "\(url.path): the spacing \(spacing) mm differs from \(otherSpacing) mm of \(other.lastPathComponent); "
          + "they must be equal."
      )
    }
  }

  /// A shape as people write it.
  static func describe(_ shape: [Int]) -> String { shape.map(String.init).joined(separator: " x ") }

  /// Equal but for rounding, as NumPy's `allclose` sees it.
  static func sameSpacing(_ a: [Double], _ b: [Double]) -> Bool {
    zip(a, b).allSatisfy { abs($0 - $1) <= 1e-8 + 1e-5 * abs($1) }
  }
}

/// Whether no value is NaN or infinite.
func allFinite(_ values: UnsafeBufferPointer<Float>) -> Bool {
  // A finite number less itself is 0; anything else gives NaN, which stays in the sum.
  var sum = SIMD8<Float>(repeating: 0)
  var i = 0
  while i + 8 <= values.count {
    let v = UnsafeRawPointer(values.baseAddress! + i).loadUnaligned(as: SIMD8<Float>.self)
    sum += v - v
    i += 8
  }
  var rest: Float = 0
  while i < values.count {
    rest += values[i] - values[i]
    i += 1
  }
  return (0..<8).allSatisfy { sum[$0] == 0 } && rest == 0
}
