import Foundation
import Imaging

/// One channel of a case. Integers of up to 16 bits stay what they are in the file, at half the memory of floats.
package enum CaseImage: Sendable {
  case integers(Volume<Int16>)
  case floats(Volume<Float>)

  /// - Throws: what reading throws.
  init(_ url: URL) throws {
    let header = try NIfTI.readHeader(url)
    try header.requireOrthogonalAxes(path: url.path)
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

  var spacing: [Double] { header.spacing }

  var header: NIfTIHeader {
    switch self {
    case .integers(let volume): volume.header
    case .floats(let volume): volume.header
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
        try Self.check(image.header, url, first.header, source.images[0])
      }
      images.append(image)
    }
    if let url = source.label {
      let label = try NIfTI.readLabels(url)
      try label.header.requireOrthogonalAxes(path: url.path)
      try Self.check(label.header, url, images[0].header, source.images[0])
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

  private static func check(_ header: NIfTIHeader, _ url: URL, _ other: NIfTIHeader, _ otherURL: URL) throws {
    let differences = header.differences(from: other)
    guard !differences.contains(.shape) else {
      throw DatasetError(
        "\(url.path): the shape \(describe(header.shape)) differs from \(describe(other.shape)) of "
          + "\(otherURL.lastPathComponent); they must be equal."
      )
    }
    guard !differences.contains(.spacing) else {
      throw DatasetError(
        "\(url.path): the spacing \(header.spacing) mm differs from \(other.spacing) mm of "
          + "\(otherURL.lastPathComponent); they must be equal."
      )
    }
  }

  /// A shape as people write it.
  static func describe(_ shape: [Int]) -> String { shape.map(String.init).joined(separator: " x ") }
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
